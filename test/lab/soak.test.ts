/** Real guests and their libvirtd in trouble: `npm run soak -- lab` does 15 minutes of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { KiB, MiB } from '../../src/model/units.ts';
import { foreignChange, fullDisk, hears, noDescriptors, reloads } from '../soak/daemon-mischief.ts';
import { MIN } from '../soak/policy.ts';
import { SOAK_MINUTES, soak } from '../soak/run.ts';
import {
  begun,
  type Deed,
  type Draw,
  ended,
  held,
  type Mischief,
  otherShare,
  type Wanted,
} from '../soak/trouble.ts';
import type { Daemon } from './daemon.ts';
import type { Guest } from './guest.ts';
import { type Lab, startLab } from './lab.ts';
import { until } from './process.ts';

const LONG = SOAK_MINUTES > 0;
const GUESTS = LONG ? 6 : 4;
const SECONDS = LONG ? 60 * SOAK_MINUTES : 16;

describe(`${GUESTS} real guests in ${SECONDS} s of trouble`, () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({ guests: GUESTS, memory: '512MiB', swap: '256MiB', statsPeriod: 1 });
  });

  afterAll(async () => {
    await lab?.close();
  });

  it('keep their guarantees and their programs, and the daemon tells what happens and does not grow', {
    timeout: (SECONDS * 1.5 + 300) * 1000,
  }, async () => {
    const gate = createGate();
    await soak({
      title: `${GUESTS} real guests`,
      uri: lab.uri,
      folder: lab.folder,
      names: lab.guests.map(({ name }) => name),
      pace: LONG
        ? { seconds: SECONDS, guestEvery: 6, hostEvery: 35, rest: 12 }
        : { seconds: SECONDS, guestEvery: 2, hostEvery: 5, rest: 12 },
      lookEvery: LONG ? 5 : 2,
      mischief: daemon => mischief(lab, daemon, gate),
      look: () => gate.pass(() => look(lab)),
    });
  });
});

/** What needs libvirtd passes; what takes libvirtd away waits until nobody does, and lets nobody in. */
interface Gate {
  pass<T>(work: () => Promise<T>): Promise<T>;
  close<T>(work: () => Promise<T>): Promise<T>;
}

function createGate(): Gate {
  const inside = new Set<Promise<unknown>>();
  let closed: Promise<unknown> = Promise.resolve();
  const quietly = (work: Promise<unknown>) => work.catch(() => {});
  return {
    async pass(work) {
      for (let before: Promise<unknown> | undefined; before !== closed; ) {
        before = closed;
        await before;
      }
      const running = work();
      inside.add(running);
      try {
        return await running;
      } finally {
        inside.delete(running);
      }
    },
    async close(work) {
      const alone = closed.then(() => Promise.all([...inside].map(quietly))).then(work);
      closed = quietly(alone);
      return alone;
    },
  };
}

async function look(lab: Lab): Promise<string[]> {
  const text = await lab.virsh('domstats', '--balloon');
  const sizes = [...text.matchAll(/Domain: '(.*)'\n\s+balloon\.current=(\d+)/g)];
  const small = sizes.flatMap(([, name, kib]) =>
    Number(kib) * KiB < MIN * 512 * MiB ? [`${name} has ${Number(kib) / 1024} MiB`] : [],
  );
  const killed = await Promise.all(
    lab.guests.map(async guest => {
      const kills = await guest.oomKills();
      return kills === 0 ? [] : [`${guest.name}: ${kills} kills for want of memory`];
    }),
  );
  return [...small, ...killed.flat()];
}

function mischief(lab: Lab, daemon: Daemon, gate: Gate): Mischief {
  const pause = (seconds: number) => sleep(seconds * 1000);

  const act =
    (deed: (guest: Guest, draw: Draw) => Promise<readonly Wanted[] | Deed>) =>
    async (name: string, draw: Draw) => {
      const guest = lab.guests.find(one => one.name === name);
      if (guest === undefined) throw new Error(`the lab has no ${name}`);
      const done = await deed(guest, draw);
      return 'wanted' in done ? done : { wanted: done };
    };

  async function off(guest: Guest): Promise<void> {
    await until(`${guest.name} is off`, 30, () =>
      gate.pass(async () => (await lab.virsh('domstate', guest.name)).trim() === 'shut off'),
    );
  }

  async function back(guest: Guest, draw: Draw): Promise<void> {
    await pause(draw.between(2, 5));
    await gate.pass(() => guest.start());
  }

  const restart = (signal: NodeJS.Signals) => async (draw: Draw) => {
    await hears(daemon, 'HYPERVISOR_BACK', () =>
      gate.close(async () => {
        await lab.libvirtd.kill(signal);
        await pause(draw.between(0.5, 3));
        await lab.libvirtd.start();
      }),
    );
    return {
      wanted: [{ events: ['HYPERVISOR_LOST'] }, { events: ['HYPERVISOR_BACK'] }],
      blinds: true,
    } as const;
  };

  const { reload, ...worse } = reloads(daemon);
  return {
    guests: {
      kill: act(async (guest, draw) => {
        const pid = await guest.qemuPid();
        guest.disconnect();
        process.kill(pid, 'SIGKILL');
        await off(guest);
        await back(guest, draw);
        return [ended(guest.uuid), begun(guest.uuid)];
      }),
      work: act(async (guest, draw) => {
        await guest.agent.take(draw.between(100, 220) * MiB, { rate: 48 * MiB, deadlineSeconds: 60 });
        await guest.agent.work(2000);
        await pause(draw.between(2, 8));
        await guest.agent.work(0);
        await guest.agent.free('all');
        return [];
      }),
      reset: act(async guest => {
        await gate.pass(() => guest.reboot('reset'));
        return [begun(guest.uuid)];
      }),
      foreign: act(guest =>
        foreignChange(daemon, guest, () =>
          gate.pass(async () => {
            const { actual = 0 } = await guest.dommemstat();
            const share = otherShare((actual * KiB) / guest.memory);
            await guest.setMemory(Math.round((share * guest.memory) / MiB) * MiB);
          }),
        ),
      ),
      pause: act(async (guest, draw) => {
        await gate.pass(() => guest.pause());
        await pause(draw.between(4, 7));
        await gate.pass(() => guest.resume());
        return [held(guest.uuid, 'NOT_RUNNING')];
      }),
      stop: act(async (guest, draw) => {
        await gate.pass(() => guest.shutDown());
        await back(guest, draw);
        return [ended(guest.uuid), begun(guest.uuid)];
      }),
      hang: act(async guest => {
        const pid = await guest.qemuPid();
        process.kill(pid, 'SIGSTOP');
        await pause(10);
        process.kill(pid, 'SIGCONT');
        // A question that it does not answer holds libvirt's lock on the domain as a job would.
        return [held(guest.uuid, 'STATS_STALE', 'STATS_ABSENT', 'JOB_RUNNING')];
      }),
      reboot: act(async guest => {
        await guest.reboot('kernel');
        return [begun(guest.uuid)];
      }),
      destroy: act(async (guest, draw) => {
        await gate.pass(() => guest.destroy());
        await back(guest, draw);
        return [ended(guest.uuid), begun(guest.uuid)];
      }),
    },
    host: {
      reload,
      'libvirtd killed': restart('SIGKILL'),
      ...worse,
      'libvirtd stopped': restart('SIGTERM'),
      'no file descriptor': () => noDescriptors(daemon),
      ...(LONG && { 'full disk': () => fullDisk(daemon) }),
    },
  };
}
