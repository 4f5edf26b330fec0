/** QEMU's errors in our words. Source: QEMU, qapi/error.json, `QapiErrorClass`; every other error is a `GenericError`. */
import type { ErrorCode } from '../../model/errors.ts';
import { BallonetError } from '../../model/errors.ts';
import { fieldOf, type Json } from './json.ts';

export interface QmpError {
  readonly class: string;
  readonly desc: string;
}

const CODES: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['CommandNotFound', 'OPERATION_UNSUPPORTED'],
  // No balloon device.
  ['DeviceNotActive', 'OPERATION_UNSUPPORTED'],
  // An object of the tree that is there no more: the device was unplugged.
  ['DeviceNotFound', 'OPERATION_UNSUPPORTED'],
  // KVM without sync-mmu cannot have balloons.
  ['KVMMissingCap', 'OPERATION_UNSUPPORTED'],
]);

/** @throws BallonetError PROTOCOL */
export function readQmpError(error: Json | undefined): QmpError {
  const [name, desc] = [fieldOf(error, 'class'), fieldOf(error, 'desc')];
  if (typeof name !== 'string' || typeof desc !== 'string') {
    throw new BallonetError('PROTOCOL', 'QEMU sent an error without a class and a description');
  }
  return { class: name, desc };
}

/** Keeps QEMU's own words and class. */
export function fromQmpError(execute: string, error: QmpError): BallonetError {
  return new BallonetError(
    CODES.get(error.class) ?? 'OPERATION_REFUSED',
    `QEMU: ${execute}: ${error.desc} (${error.class})`,
  );
}
