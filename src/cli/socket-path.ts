import { existsSync } from 'node:fs';
import { join } from 'node:path';

const SYSTEM = '/run/ballonet/ballonet.sock';

/**
 * Where a daemon that is told nothing else listens: in what systemd made for the unit (systemd.exec(5), RuntimeDirectory=), else
 * in /run/ballonet for root, else in the user's own folder (XDG Base Directory Specification). Undefined when there is none.
 */
export function defaultSocket(
  environment: NodeJS.ProcessEnv = process.env,
  isRoot = process.getuid?.() === 0,
): string | undefined {
  const [unit = ''] = (environment.RUNTIME_DIRECTORY ?? '').split(':');
  if (unit !== '') return join(unit, 'ballonet.sock');
  return isRoot ? SYSTEM : userSocket(environment);
}

/** Where a command looks for the daemon: the host's own if there is one, else the user's. */
export function socketToAsk(
  option: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
  exists: (path: string) => boolean = existsSync,
): string {
  if (option !== undefined) return option;
  const own = userSocket(environment);
  return !exists(SYSTEM) && own !== undefined && exists(own) ? own : SYSTEM;
}

function userSocket({ XDG_RUNTIME_DIR: folder }: NodeJS.ProcessEnv): string | undefined {
  return folder?.startsWith('/') === true ? join(folder, 'ballonet', 'ballonet.sock') : undefined;
}
