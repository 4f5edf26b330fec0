#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "workload.h"

#define LINE 256
#define PENDING 32
#define BEAT_MS 50

volatile struct shared *shared;

static double agent_late;
static int port = -1;

double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

void write_file(const char *path, const char *text) {
  int file = open(path, O_WRONLY);
  if (file < 0) return;
  if (write(file, text, strlen(text)) < 0) dprintf(2, "ballonet-lab: cannot write %s\n", path);
  close(file);
}

static pid_t holder = -1;
static int holder_socket = -1;
static unsigned long pending[PENDING];
static unsigned pendings;

static void say(const char *text, size_t length) {
  while (length > 0) {
    ssize_t n = write(port, text, length);
    if (n < 0 && errno != EINTR && errno != EAGAIN) return;
    if (n > 0) text += n, length -= n;
  }
}

static void sayf(const char *format, ...) {
  static char line[1024];
  va_list list;
  va_start(list, format);
  int n = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  say(line, n);
}

static int start_holder(void) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -1;
  memset((void *)shared, 0, sizeof *shared);
  holder = fork();
  if (holder == 0) {
    close(pair[0]);
    close(port);
    hold(pair[1]);
  }
  close(pair[1]);
  if (holder < 0) {
    close(pair[0]);
    return -1;
  }
  holder_socket = pair[0];
  return 0;
}

static void holder_died(void) {
  int status = 0;
  unsigned long lost = shared->held;
  waitpid(holder, &status, 0);
  close(holder_socket);
  holder = holder_socket = -1;
  sayf("{\"event\":\"holder-died\",\"signal\":%d,\"lostBytes\":%lu}\n", WIFSIGNALED(status) ? WTERMSIG(status) : 0, lost);
  for (unsigned i = 0; i < pendings; i++)
    sayf("{\"id\":%lu,\"error\":\"the holder died by signal %d\"}\n", pending[i], WIFSIGNALED(status) ? WTERMSIG(status) : 0);
  pendings = 0;
}

static void holder_answered(void) {
  static char reply[REPLY];
  ssize_t n = recv(holder_socket, reply, sizeof reply - 1, 0);
  if (n <= 0) return holder_died();
  reply[n] = 0;
  unsigned long id = strtoul(reply + strlen("{\"id\":"), NULL, 10);
  for (unsigned i = 0; i < pendings; i++)
    if (pending[i] == id) {
      pending[i] = pending[--pendings];
      break;
    }
  say(reply, n);
}

static void order_holder(struct order o) {
  if (holder < 0 && start_holder() < 0) {
    sayf("{\"id\":%lu,\"error\":\"cannot start a holder: %s\"}\n", o.id, strerror(errno));
  } else if (pendings == PENDING) {
    sayf("{\"id\":%lu,\"error\":\"too many requests at once\"}\n", o.id);
  } else if (send(holder_socket, &o, sizeof o, MSG_NOSIGNAL) < 0) {
    sayf("{\"id\":%lu,\"error\":\"cannot reach the holder: %s\"}\n", o.id, strerror(errno));
  } else {
    pending[pendings++] = o.id;
  }
}

/* /proc/meminfo ("Name:  12 kB") and /proc/vmstat ("name 12") as one JSON object of bytes and counts. */
static void report_table(unsigned long id, const char *path) {
  static char text[REPLY], reply[REPLY];
  int file = open(path, O_RDONLY | O_CLOEXEC), length = 0;
  ssize_t n;
  while (file >= 0 && (n = read(file, text + length, sizeof text - 1 - length)) > 0) length += n;
  if (file >= 0) close(file);
  text[length] = 0;
  int at = sprintf(reply, "{\"id\":%lu", id);
  for (char *line = strtok(text, "\n"); line && at < REPLY - LINE; line = strtok(NULL, "\n")) {
    char name[64], unit[8] = "";
    unsigned long long value;
    if (sscanf(line, "%63[^: ]%*[: ]%llu %7s", name, &value, unit) < 2) continue;
    at += sprintf(reply + at, ",\"%s\":%llu", name, strcmp(unit, "kB") ? value : value * 1024);
  }
  at += sprintf(reply + at, "}\n");
  say(reply, at);
}

/* /proc/pressure/memory: "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" and the same for "full"; microseconds since boot. */
static void report_pressure(unsigned long id) {
  static char text[LINE];
  unsigned long long some = 0, full = 0;
  int file = open("/proc/pressure/memory", O_RDONLY | O_CLOEXEC);
  ssize_t n = file < 0 ? 0 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  text[n > 0 ? n : 0] = 0;
  char *second = strchr(text, '\n'), *a = strstr(text, "total="), *b = second ? strstr(second, "total=") : NULL;
  if (!a || !b || sscanf(a, "total=%llu", &some) != 1 || sscanf(b, "total=%llu", &full) != 1)
    sayf("{\"id\":%lu,\"error\":\"the kernel tells no memory pressure\"}\n", id);
  else sayf("{\"id\":%lu,\"someSeconds\":%.6f,\"fullSeconds\":%.6f}\n", id, some / 1e6, full / 1e6);
}

static void report_stalls(unsigned long id) {
  double last = shared->last_touch;
  sayf("{\"id\":%lu,\"longestStallSeconds\":%.6f,\"stalledSeconds\":%.6f,\"over10ms\":%lu,\"over100ms\":%lu,\"over1s\":%lu,"
       "\"ongoingStallSeconds\":%.6f,\"agentLateSeconds\":%.6f,\"heldBytes\":%lu}\n",
       id, shared->longest, shared->stalled, shared->over_10ms, shared->over_100ms, shared->over_1s,
       last > 0 ? now() - last : 0.0, agent_late, shared->held);
}

static void reset_stalls(unsigned long id) {
  shared->longest = shared->stalled = 0;
  shared->over_10ms = shared->over_100ms = shared->over_1s = 0;
  agent_late = 0;
  sayf("{\"id\":%lu}\n", id);
}

static int has_balloon(void) {
  int found = 0;
  DIR *folder = opendir("/sys/bus/virtio/drivers/virtio_balloon");
  struct dirent *entry;
  while (folder && (entry = readdir(folder))) found |= strncmp(entry->d_name, "virtio", 6) == 0;
  if (folder) closedir(folder);
  return found;
}

static void hello(const char *prefix) {
  static char boot[64];
  struct utsname name;
  int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  ssize_t n = file < 0 ? 0 : read(file, boot, sizeof boot - 1);
  if (file >= 0) close(file);
  boot[n > 0 ? n - 1 : 0] = 0;
  uname(&name);
  sayf("{%s,\"bootId\":\"%s\",\"kernel\":\"%s\",\"uptimeSeconds\":%.3f,\"balloon\":%s}\n", prefix, boot, name.release, now(),
       has_balloon() ? "true" : "false");
}

static void obey(char *line) {
  char verb[16] = "", first[32] = "", prefix[48];
  struct order o = {0};
  if (sscanf(line, "%lu %15s %31s %lu", &o.id, verb, first, &o.rate) < 2) return sayf("{\"event\":\"unreadable\"}\n");
  o.amount = strcmp(first, "all") ? strtoul(first, NULL, 10) : ~0UL;
  if (!strcmp(verb, "take")) o.verb = TAKE, order_holder(o);
  else if (!strcmp(verb, "take-soft")) o.verb = TAKE_SOFT, order_holder(o);
  else if (!strcmp(verb, "free")) o.verb = FREE, order_holder(o);
  else if (!strcmp(verb, "touch")) o.verb = TOUCH, order_holder(o);
  else if (!strcmp(verb, "work")) o.verb = WORK, order_holder(o);
  else if (!strcmp(verb, "cache")) o.verb = CACHE, order_holder(o);
  else if (!strcmp(verb, "reread")) o.verb = REREAD, order_holder(o);
  else if (!strcmp(verb, "meminfo")) report_table(o.id, "/proc/meminfo");
  else if (!strcmp(verb, "vmstat")) report_table(o.id, "/proc/vmstat");
  else if (!strcmp(verb, "pressure")) report_pressure(o.id);
  else if (!strcmp(verb, "stalls")) report_stalls(o.id);
  else if (!strcmp(verb, "reset-stalls")) reset_stalls(o.id);
  else if (!strcmp(verb, "drop-caches")) {
    write_file("/proc/sys/vm/drop_caches", "3");
    sayf("{\"id\":%lu}\n", o.id);
  } else if (!strcmp(verb, "quit") || !strcmp(verb, "reboot")) {
    sayf("{\"id\":%lu}\n", o.id);
    sync();
    reboot(verb[0] == 'q' ? RB_POWER_OFF : RB_AUTOBOOT);
  } else if (!strcmp(verb, "hello")) {
    sprintf(prefix, "\"id\":%lu", o.id);
    hello(prefix);
  } else sayf("{\"id\":%lu,\"error\":\"unknown request\"}\n", o.id);
}

static int open_port(void) {
  for (;; usleep(20000)) {
    DIR *folder = opendir("/dev");
    struct dirent *entry;
    char path[300];
    while (folder && (entry = readdir(folder))) {
      if (strncmp(entry->d_name, "vport", 5)) continue;
      snprintf(path, sizeof path, "/dev/%s", entry->d_name);
      int file = open(path, O_RDWR | O_CLOEXEC);
      if (file < 0) continue;
      closedir(folder);
      return file;
    }
    if (folder) closedir(folder);
  }
}

static void beat(double *last) {
  double t = now(), late = t - *last - BEAT_MS / 1e3;
  if (late > agent_late) agent_late = late;
  *last = t;
}

int main(void) {
  static char input[LINE];
  size_t length = 0;
  shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED || mlockall(MCL_CURRENT | MCL_FUTURE) < 0) dprintf(2, "ballonet-lab: cannot lock memory\n");
  write_file("/proc/self/oom_score_adj", "-1000");
  port = open_port();
  if (start_holder() < 0) dprintf(2, "ballonet-lab: cannot start a holder\n");
  hello("\"event\":\"hello\"");
  double last = now();
  for (;;) {
    struct pollfd p[2] = {{port, POLLIN, 0}, {holder_socket, POLLIN, 0}};
    int ready = poll(p, 2, BEAT_MS);
    if (ready == 0) beat(&last);
    else last = now();
    if (holder_socket >= 0 && p[1].revents) holder_answered();
    if (p[0].revents & POLLIN) {
      ssize_t n = read(port, input + length, sizeof input - 1 - length);
      if (n > 0) length += n;
      input[length] = 0;
      for (char *end; (end = strchr(input, '\n')); length = strlen(input)) {
        *end = 0;
        obey(input);
        memmove(input, end + 1, strlen(end + 1) + 1);
      }
      if (length == sizeof input - 1) length = 0;
    } else if (p[0].revents & POLLHUP) {
      usleep(BEAT_MS * 1000); /* nobody is connected on the host */
    }
  }
}
