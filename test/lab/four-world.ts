/** The six guests of the four scripts, and who can be put at their balloons. */
import { KiB, MiB, type Seconds } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { fourPolicy } from './four-policy.ts';
import { type Lab, startLab } from './lab.ts';
import { startMom } from './mom.ts';
import { GUESTS } from './scripts.ts';

export const HOST = 2100 * MiB;
/** What a host keeps of its memory beside its guests. */
export const MARGIN = 64 * MiB;
/** Guests have come to their first sizes by then. */
export const SETTLE_SECONDS: Seconds = 15;

export type FourController = 'ballonet' | 'mom' | 'nobody';
export const FOUR_CONTROLLERS: readonly FourController[] = ['ballonet', 'mom', 'nobody'];

/** Ballonet's guests live in a pool of the host's size; the others are given what they take, so that it can be measured. */
export function openFour(controller: FourController): Promise<Lab> {
  return startLab({
    guests: GUESTS,
    memory: '512MiB',
    swap: '512MiB',
    disk: '256MiB',
    statsPeriod: 1,
    ...(controller === 'ballonet' && { pool: `${HOST / MiB}MiB` }),
  });
}

export async function startBallonet(lab: Lab): Promise<Daemon> {
  const pool = lab.pool;
  if (pool === undefined) throw new Error('the lab has no pool');
  // The pool is charged once for the program text that is resident in every QEMU; the host is judged by resident memory.
  const resident = (await Promise.all(lab.guests.map(guest => guest.rss()))).reduce((a, b) => a + b, 0);
  const shared = Math.max(0, resident - (await pool.usage()));
  const cgroup = pool.path.replace(/^\/sys\/fs\/cgroup(\/memory)?/, '');
  return startDaemon({
    uri: lab.uri,
    folder: lab.folder,
    policy: fourPolicy(`cgroup:${cgroup}`, Math.ceil((MARGIN + shared) / KiB) * KiB),
  });
}

/** Puts a controller at the balloons; disposing ends it. */
export async function control(lab: Lab, controller: FourController): Promise<AsyncDisposable | undefined> {
  if (controller === 'ballonet') return startBallonet(lab);
  return controller === 'mom' ? startMom(lab, HOST) : undefined;
}
