import { describe, expect, it } from 'vitest';
import { hostBench, qualities, values } from '../../../test/fakes/host-bench.ts';
import { GiB, MiB } from '../../model/units.ts';
import type { Pool } from './pool.ts';

const SLICE: Pool = { kind: 'cgroup', path: '/machine.slice' };

describe('a cgroup as the pool', () => {
  it('counts inactive file pages of a v2 cgroup as available, and takes its own swap and PSI', async () => {
    const { sample } = hostBench('host-v2');

    const host = await sample(SLICE);

    expect(host.source).toBe('cgroup:/machine.slice');
    expect(values(host, 'total', 'available', 'free')).toEqual([8 * GiB, 5 * GiB + 256 * MiB, 2000 * MiB]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10', 'psiFullAvg60')).toEqual([64 * MiB, 12.5, 4]);
  });

  it('counts the swapping of a v2 cgroup where the kernel does', async () => {
    const { sample, write, clock } = hostBench('host-v2');

    await sample(SLICE);
    clock.advance(1);
    write('proc/vmstat', 'pswpin 999999\npswpout 999999\n');
    write('sys/fs/cgroup/machine.slice/memory.stat', 'inactive_file 0\npswpin 310\npswpout 520\n');
    const host = await sample(SLICE);

    expect(values(host, 'swapInRate', 'swapOutRate')).toEqual([10 * 4096, 20 * 4096]);
  });

  it('is bounded by the limit of the cgroup above when it has none of its own', async () => {
    const { sample } = hostBench('host-v2');

    const host = await sample({ kind: 'cgroup', path: '/machine.slice/batch.slice' });

    expect(values(host, 'total', 'available')).toEqual([8 * GiB, 5 * GiB + 256 * MiB]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10')).toEqual([0, 0]);
  });

  it('never has more than its machine', async () => {
    const { sample, write, kib } = hostBench('host-v2');
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
    const { sample } = hostBench('host-v1');

    const host = await sample(SLICE);

    const free = GiB - 169865216;
    expect(values(host, 'total', 'available', 'free')).toEqual([GiB, free + 50331648, free]);
    expect(values(host, 'swapUsed', 'psiSomeAvg10')).toEqual([0, 0]);
  });

  it('takes the v1 number for "no limit" as none and falls back to the cgroup above, then to the machine', async () => {
    const { sample, kib } = hostBench('host-v1');

    const child = await sample({ kind: 'cgroup', path: '/machine.slice/guests' });
    const top = await sample({ kind: 'cgroup', path: '/' });

    expect(child.readings.total.value).toBe(GiB);
    expect(top.readings.total.value).toBe(kib('MemTotal'));
  });

  it("without a limit has no figures of its own to offer when the machine's are not known", async () => {
    const { sample, write } = hostBench('host-v1');
    write('proc/meminfo', '');

    const host = await sample({ kind: 'cgroup', path: '/' });

    expect(qualities(host, 'total', 'available', 'free')).toEqual(['absent', 'absent', 'absent']);
  });

  it('cannot be led out of the mount point', async () => {
    const { sample } = hostBench('host-v2');

    const host = await sample({ kind: 'cgroup', path: '/../../../machine.slice' });

    expect(host.readings.total.value).toBe(8 * GiB);
  });

  it('is without figures while it is not there, says so once, and finds a hierarchy mounted anew', async () => {
    const { sample, seen, write } = hostBench('host-v2');
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
