/** What may befall simulated guests and their host, and what must be told of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from '../../src/hypervisor/simulated/faults.ts';
import { GiB, MiB, type Seconds } from '../../src/model/units.ts';
import type { Daemon } from '../lab/daemon.ts';
import { foreignChange, fullDisk, hears, noDescriptors, reloads } from './daemon-mischief.ts';
import { begun, type Draw, ended, held, type Mischief, otherShare } from './trouble.ts';
import type { World } from './world.ts';

/** Reports are stale after 5 s; a guest is missing for 10 s before it is taken to be gone. */
const LONG: readonly [Seconds, Seconds] = [9, 12];
const SHORT: readonly [Seconds, Seconds] = [4, 7];
/** Guests are asked for their jobs by turns, and of 500 each is every sixteenth tick (collectors/guest/jobs.ts). */
const JOB: readonly [Seconds, Seconds] = [24, 30];
const OFF: readonly [Seconds, Seconds] = [3, 6];

/** @param patient also what takes more than a minute */
export function mischief(world: World, daemon: Daemon, patient: boolean): Mischief {
  const { control } = world;
  const uuidOf = (name: string) => control.byName(name).uuid;
  const pause = (seconds: Seconds) => sleep(seconds * 1000);
  const between = (draw: Draw, [least, most]: readonly [Seconds, Seconds]) =>
    pause(draw.between(least, most));

  const condition =
    (fault: Fault, span: readonly [Seconds, Seconds], ...reasons: string[]): Mischief['guests'][string] =>
    async (name, draw) => {
      const uuid = uuidOf(name);
      control.inject(name, fault);
      await between(draw, span);
      control.heal(name, fault.kind);
      return { wanted: reasons.length === 0 ? [] : [held(uuid, ...reasons)] };
    };

  const stop =
    (how: 'crash' | 'destroy' | 'shutdown'): Mischief['guests'][string] =>
    async (name, draw) => {
      const uuid = uuidOf(name);
      control[how](name);
      await between(draw, OFF);
      // One that crashed is kept for the post-mortem.
      if (control.byName(name).active) control.destroy(name);
      control.start(name);
      return { wanted: [ended(uuid), begun(uuid)] };
    };

  /** Several guests at once, whatever else befalls them: nothing is asked of what is told of each. */
  async function storm(names: readonly string[], act: (name: string) => void): Promise<void> {
    for (const name of names) act(name);
    await pause(1);
  }

  return {
    guests: {
      destroy: stop('destroy'),
      pause: async (name, draw) => {
        const uuid = uuidOf(name);
        control.pause(name);
        await between(draw, SHORT);
        control.resume(name);
        return { wanted: [held(uuid, 'NOT_RUNNING')] };
      },
      reboot: async (name, draw) => {
        const uuid = uuidOf(name);
        for (let i = draw.between(1, 4); i > 0; i -= 1) control.reboot(name);
        await pause(3);
        return { wanted: [begun(uuid)] };
      },
      job: condition({ kind: 'job' }, patient ? JOB : SHORT, 'JOB_RUNNING'),
      // The driver takes the balloon's memory back when it goes, which nobody asked for.
      'no-driver': condition(
        { kind: 'no-driver' },
        LONG,
        'STATS_ABSENT',
        'STATS_STALE',
        'STATS_IMPLAUSIBLE',
        'FOREIGN_CHANGE',
      ),
      'stats-stop': condition({ kind: 'stats-stop' }, LONG, 'STATS_STALE'),
      // A question that it does not answer holds the domain's lock as a job would.
      hang: condition({ kind: 'hang' }, LONG, 'STATS_STALE', 'STATS_ABSENT', 'JOB_RUNNING'),
      foreign: name =>
        foreignChange(daemon, control.byName(name), async () => {
          const { parameters, memory } = control.byName(name);
          const share = otherShare((memory?.size ?? 0) / parameters.maximum);
          await world.setMemory(name, Math.round(share * (parameters.maximum / MiB)) * MiB);
        }),
      vanish: async (name, draw) => {
        const before = uuidOf(name);
        const after = world.replace(name);
        await pause(draw.between(...OFF) + 10);
        return { wanted: [ended(before), begun(after)] };
      },
      crash: stop('crash'),
      shutdown: stop('shutdown'),
      stuck: condition({ kind: 'stuck' }, LONG),
      garbage: condition({ kind: 'garbage' }, SHORT),
      lies: condition({ kind: 'lies', says: 'both' }, LONG),
      empty: condition({ kind: 'empty' }, LONG, 'STATS_ABSENT', 'STATS_IMPLAUSIBLE', 'STATS_STALE'),
      missing: condition({ kind: 'missing' }, SHORT),
      zswap: condition({ kind: 'zswap' }, SHORT),
      pinned: condition({ kind: 'pinned' }, SHORT),
      hotplug: condition({ kind: 'hotplug', bytes: GiB / 4 }, SHORT),
    },
    // Those that blind come last: what is told before them can be judged however short the time.
    host: {
      ...reloads(daemon),
      'event storm': async draw => {
        const name = draw.oneOf(world.names);
        const { state } = control.byName(name);
        if (state !== 'running') return { wanted: [] };
        await storm(Array<string>(200).fill(name), one => {
          control.pause(one);
          control.resume(one);
        });
        return { wanted: [] };
      },
      'wall clock': async draw => {
        const seconds = draw.oneOf([-1, 1]) * draw.between(100, 4000);
        world.stepWallClock(seconds);
        await daemon.footprint(seconds);
        await pause(3);
        return { wanted: [], blinds: true };
      },
      restart: async draw => {
        await hears(daemon, 'HYPERVISOR_BACK', () => world.restart(draw.between(1, 4)));
        return { wanted: [{ events: ['HYPERVISOR_LOST'] }, { events: ['HYPERVISOR_BACK'] }], blinds: true };
      },
      'job storm': async draw => {
        const start = Math.floor(draw.between(0, world.names.length / 2));
        const some = world.names.slice(start, start + Math.ceil(world.names.length / 10));
        await storm(some, name => control.inject(name, { kind: 'job' }));
        await pause(3);
        await storm(some, name => control.heal(name, 'job'));
        return { wanted: [], blinds: true };
      },
      'no file descriptor': () => noDescriptors(daemon),
      ...(patient && { 'full disk': () => fullDisk(daemon) }),
    },
  };
}
