/** What the verbs that ask the daemon share. */
import { userInfo } from 'node:os';
import { Option } from 'commander';
import { type ApiClient, createApiClient } from '../api/client.ts';
import { socketToAsk } from './socket-path.ts';

export interface Asking {
  readonly socket?: string | undefined;
}

export function socketOption(): Option {
  return new Option(
    '--socket <path>',
    "the daemon's socket; default /run/ballonet/ballonet.sock, else the user's own",
  );
}

export function daemonAt({ socket }: Asking): ApiClient {
  return createApiClient(socketToAsk(socket), userName());
}

/** For the daemon's audit log. Whoever became root by sudo is who asks. */
function userName(environment: NodeJS.ProcessEnv = process.env): string {
  const before = environment.SUDO_USER;
  if (before !== undefined && before !== '') return before;
  try {
    return userInfo().username;
  } catch {
    // A user without an entry in the password file has no name (libuv: ENOENT).
    return String(process.getuid?.() ?? 'unknown');
  }
}
