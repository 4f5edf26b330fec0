import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { BallonetError } from '../model/errors.ts';

/**
 * The folder for the state of one hypervisor's guests, named so that people recognise it. It lies in `--state`, else in what
 * systemd made for the unit (systemd.exec(5), StateDirectory=), else in /var/lib/ballonet for root, else in the user's own
 * (XDG Base Directory Specification).
 *
 * @throws BallonetError STATE_UNAVAILABLE when nothing says where
 */
export function stateFolder(
  option: string | undefined,
  uri: string,
  environment: NodeJS.ProcessEnv = process.env,
  isRoot = process.getuid?.() === 0,
): string {
  const words = uri
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 32);
  const hash = createHash('sha256').update(uri).digest('hex').slice(0, 8);
  return join(option ?? defaultDir(environment, isRoot), `${words}-${hash}`);
}

/** Where the journal of one hypervisor's guests is kept: in the folder for the state. */
export function journalFolder(option: string | undefined, uri: string): string {
  return join(stateFolder(option, uri), 'journal');
}

function defaultDir(environment: NodeJS.ProcessEnv, isRoot: boolean): string {
  const { STATE_DIRECTORY: unit, XDG_STATE_HOME: xdg, HOME: home } = environment;
  const [first = ''] = (unit ?? '').split(':');
  if (first !== '') return first;
  if (isRoot) return '/var/lib/ballonet';
  if (xdg?.startsWith('/') === true) return join(xdg, 'ballonet');
  if (home !== undefined && home !== '') return join(home, '.local/state/ballonet');
  throw new BallonetError('STATE_UNAVAILABLE', 'there is no home folder to keep state in; give --state DIR');
}
