import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BallonetError } from '../model/errors.ts';

/** What decides where state is kept. */
export interface StateDirInput {
  /** `--state`. */
  readonly option: string | undefined;
  readonly environment: NodeJS.ProcessEnv;
  readonly isRoot: boolean;
}

/**
 * The folder for state: `--state`, else what systemd made for the unit (systemd.exec(5), StateDirectory=), else
 * /var/lib/ballonet for root, else the user's own (XDG Base Directory Specification).
 *
 * @throws BallonetError STATE_UNAVAILABLE when nothing says where
 */
export function stateDir({ option, environment, isRoot }: StateDirInput): string {
  if (option !== undefined) return option;
  const { STATE_DIRECTORY: unit, XDG_STATE_HOME: xdg, HOME: home } = environment;
  const [first = ''] = (unit ?? '').split(':');
  if (first !== '') return first;
  if (isRoot) return '/var/lib/ballonet';
  if (xdg?.startsWith('/') === true) return join(xdg, 'ballonet');
  if (home !== undefined && home !== '') return join(home, '.local/state/ballonet');
  throw new BallonetError('STATE_UNAVAILABLE', 'there is no home folder to keep state in; give --state DIR');
}

/** The folder for the state of one hypervisor's guests, for the user that this process runs as. */
export function ownStateFolder(option: string | undefined, uri: string): string {
  const dir = stateDir({ option, environment: process.env, isRoot: process.getuid?.() === 0 });
  return stateFolderOf(dir, uri);
}

/** Each hypervisor has a folder of its own in it, named so that people recognise it. */
export function stateFolderOf(dir: string, uri: string): string {
  const words = uri
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 32);
  return join(dir, `${words}-${createHash('sha256').update(uri).digest('hex').slice(0, 8)}`);
}
