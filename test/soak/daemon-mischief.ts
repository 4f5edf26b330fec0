/** What a daemon's own resources may do to it, wherever its guests live. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { isBallonetError } from '../../src/model/errors.ts';
import type { NOTICES } from '../../src/model/notice.ts';
import type { Seconds } from '../../src/model/units.ts';
import type { Daemon } from '../lab/daemon.ts';
import { until } from '../lab/process.ts';
import { policyOf } from './policy.ts';
import { type Deed, held, type Mischief } from './trouble.ts';

/** Waits until the daemon tells of this, after what is done. */
export async function hears(
  { lines }: Daemon,
  event: keyof typeof NOTICES,
  deed: () => Promise<void> | void,
  seconds: Seconds = 60,
): Promise<void> {
  const before = lines.length;
  await deed();
  await until(`the daemon tells of ${event}`, seconds, () =>
    lines.slice(before).some(line => line.event === event),
  );
}

/** Policies that change. */
export function reloads(daemon: Daemon) {
  let revision = 0;
  const next = (): Promise<void> => {
    revision += 1;
    return daemon.rewrite(policyOf(revision));
  };
  const signal = () => daemon.signal('SIGHUP');
  const reload = () =>
    hears(daemon, 'POLICIES_RELOADED', async () => {
      await next();
      signal();
    });
  return {
    reload: async () => {
      await reload();
      return { wanted: [{ events: ['POLICIES_RELOADED'] }] };
    },
    'bad policy': async () => {
      await hears(daemon, 'RELOAD_REFUSED', async () => {
        await daemon.rewrite('spec: {}');
        signal();
      });
      await reload();
      return { wanted: [{ events: ['RELOAD_REFUSED'] }, { events: ['POLICIES_RELOADED'] }] };
    },
    'reload storm': async () => {
      await hears(daemon, 'POLICIES_RELOADED', async () => {
        await next();
        for (let i = 0; i < 100; i += 1) signal();
      });
      return { wanted: [{ events: ['POLICIES_RELOADED'] }] };
    },
  } satisfies Mischief['host'];
}

/** A size that has not stood for 5 s may still be of an earlier move (follow-up.ts), and nobody can tell whose it is. */
const STANDING_MS = 7000;

/** Somebody else moves a balloon, which must be told of where the daemon did not move it about that time itself. */
export async function foreignChange(
  daemon: Daemon,
  guest: { readonly name: string; readonly uuid: string },
  change: () => Promise<void>,
): Promise<Deed> {
  const before = daemon.lines.length;
  await sleep(STANDING_MS);
  try {
    await change();
  } catch (error) {
    // A job that has begun meanwhile keeps everybody's hands off.
    if (isBallonetError(error, 'OPERATION_BUSY')) return { wanted: [] };
    throw error;
  }
  await sleep(4000);
  const moved = daemon.lines
    .slice(before)
    .some(({ msg, domain }) => msg === 'balloon moved' && domain === guest.name);
  return { wanted: moved ? [] : [held(guest.uuid, 'FOREIGN_CHANGE')] };
}

/** Nothing can be opened for a while. */
export async function noDescriptors(daemon: Daemon): Promise<Deed> {
  limit(daemon, 'nofile', '3:');
  await sleep(3000);
  limit(daemon, 'nofile', '1024:');
  return { wanted: [], blinds: true };
}

/** Nothing can be written for a while. The journal tries a full disk again every minute; what happens until then is not in it. */
export async function fullDisk(daemon: Daemon): Promise<Deed> {
  await hears(daemon, 'JOURNAL_FAILED', () => limit(daemon, 'fsize', '0:'));
  await hears(daemon, 'JOURNAL_BACK', () => limit(daemon, 'fsize', 'unlimited:'), 90);
  return { wanted: [{ events: ['JOURNAL_BACK'] }], blinds: true };
}

/** Sets a soft limit of a running process. Node takes no harm of SIGXFSZ: it is told EFBIG. */
export function limit({ pid }: Daemon, resource: 'nofile' | 'fsize', value: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--${resource}=${value}`]);
}
