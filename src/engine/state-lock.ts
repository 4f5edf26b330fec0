/** One enforcing daemon a state folder: H26. */
import { lstatSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isListening, listenAt } from '../hypervisor/server/socket.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';

export interface StateLock {
  release(): Promise<void>;
}

export interface LockOptions {
  /** Told once when somebody has taken the lock away: this daemon must not go on. */
  readonly onLost: (error: BallonetError) => void;
  /** Between two looks at whether the lock is still ours. */
  readonly checkEvery?: Seconds;
}

/** Two that find the same dead lock may both replace it; the later one has it, and the earlier one sees so after this long. */
const SETTLE_MS = 250;

/**
 * Takes the lock of a folder: a socket that this process listens on. The kernel lets go of it however the process ends, so a lock
 * that nobody answers at is dead, in whatever container its holder lived.
 *
 * @throws BallonetError OWNED_BY_ANOTHER, STATE_UNAVAILABLE
 */
export async function takeStateLock(folder: string, options: LockOptions): Promise<StateLock> {
  const path = join(folder, 'lock');
  const server = createServer(socket => socket.destroy());
  try {
    await listenAt(server, path);
  } catch (error) {
    if (!isBallonetError(error, 'SOCKET_UNAVAILABLE')) throw error;
    if (inode(path) !== undefined && (await isListening(path))) throw taken(folder, error);
    throw new BallonetError('STATE_UNAVAILABLE', error.message, { cause: error });
  }
  server.unref();
  const own = inode(path);
  // One that is not ours any more is never closed: that would unlink the socket of whoever has it.
  const isOurs = () => own !== undefined && inode(path) === own;
  await sleep(SETTLE_MS);
  if (!isOurs()) throw taken(folder);
  const timer = setInterval(
    () => {
      if (isOurs()) return;
      clearInterval(timer);
      options.onLost(taken(folder));
    },
    (options.checkEvery ?? 5) * 1000,
  );
  timer.unref();
  return {
    async release() {
      clearInterval(timer);
      if (isOurs()) await new Promise<void>(resolve => void server.close(() => resolve()));
    },
  };
}

function inode(path: string): number | undefined {
  try {
    return lstatSync(path).ino;
  } catch {
    return undefined;
  }
}

function taken(folder: string, cause?: unknown): BallonetError {
  return new BallonetError(
    'OWNED_BY_ANOTHER',
    `another Ballonet runs with the state in ${folder}: stop it, or give this one --dry-run or another --state`,
    { cause },
  );
}
