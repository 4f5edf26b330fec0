/*
 * The workload of a lab guest, and its first process: takes and frees memory on command and measures how long the
 * guest makes it wait.
 *
 * One line per request on the first virtio-serial port, `ID VERB ARGUMENT...`; one JSON line per reply, with the same
 * id. Lines without an id are events. Amounts are bytes, times are seconds.
 *
 * Two processes. The agent answers, is locked in memory and cannot be taken by the OOM killer (it is also PID 1). The
 * holder, its child, holds the memory and is the OOM killer's first choice; its death is reported, and a new holder
 * begins empty.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#define PAGE 4096UL
#define REPLY 32768

enum verb { TAKE, TAKE_SOFT, FREE, TOUCH, WORK, CACHE, REREAD };

/* From the agent to the holder; the answer is the reply line. */
struct order {
  unsigned long id;
  enum verb verb;
  unsigned long amount, rate;
};

/* In memory of both processes, so that the agent can tell of a holder that is stuck. */
struct shared {
  double last_touch; /* 0 while the holder is not at work */
  double longest, stalled;
  unsigned long over_10ms, over_100ms, over_1s;
  unsigned long held;
};
extern volatile struct shared *shared;

double now(void);
void write_file(const char *path, const char *text);

/* The holder's life: serves orders from this socket, and never returns. */
_Noreturn void hold(int agent);

#endif
