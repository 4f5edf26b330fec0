import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock } from '../../../test/fakes/fake-clock.ts';
import { createFakeHypervisor } from '../../../test/fakes/fake-hypervisor.ts';
import { BallonetError } from '../../model/errors.ts';
import type { HostFigure, HostSample } from '../../model/snapshot.ts';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { createProblemReporter, type Problem } from '../problems.ts';
import { createHostCollector } from './host-collector.ts';
import type { Pool } from './pool.ts';

const FIXTURES = fileURLToPath(new URL('../../../test/fixtures/', import.meta.url));
const AUTO: Pool = { kind: 'auto' };
const SLICE: Pool = { kind: 'cgroup', path: '/machine.slice' };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ballonet-host-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** A copy of a fixture tree, with a way to change its files. */
function setUp(fixture: 'host-v1' | 'host-v2', local = true) {
  cpSync(join(FIXTURES, fixture), root, { recursive: true });
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ local });
  const problems = createProblemReporter();
  const seen: Problem[] = [];
  problems.stream.subscribe(problem => seen.push(problem));
  const collector = createHostCollector({ hypervisor, clock, procRoot: root, problems });
  return {
    clock,
    hypervisor,
    seen,
    sample: async (pool: Pool, guestsHeld?: number) => (await collector.read(pool)).sample(guestsHeld),
    write: (path: string, text: string) => writeFileSync(join(root, path), text),
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
    kib: (name: string) => {
      const text = readFileSync(join(root, 'proc/meminfo'), 'utf8');
      return Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]) * KiB;
    },
  };
}

function values(sample: HostSample, ...figures: HostFigure[]) {
  return figures.map(figure => sample.readings[figure].value);
}

function qualities(sample: HostSample, ...figures: HostFigure[]) {
  return figures.map(figure => sample.readings[figure].quality);
}

describe('the pool auto', () => {
  it('reads a real machine in bytes', async () => {
    const { sample, kib } = setUp('host-v1');

    const host = await sample(AUTO);

    expect(host.source).toBe('meminfo');
    expect(values(host, 'total', 'available', 'free', 'swapUsed', 'committed')).toEqual([
      kib('MemTotal'),
      kib('MemAvailable'),
      kib('MemFree'),
      0,
      kib('Committed_AS'),
    ]);
    expect(kib('MemTotal')).toBe(24684096 * 1024);
    expect(values(host, 'psiSomeAvg10', 'psiFullAvg300')).toEqual([0, 0]);
  });

  it('gives swap in use and the PSI windows', async () => {
    const { sample } = setUp('host-v2');

    const host = await sample(AUTO);

    expect(values(host, 'swapUsed', 'psiSomeAvg10', 'psiSomeAvg60', 'psiSomeAvg300')).toEqual([
      GiB,
      1.25,
      0.5,
      0.1,
    ]);
    expect(values(host, 'psiFullAvg10', 'psiFullAvg60', 'psiFullAvg300')).toEqual([0.75, 0.25, 0.05]);
  });

  it('has swap rates from the second sample on, by the monotonic clock', async () => {
    const { sample, write, clock } = setUp('host-v2');

    const first = await sample(AUTO);
    clock.advance(2);
    clock.setWall(0);
    write('proc/vmstat', 'pswpin 1100\npswpout 2400\n');
    const second = await sample(AUTO);

    expect(qualities(first, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'absent']);
    expect(values(second, 'swapInRate', 'swapOutRate')).toEqual([(100 * 4096) / 2, (400 * 4096) / 2]);
  });

  it('gives no rate when a counter fell or no time passed', async () => {
    const { sample, write, clock } = setUp('host-v2');

    await sample(AUTO);
    const sameInstant = await sample(AUTO);
    clock.advance(1);
    write('proc/vmstat', 'pswpin 0\npswpout 2001\n');
    const fallen = await sample(AUTO);

    expect(qualities(sameInstant, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'absent']);
    expect(qualities(fallen, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'ok']);
  });

  it('leaves PSI absent on a kernel without it, says so once, and says when it is back', async () => {
    const { sample, write, remove, seen } = setUp('host-v2');
    const text = readFileSync(join(root, 'proc/pressure/memory'), 'utf8');
    remove('proc/pressure/memory');

    const without = [await sample(AUTO), await sample(AUTO)];
    write('proc/pressure/memory', text);
    const again = await sample(AUTO);

    for (const host of without) {
      expect(qualities(host, 'psiSomeAvg10', 'psiFullAvg300', 'available')).toEqual([
        'absent',
        'absent',
        'ok',
      ]);
    }
    expect(again.readings.psiSomeAvg10.value).toBe(1.25);
    expect(seen.map(({ source, error }) => [source, error?.code])).toEqual([
      ['/proc/pressure/memory', 'HOST_UNREADABLE'],
      ['/proc/pressure/memory', undefined],
    ]);
  });

  it('leaves the figures of a meminfo that cannot be read absent, and the others alone', async () => {
    const { sample, write, seen } = setUp('host-v2');
    write('proc/meminfo', 'nothing of the kind\n');

    const host = await sample(AUTO);

    expect(qualities(host, 'total', 'available', 'free', 'swapUsed')).toEqual([
      'absent',
      'absent',
      'absent',
      'absent',
    ]);
    expect(host.readings.psiSomeAvg10.value).toBe(1.25);
    expect(seen.map(({ source }) => source)).toEqual(['/proc/meminfo']);
  });

  it('takes more available than there is for implausible', async () => {
    const { sample, write } = setUp('host-v2');
    write(
      'proc/meminfo',
      'MemTotal: 1000 kB\nMemAvailable: 1001 kB\nMemFree: 900 kB\nSwapTotal: 5 kB\nSwapFree: 6 kB\n',
    );

    const host = await sample(AUTO);

    expect(qualities(host, 'total', 'available', 'free', 'swapUsed', 'committed')).toEqual([
      'ok',
      'implausible',
      'ok',
      'implausible',
      'absent',
    ]);
  });

  it("asks the driver when the guests are on another machine, and keeps this machine's /proc out of it", async () => {
    const { sample, hypervisor } = setUp('host-v2', false);

    const host = await sample(AUTO);
    hypervisor.node = { totalKib: 100, availableKib: 40 };
    const knows = await sample(AUTO);

    expect(host.source).toBe('driver');
    expect(values(host, 'total', 'available', 'free')).toEqual([16 * GiB, 6 * GiB - 49_938 * KiB, 2 * GiB]);
    expect(qualities(host, 'swapUsed', 'swapInRate', 'psiSomeAvg10')).toEqual(['absent', 'absent', 'absent']);
    expect(values(knows, 'available', 'free')).toEqual([40 * KiB, undefined]);
  });

  it('is without figures on a driver that does not know its node, and fails the tick when the link does', async () => {
    const { sample, hypervisor, seen } = setUp('host-v2', false);

    hypervisor.node = new BallonetError('OPERATION_UNSUPPORTED', 'no');
    const host = await sample(AUTO);
    hypervisor.node = new BallonetError('HYPERVISOR_CLOSED', 'gone');

    expect(qualities(host, 'total', 'available')).toEqual(['absent', 'absent']);
    expect(seen.map(({ source }) => source)).toEqual(['driver']);
    await expect(sample(AUTO)).rejects.toMatchObject({ code: 'HYPERVISOR_CLOSED' });
  });
});

describe('a pool of a fixed size', () => {
  const pool: Pool = { kind: 'size', bytes: 4 * GiB };

  it("has left what the guests' processes do not hold", async () => {
    const { sample } = setUp('host-v2');

    const host = await sample(pool, GiB);

    expect(host.source).toBe('size:4GiB');
    expect(values(host, 'total', 'available', 'free')).toEqual([4 * GiB, 3 * GiB, 3 * GiB]);
    expect(host.readings.psiSomeAvg10.value).toBe(1.25);
  });

  it('has nothing left, not less, when the guests hold more', async () => {
    const { sample } = setUp('host-v2');

    expect((await sample(pool, 5 * GiB)).readings.available.value).toBe(0);
  });

  it('does not know what is left when it does not know what the guests hold', async () => {
    const { sample } = setUp('host-v2');

    expect(qualities(await sample(pool, undefined), 'total', 'available', 'free')).toEqual([
      'ok',
      'absent',
      'absent',
    ]);
  });

  it('does not ask a remote driver for a size that the policy gave', async () => {
    const { sample, hypervisor } = setUp('host-v2', false);

    const host = await sample(pool, GiB);

    expect(host.readings.available.value).toBe(3 * GiB);
    expect(qualities(host, 'psiSomeAvg10', 'swapUsed')).toEqual(['absent', 'absent']);
    expect(hypervisor.calls.nodeMemory).toBe(0);
  });
});

describe('a cgroup as the pool', () => {
  it('counts inactive file pages of a v2 cgroup as available, and takes its own swap and PSI', async () => {
    const { sample } = setUp('host-v2');

    const host = await sample(SLICE);

    expect(host.source).toBe('cgroup:/machine.slice');
    expect(values(host, 'total', 'available', 'free')).toEqual([8 * GiB, 5 * GiB + 256 * MiB, 2000 * MiB]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10', 'psiFullAvg60')).toEqual([64 * MiB, 12.5, 4]);
  });

  it('counts the swapping of a v2 cgroup where the kernel does', async () => {
    const { sample, write, clock } = setUp('host-v2');

    await sample(SLICE);
    clock.advance(1);
    write('proc/vmstat', 'pswpin 999999\npswpout 999999\n');
    write('sys/fs/cgroup/machine.slice/memory.stat', 'inactive_file 0\npswpin 310\npswpout 520\n');
    const host = await sample(SLICE);

    expect(values(host, 'swapInRate', 'swapOutRate')).toEqual([10 * 4096, 20 * 4096]);
  });

  it('is bounded by the limit of the cgroup above when it has none of its own', async () => {
    const { sample } = setUp('host-v2');

    const host = await sample({ kind: 'cgroup', path: '/machine.slice/batch.slice' });

    expect(values(host, 'total', 'available')).toEqual([8 * GiB, 5 * GiB + 256 * MiB]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10')).toEqual([0, 0]);
  });

  it('never has more than its machine', async () => {
    const { sample, write, kib } = setUp('host-v2');
    write('sys/fs/cgroup/machine.slice/memory.max', `${64 * GiB}\n`);
    const wide = await sample(SLICE);
    write('sys/fs/cgroup/machine.slice/memory.max', 'max\n');
    const none = await sample(SLICE);

    for (const host of [wide, none]) {
      expect(values(host, 'total', 'available', 'free')).toEqual([
        kib('MemTotal'),
        kib('MemAvailable'),
        kib('MemFree'),
      ]);
    }
  });

  it("reads a real v1 cgroup, with the machine's PSI", async () => {
    const { sample } = setUp('host-v1');

    const host = await sample(SLICE);

    const free = GiB - 169865216;
    expect(values(host, 'total', 'available', 'free')).toEqual([GiB, free + 50331648, free]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10')).toEqual([0, 0]);
  });

  it('takes the v1 number for "no limit" as none and falls back to the cgroup above, then to the machine', async () => {
    const { sample, kib } = setUp('host-v1');

    const child = await sample({ kind: 'cgroup', path: '/machine.slice/guests' });
    const top = await sample({ kind: 'cgroup', path: '/' });

    expect(child.readings.total.value).toBe(GiB);
    expect(top.readings.total.value).toBe(kib('MemTotal'));
  });

  it("without a limit has no figures of its own to offer when the machine's are not known", async () => {
    const { sample, write } = setUp('host-v1');
    write('proc/meminfo', '');

    const host = await sample({ kind: 'cgroup', path: '/' });

    expect(qualities(host, 'total', 'available', 'free')).toEqual(['absent', 'absent', 'absent']);
  });

  it('cannot be led out of the mount point', async () => {
    const { sample } = setUp('host-v2');

    const host = await sample({ kind: 'cgroup', path: '/../../../machine.slice' });

    expect(host.readings.total.value).toBe(8 * GiB);
  });

  it('is without figures while it is not there, says so once, and finds a hierarchy mounted anew', async () => {
    const { sample, seen, write } = setUp('host-v2');
    write('proc/mounts', 'proc /proc proc rw 0 0\n');

    const before = [await sample(SLICE), await sample(SLICE)];
    write('proc/mounts', 'cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n');
    const after = await sample(SLICE);
    write('sys/fs/cgroup/machine.slice/memory.current', 'what\n');
    const broken = await sample(SLICE);

    for (const host of [...before, broken]) {
      expect(qualities(host, 'total', 'available', 'free')).toEqual(['absent', 'absent', 'absent']);
    }
    expect(after.readings.total.value).toBe(8 * GiB);
    expect(seen.map(({ source, error }) => [source, error?.code])).toEqual([
      ['cgroup:/machine.slice', 'HOST_UNREADABLE'],
      ['cgroup:/machine.slice', undefined],
      ['cgroup:/machine.slice', 'HOST_UNREADABLE'],
    ]);
  });
});
