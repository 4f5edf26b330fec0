/** A call between its start and its answer. */
import type { BallonetError } from '../../model/errors.ts';
import { isBallonetError } from '../../model/errors.ts';
import type { Call } from './call.ts';
import { fromRemoteError } from './remote-error.ts';
import { readRemoteError } from './structures.ts';
import { MESSAGE_STATUS } from './wire.ts';
import type { XdrReader } from './xdr.ts';

export interface PendingCall {
  readonly call: Omit<Call<unknown>, 'read'>;
  /** When it went out, by `performance.now()`; undefined while it waits for its turn. */
  sentAt: number | undefined;
  /** Set while its caller waits. */
  timer: NodeJS.Timeout | undefined;
  /** Its deadline has passed and its caller has gone, but its slot is taken until the reply comes. */
  expired: boolean;
  /** Settles the call with its reply; throws PROTOCOL when the reply makes the connection useless. */
  readonly answer: (status: number, reader: XdrReader) => void;
  readonly reject: (error: BallonetError) => void;
}

/** The record of a call, and the promise of its result. */
export function pendingCall<T>(call: Call<T>): {
  readonly pending: PendingCall;
  readonly result: Promise<T>;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: BallonetError) => void = () => {};
  const result = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  const answer = (status: number, reader: XdrReader): void => {
    if (status === MESSAGE_STATUS.error) {
      const error = readRemoteError(reader);
      reader.end();
      reject(fromRemoteError(error, call.refusals, call.otherwise));
      return;
    }
    let value: T;
    try {
      value = call.read(reader);
    } catch (error) {
      // A value that cannot be had concerns this call only; bytes that cannot be understood concern all that follow.
      if (!isBallonetError(error) || error.code === 'PROTOCOL') throw error;
      reject(error);
      return;
    }
    reader.end();
    resolve(value);
  };
  return { pending: { call, sentAt: undefined, timer: undefined, expired: false, answer, reject }, result };
}
