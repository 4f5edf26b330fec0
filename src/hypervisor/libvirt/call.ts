import type { ErrorCode } from '../../model/errors.ts';
import type { RefusalCodes } from './remote-error.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

/** One call, complete: what to send and how to read the answer. */
export interface Call<T> {
  readonly procedure: number;
  /** For messages. */
  readonly name: string;
  write?(writer: XdrWriter): void;
  /** Reads the whole result; a result without content has none. */
  read(reader: XdrReader): T;
  /** What libvirt's error codes mean to this procedure where that differs from what they mean to most. */
  readonly refusals?: RefusalCodes;
  /** What any other refusal means; OPERATION_REFUSED if left out. */
  readonly otherwise?: ErrorCode;
}
