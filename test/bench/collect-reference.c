/*
 * A C client of libvirt.so for the collection benchmark: collect-reference URI
 *
 * It reads jobs from standard input, one a line: `MODE REPETITIONS`, and answers each with one line of JSON.
 *   bulk   one bulk call, each record's figures looked up by name, as a program that wants them has to
 *   state  as bulk, of the state alone
 *   walk   one bulk call, each record's figures added up without a look at their names: the least that can be done
 *   each   memory statistics domain by domain
 * It ends with its input.
 */
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static const char *const STATE[] = {"state.state", "state.reason"};
static const char *const BALLOON[] = {
    "balloon.current",     "balloon.maximum",     "balloon.swap_in",         "balloon.swap_out",       "balloon.major_fault",
    "balloon.minor_fault", "balloon.unused",      "balloon.available",       "balloon.usable",         "balloon.last-update",
    "balloon.disk_caches", "balloon.hugetlb_pgalloc", "balloon.hugetlb_pgfail", "balloon.rss",
};
#define BOTH (VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BALLOON)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What was seen, so that the clients can be held against each other. */
struct seen {
  unsigned long long domains, figures, sum;
};

static void fail(const char *what) {
  const char *why = virGetLastErrorMessage();
  fprintf(stderr, "collect-reference: %s: %s\n", what, why ? why : "no reason given");
  exit(1);
}

static double wall_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static double cpu_ms(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void look_up(virDomainStatsRecordPtr record, struct seen *seen) {
  for (size_t i = 0; i < COUNT(STATE); i++) {
    int value;
    if (virTypedParamsGetInt(record->params, record->nparams, STATE[i], &value) != 1) continue;
    seen->figures++;
    seen->sum += value;
  }
  for (size_t i = 0; i < COUNT(BALLOON); i++) {
    unsigned long long value;
    if (virTypedParamsGetULLong(record->params, record->nparams, BALLOON[i], &value) != 1) continue;
    seen->figures++;
    seen->sum += value;
  }
}

static void walk(virDomainStatsRecordPtr record, struct seen *seen) {
  for (int i = 0; i < record->nparams; i++) {
    virTypedParameterPtr param = &record->params[i];
    seen->figures++;
    seen->sum += param->type == VIR_TYPED_PARAM_INT ? (unsigned long long)param->value.i : param->value.ul;
  }
}

static void bulk(virConnectPtr conn, unsigned int groups, void (*touch)(virDomainStatsRecordPtr, struct seen *), struct seen *seen) {
  virDomainStatsRecordPtr *records = NULL;
  int count = virConnectGetAllDomainStats(conn, groups, &records,
                                          VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
                                              VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
  if (count < 0) fail("the bulk call");
  seen->domains += count;
  for (int i = 0; i < count; i++) touch(records[i], seen);
  virDomainStatsRecordListFree(records);
}

static void each(virDomainPtr *domains, int count, struct seen *seen) {
  for (int i = 0; i < count; i++) {
    virDomainMemoryStatStruct stats[VIR_DOMAIN_MEMORY_STAT_NR];
    int got = virDomainMemoryStats(domains[i], stats, VIR_DOMAIN_MEMORY_STAT_NR, 0);
    if (got < 0) fail("memory statistics");
    seen->domains++;
    seen->figures += got;
    for (int j = 0; j < got; j++) seen->sum += stats[j].val;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: collect-reference URI\n");
    return 2;
  }
  virConnectPtr conn = virConnectOpen(argv[1]);
  if (!conn) fail("the connection");
  virDomainPtr *domains = NULL;
  int count = virConnectListAllDomains(conn, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
  if (count < 0) fail("the list of domains");

  char mode[16];
  int repetitions;
  while (scanf("%15s %d", mode, &repetitions) == 2) {
    struct seen seen = {0, 0, 0};
    double *wall = calloc(repetitions, sizeof(*wall));
    if (!wall) return 1;
    double cpu = cpu_ms();
    for (int i = 0; i < repetitions; i++) {
      double start = wall_ms();
      if (strcmp(mode, "bulk") == 0) bulk(conn, BOTH, look_up, &seen);
      else if (strcmp(mode, "state") == 0) bulk(conn, VIR_DOMAIN_STATS_STATE, look_up, &seen);
      else if (strcmp(mode, "walk") == 0) bulk(conn, BOTH, walk, &seen);
      else if (strcmp(mode, "each") == 0) each(domains, count, &seen);
      else return 2;
      wall[i] = wall_ms() - start;
    }
    cpu = cpu_ms() - cpu;
    printf("{\"domains\":%llu,\"figures\":%llu,\"sum\":%llu,\"cpu\":%f,\"wall\":[", seen.domains, seen.figures, seen.sum,
           cpu);
    for (int i = 0; i < repetitions; i++) printf("%s%f", i ? "," : "", wall[i]);
    printf("]}\n");
    fflush(stdout);
    free(wall);
  }
  for (int i = 0; i < count; i++) virDomainFree(domains[i]);
  free(domains);
  virConnectClose(conn);
  return 0;
}
