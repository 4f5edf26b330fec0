/** The shape of a procedure that this server answers. */
import type { XdrReader, XdrWriter } from '../libvirt/xdr.ts';
import type { Session } from './session.ts';

/** Writes the result of a call; a result without content has none. */
export type Reply = (writer: XdrWriter) => void;

/** A reply that is there at once goes out before anything else does, events included. */
export type Answer = Reply | undefined | Promise<Reply | undefined>;

interface Rules {
  /** May be called before CONNECT_OPEN. */
  readonly early?: true;
  /** Refused to a client that has opened read-only. */
  readonly changes?: true;
}

export interface Procedure extends Rules {
  /** The name in libvirt's API, for messages. */
  readonly name: string;
  /**
   * Reads all arguments, and gives the work to do with them.
   *
   * @throws BallonetError PROTOCOL when the arguments are not what the procedure takes
   */
  prepare(reader: XdrReader): (session: Session) => Answer;
}

export function procedure<A>(
  name: string,
  read: (reader: XdrReader) => A,
  run: (args: A, session: Session) => Answer,
  rules: Rules = {},
): Procedure {
  return {
    name,
    ...rules,
    prepare(reader) {
      const args = read(reader);
      reader.end();
      return session => run(args, session);
    },
  };
}

/** For procedures without arguments. */
export function nothing(): void {}
