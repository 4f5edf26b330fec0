#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define CHUNK (1UL << 20)
#define REGION (1UL << 40)
#define WORK_MS 10
/* Shorter waits are page zeroing and scheduling, not memory pressure. */
#define STALL_SECONDS 0.01

static char *region;
static unsigned long held, work_rate, work_at;
static unsigned long long seed = 88172645463325252ULL;

struct measure {
  double start, longest, asleep;
};

static void measure_start(struct measure *m) {
  m->start = shared->last_touch = now();
  m->longest = m->asleep = 0;
}

static void measure_touch(struct measure *m) {
  double t = now(), gap = t - shared->last_touch;
  shared->last_touch = t;
  if (gap > m->longest) m->longest = gap;
  if (gap > shared->longest) shared->longest = gap;
  if (gap < STALL_SECONDS) return;
  shared->stalled += gap;
  shared->over_10ms++;
  if (gap >= 0.1) shared->over_100ms++;
  if (gap >= 1) shared->over_1s++;
}

static double measure_end(struct measure *m) {
  double seconds = now() - m->start;
  shared->last_touch = 0;
  return seconds;
}

/* Random words: neither KSM nor a compressing swap can make them smaller. */
static void fill(char *page, unsigned long bytes) {
  unsigned long long *word = (unsigned long long *)page;
  for (unsigned i = 0; i < bytes / sizeof *word; i++) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    word[i] = seed;
  }
}

static void touch(char *page) { ++*(volatile unsigned long long *)page; }

static void pause_until(struct measure *m, double due) {
  double wait = due - now();
  if (wait <= 0) return;
  struct timespec t = {(time_t)wait, (long)((wait - (time_t)wait) * 1e9)};
  nanosleep(&t, NULL);
  m->asleep += wait;
  shared->last_touch = now();
}

static int take(const struct order *o, char *reply) {
  struct measure m;
  unsigned long bytes = (o->amount + PAGE - 1) & ~(PAGE - 1), done = 0;
  measure_start(&m);
  for (; done < bytes; done += PAGE) {
    fill(region + held + done, o->verb == TAKE_SOFT ? PAGE / 4 : PAGE);
    measure_touch(&m);
    shared->held = held + done + PAGE;
    if (o->rate && (done + PAGE) % CHUNK == 0) pause_until(&m, m.start + (double)(done + PAGE) / o->rate);
  }
  held += done;
  double seconds = measure_end(&m);
  return sprintf(reply, "\"seconds\":%.6f,\"longestStallSeconds\":%.6f,\"heldBytes\":%lu", seconds, m.longest, held);
}

static int give(const struct order *o, char *reply) {
  double start = now();
  unsigned long bytes = o->amount > held ? held : o->amount & ~(PAGE - 1);
  held -= bytes;
  /* A fresh mapping over the old one gives back the page tables too, which MADV_DONTNEED would keep. */
  if (bytes && mmap(region + held, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
    _exit(3);
  shared->held = held;
  return sprintf(reply, "\"seconds\":%.6f,\"heldBytes\":%lu", now() - start, held);
}

static int touch_all(char *reply) {
  struct measure m;
  measure_start(&m);
  for (unsigned long at = 0; at < held; at += PAGE) {
    touch(region + at);
    measure_touch(&m);
  }
  double seconds = measure_end(&m);
  return sprintf(reply, "\"seconds\":%.6f,\"longestStallSeconds\":%.6f,\"heldBytes\":%lu", seconds, m.longest, held);
}

static void work_a_little(void) {
  struct measure m;
  unsigned long pages = work_rate * WORK_MS / 1000;
  if (!held) return;
  measure_start(&m);
  for (unsigned long i = 0; i < pages; i++, work_at += PAGE) {
    if (work_at >= held) work_at = 0;
    touch(region + work_at);
    measure_touch(&m);
  }
  measure_end(&m);
}

static int cache_file(const struct order *o, char *reply) {
  static char buffer[CHUNK];
  double start = now();
  unsigned long done = 0;
  int writing = o->verb == CACHE;
  int file = open("/data/cache", writing ? O_RDWR | O_CREAT | O_TRUNC : O_RDONLY, 0600);
  if (file < 0) return sprintf(reply, "\"error\":\"no data disk, or no cache file on it: %s\"", strerror(errno));
  for (;;) {
    if (writing) {
      if (done >= o->amount) break;
      for (unsigned long at = 0; at < CHUNK; at += PAGE) fill(buffer + at, PAGE);
      if (write(file, buffer, CHUNK) != (ssize_t)CHUNK) {
        int n = sprintf(reply, "\"error\":\"the data disk is full: %s\"", strerror(errno));
        close(file);
        return n;
      }
      done += CHUNK;
      if (done % (16 * CHUNK) == 0) fdatasync(file);
    } else {
      ssize_t n = read(file, buffer, CHUNK);
      if (n <= 0) break;
      done += n;
    }
  }
  if (writing) fsync(file); /* clean pages are cache that can go; dirty ones are not */
  close(file);
  return sprintf(reply, "\"seconds\":%.6f,\"bytes\":%lu", now() - start, done);
}

void hold(int agent) {
  static char reply[REPLY];
  struct order o;
  write_file("/proc/self/oom_score_adj", "1000");
  region = mmap(NULL, REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (region == MAP_FAILED) _exit(2);
  for (;;) {
    struct pollfd p = {agent, POLLIN, 0};
    int ready = poll(&p, 1, work_rate ? WORK_MS : -1);
    if (ready == 0) {
      work_a_little();
      continue;
    }
    if (recv(agent, &o, sizeof o, 0) != (ssize_t)sizeof o) _exit(0);
    int n = sprintf(reply, "{\"id\":%lu,", o.id);
    if (o.verb == TAKE || o.verb == TAKE_SOFT) n += take(&o, reply + n);
    else if (o.verb == FREE) n += give(&o, reply + n);
    else if (o.verb == TOUCH) n += touch_all(reply + n);
    else if (o.verb == WORK) {
      work_rate = o.amount;
      n += sprintf(reply + n, "\"heldBytes\":%lu", held);
    } else n += cache_file(&o, reply + n);
    n += sprintf(reply + n, "}\n");
    if (send(agent, reply, n, 0) < 0) _exit(0);
  }
}
