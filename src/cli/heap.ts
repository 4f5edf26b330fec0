/** What V8 is told of its heap. Its flags are the process's, threads included, and are read while it runs: a verb sets its own. */
import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect the old generation when it has grown by three tenths. By itself it lets it grow to four times of what lives
 * (MaxGrowingFactor in its heap-controller.h), which on a host of a thousand guests is 150 MB of what a tick leaves behind. Read at each
 * collection, so it may be set while the program runs. What must be set before is in packaging/ballonet.service.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
}

/**
 * Has V8 make what a simulation remembers of guests in the young generation. It is made anew every tick; while the heap is still
 * small most of it lives through a collection, and V8 then makes it in the old space for good, where nothing dies until all is
 * marked: a fifth of the time of a run (V8 11, 200 guests). Read where code is optimized, so it is set before the first run.
 */
export function keepHeapYoung(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
