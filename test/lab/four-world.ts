/** The six guests of the four scripts, and who can be put at their balloons. */
import { MiB, type Ratio, type Seconds } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { fourPolicy } from './four-policy.ts';
import { type Lab, startLab } from './lab.ts';
import { type Round, startMom } from './mom.ts';
import { GUESTS } from './scripts.ts';

export const HOST = 2100 * MiB;
/** What a host keeps of its memory beside its guests. */
export const MARGIN = 64 * MiB;
/** Guests have come to their first sizes by then. */
export const SETTLE_SECONDS: Seconds = 15;

/** QEMU's own memory grows with its disk requests: by 1 MiB of 730 in all when six guests swapped (measured). */
export const OWN_GROWTH: Ratio = 1.03;

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
  // The host is judged by resident memory, which counts QEMU's program text with each guest, where a cgroup is charged for it once. A
  // pool of fixed size is for guests alone: what QEMU holds beside them is set aside, as an operator would measure it.
  const beside = await Promise.all(
    lab.guests.map(async guest => (await guest.rss()) - (await guest.residentMemory())),
  );
  const reserve = beside.reduce((sum, bytes) => sum + bytes * OWN_GROWTH, MARGIN);
  return startDaemon({
    uri: lab.uri,
    folder: lab.folder,
    policy: fourPolicy(`${HOST / MiB}MiB`, reserve),
  });
}

/**
 * Puts a controller at the balloons; disposing ends it.
 *
 * @param rounds is told of each of MOM's
 */
export async function control(
  lab: Lab,
  controller: FourController,
  rounds?: (round: Round) => void,
): Promise<AsyncDisposable | undefined> {
  if (controller === 'ballonet') return startBallonet(lab);
  return controller === 'mom' ? startMom(lab, HOST, rounds) : undefined;
}
