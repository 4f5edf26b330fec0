/** The place of a server's unix socket. */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import { BallonetError, errorMessage, systemCode } from '../../model/errors.ts';

/** Room of `sun_path` on Linux, its final NUL left out (unix(7)). */
const PATH_MAX_BYTES = 107;
/** As many may come at once: over a full queue, connecting to a unix socket fails at once (EAGAIN, unix(7)). */
const BACKLOG = 2048;
/** A listener accepts at once, whoever it is: the kernel does it. */
const PROBE_MS = 2000;
/** What is taken away from each: everything but reading and writing by the owner, or by the owner and the group. */
const UMASK = { owner: 0o177, group: 0o117 };

/**
 * Lets `server` listen at `path`, for the owner of the process alone or for its group too. A socket that nobody listens on any
 * more is replaced.
 *
 * @throws BallonetError SOCKET_UNAVAILABLE
 */
export async function listenAt(
  server: Server,
  path: string,
  who: keyof typeof UMASK = 'owner',
): Promise<void> {
  if (Buffer.byteLength(path) > PATH_MAX_BYTES)
    throw unavailable(path, `the path is longer than ${PATH_MAX_BYTES} bytes`);
  await removeStale(path);
  // Node calls this EACCES.
  if (!existsSync(dirname(path))) throw unavailable(path, `there is no folder ${dirname(path)}`);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => reject(unavailable(path, errorMessage(error), error));
    server.once('error', fail);
    // The socket is bound within the call, so that it is never there with any other mode.
    const before = process.umask(UMASK[who]);
    try {
      server.listen({ path, backlog: BACKLOG }, () => {
        server.off('error', fail);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

async function removeStale(path: string): Promise<void> {
  let isSocket: boolean;
  try {
    isSocket = lstatSync(path).isSocket();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw unavailable(path, errorMessage(error), error);
  }
  if (!isSocket) throw unavailable(path, 'a file that is no socket is in the way');
  if (await isListening(path)) throw unavailable(path, 'something else listens there');
  try {
    unlinkSync(path);
  } catch (error) {
    throw unavailable(path, errorMessage(error), error);
  }
}

/** Only a refusal says that nobody listens at the socket; whatever else happens, somebody may. */
export function isListening(path: string): Promise<boolean> {
  return new Promise(resolve => {
    const probe = connect(path);
    const finish = (alive: boolean): void => {
      clearTimeout(timer);
      probe.destroy();
      resolve(alive);
    };
    const timer = setTimeout(() => finish(true), PROBE_MS);
    probe.once('connect', () => finish(true));
    probe.once('error', error => finish(systemCode(error) !== 'ECONNREFUSED'));
  });
}

function unavailable(path: string, why: string, cause?: unknown): BallonetError {
  return new BallonetError('SOCKET_UNAVAILABLE', `cannot listen at ${path}: ${why}`, { cause });
}
