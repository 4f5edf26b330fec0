/** QEMU's 64-bit integers as the figures of the driver interface: bytes end here. */
import { BallonetError } from '../../model/errors.ts';
import { KiB } from '../../model/units.ts';
import type { Json } from './json.ts';

/** A figure; undefined when QEMU does not know it; `too-large` when there is one above 2^53-1. */
export type Figure = number | undefined | 'too-large';

/** What QEMU writes for a statistic that the guest has not sent (hw/virtio/virtio-balloon.c, `reset_stats`); -1 before QEMU 2.4. */
const UNKNOWN = 2n ** 64n - 1n;
const INT64_MIN = -(2n ** 63n);

/** An amount of bytes as whole KiB, rounded down. @throws BallonetError PROTOCOL for anything but a 64-bit integer */
export function readKib(value: Json | undefined, what: string): Figure {
  return read(value, BigInt(KiB), what);
}

/** A count or a time as it is. @throws BallonetError PROTOCOL for anything but a 64-bit integer */
export function readCount(value: Json | undefined, what: string): Figure {
  return read(value, 1n, what);
}

export function tooLarge(what: string): BallonetError {
  return new BallonetError('VALUE_OUT_OF_RANGE', `${what} is above 2^53-1 and was not taken`);
}

function read(value: Json | undefined, unit: bigint, what: string): Figure {
  const integer = typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : value;
  if (typeof integer !== 'bigint' || integer < INT64_MIN || integer > UNKNOWN) {
    throw new BallonetError('PROTOCOL', `QEMU gave ${what} that is no 64-bit integer`);
  }
  // Old QEMUs print an unsigned figure as a signed one.
  const unsigned = BigInt.asUintN(64, integer);
  if (unsigned === UNKNOWN) return undefined;
  const figure = unsigned / unit;
  return figure > Number.MAX_SAFE_INTEGER ? 'too-large' : Number(figure);
}
