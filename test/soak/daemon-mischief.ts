/** What a daemon's own resources may do to it, wherever its guests live. */
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NOTICES } from '../../src/model/notice.ts';
import type { Seconds } from '../../src/model/units.ts';
import type { Daemon } from '../lab/daemon.ts';
import { until } from '../lab/process.ts';
import { policyOf } from './policy.ts';
import type { Deed, Mischief } from './trouble.ts';

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
function limit({ pid }: Daemon, resource: 'nofile' | 'fsize', value: string): void {
  execFileSync('prlimit', ['--pid', String(pid), `--${resource}=${value}`]);
}
