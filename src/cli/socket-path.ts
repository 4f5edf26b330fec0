import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

const SYSTEM = '/run/ballonet/ballonet.sock';

/**
 * Where a daemon that is told nothing else listens: in what systemd made for the unit (systemd.exec(5), RuntimeDirectory=), else
 * in /run/ballonet for root, else in the user's own folder (XDG Base Directory Specification), else in the user's home, where no
 * login made one (containers, cron). Undefined when there is none.
 */
export function defaultSocket(
  environment: NodeJS.ProcessEnv = process.env,
  isRoot = process.getuid?.() === 0,
): string | undefined {
  const [unit = ''] = (environment.RUNTIME_DIRECTORY ?? '').split(':');
  if (unit !== '') return join(unit, 'ballonet.sock');
  return isRoot ? SYSTEM : userSocket(environment);
}

/** Where a command looks for the daemon: the host's own if there is one for this user, else the user's. */
export function socketToAsk(
  option: string | undefined,
  environment: NodeJS.ProcessEnv = process.env,
  isOpen: (path: string) => boolean = mayOpen,
): string {
  if (option !== undefined) return option;
  const own = userSocket(environment);
  return !isOpen(SYSTEM) && own !== undefined && isOpen(own) ? own : SYSTEM;
}

function userSocket({ XDG_RUNTIME_DIR: runtime, HOME: home }: NodeJS.ProcessEnv): string | undefined {
  if (runtime?.startsWith('/') === true) return join(runtime, 'ballonet/ballonet.sock');
  return home?.startsWith('/') === true ? join(home, '.local/state/ballonet/ballonet.sock') : undefined;
}

function mayOpen(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
