import { errorMessage } from '../../model/errors.ts';
import type { Logger } from '../../telemetry/log.ts';

/** One thing that the daemon is made of, with its own beginning and end. */
export interface Part {
  /** For the log, when it cannot be stopped. */
  readonly name: string;
  /** May throw: then the daemon does not start. */
  start(): void | Promise<void>;
  /** Called once after `start`, also when that threw. */
  stop(): void | Promise<void>;
}

type Undo = () => void | Promise<void>;

/**
 * Starts parts in order, runs `work`, and stops what was started in the opposite order, whatever `work` or a start threw. A part
 * that fails to stop is logged and keeps no other from it.
 */
export async function withParts<T>(parts: readonly Part[], log: Logger, work: () => Promise<T>): Promise<T> {
  const started: Part[] = [];
  try {
    for (const part of parts) {
      started.push(part);
      await part.start();
    }
    return await work();
  } finally {
    for (const part of started.toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        log.error({ part: part.name, problem: errorMessage(error) }, 'a part of the daemon did not stop');
      }
    }
  }
}

/** A part that is there from its start to its end, and is undone by what its start gives back. */
export function part(name: string, start: () => Undo | Promise<Undo>): Part {
  let undo: Undo | undefined;
  return {
    name,
    async start() {
      undo = await start();
    },
    stop: () => undo?.(),
  };
}
