import { setFlagsFromString } from 'node:v8';

/**
 * Has V8 collect the old generation when it has grown by three tenths. By itself it lets it grow to four times of what lives
 * (MaxGrowingFactor in its heap-controller.h), which on a host of a thousand guests is 150 MB of what a tick leaves behind. Read at each
 * collection, so it may be set while the program runs. What must be set before is in packaging/ballonet.service.
 */
export function keepHeapSmall(): void {
  setFlagsFromString('--heap-growing-percent=30');
}
