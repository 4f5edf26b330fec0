/** A command between its start and its answer. */
import type { BallonetError } from '../../model/errors.ts';
import { isBallonetError } from '../../model/errors.ts';
import type { Command } from './commands.ts';
import type { Json } from './json.ts';
import { fromQmpError, readQmpError } from './qmp-error.ts';

export interface PendingCommand extends Pick<Command<unknown>, 'execute' | 'args'> {
  /** Set while its caller waits. */
  timer: NodeJS.Timeout | undefined;
  /** Its deadline has passed and its caller has gone; the answer, when it comes, is dropped. */
  expired: boolean;
  /** Its answer has come, or the connection has ended. */
  settled: boolean;
  /** Settles the command with its result or error; throws PROTOCOL when neither can be understood. */
  readonly answer: (value: Json | undefined, error: Json | undefined) => void;
  readonly reject: (error: BallonetError) => void;
}

/** The record of a command, and the promise of its result. */
export function pendingCommand<T>(command: Command<T>): {
  readonly pending: PendingCommand;
  readonly result: Promise<T>;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: BallonetError) => void = () => {};
  const result = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  const answer = (value: Json | undefined, error: Json | undefined): void => {
    if (value === undefined) {
      const refusal = readQmpError(error);
      const otherwise = command.refused?.(refusal);
      if (otherwise) resolve(otherwise.value);
      else reject(fromQmpError(command.execute, refusal));
      return;
    }
    try {
      resolve(command.read(value));
    } catch (problem) {
      // A value that cannot be had concerns this command only; a reply that cannot be understood concerns all that follow.
      if (!isBallonetError(problem) || problem.code === 'PROTOCOL') throw problem;
      reject(problem);
    }
  };
  const { execute, args } = command;
  return {
    pending: {
      execute,
      ...(args && { args }),
      timer: undefined,
      expired: false,
      settled: false,
      answer,
      reject,
    },
    result,
  };
}
