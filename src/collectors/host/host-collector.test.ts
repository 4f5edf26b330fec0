import { describe, expect, it } from 'vitest';
import { hostBench, qualities, values } from '../../../test/fakes/host-bench.ts';
import { BallonetError } from '../../model/errors.ts';
import { GiB, KiB } from '../../model/units.ts';
import type { Pool } from './pool.ts';

const AUTO: Pool = { kind: 'auto' };

describe('the pool auto', () => {
  it('reads a real machine in bytes', async () => {
    const { sample, kib } = hostBench('host-v1');

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
    const { sample } = hostBench('host-v2');

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
    const { sample, write, clock } = hostBench('host-v2');

    const first = await sample(AUTO);
    clock.advance(2);
    clock.setWall(0);
    write('proc/vmstat', 'pswpin 1100\npswpout 2400\n');
    const second = await sample(AUTO);

    expect(qualities(first, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'absent']);
    expect(values(second, 'swapInRate', 'swapOutRate')).toEqual([(100 * 4096) / 2, (400 * 4096) / 2]);
  });

  it('gives no rate when a counter fell or no time passed', async () => {
    const { sample, write, clock } = hostBench('host-v2');

    await sample(AUTO);
    const sameInstant = await sample(AUTO);
    clock.advance(1);
    write('proc/vmstat', 'pswpin 0\npswpout 2001\n');
    const fallen = await sample(AUTO);

    expect(qualities(sameInstant, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'absent']);
    expect(qualities(fallen, 'swapInRate', 'swapOutRate')).toEqual(['absent', 'ok']);
  });

  it('leaves PSI absent on a kernel without it, says so once, and says when it is back', async () => {
    const { sample, read, write, remove, seen } = hostBench('host-v2');
    const text = read('proc/pressure/memory');
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
    const { sample, write, seen } = hostBench('host-v2');
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
    const { sample, write } = hostBench('host-v2');
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
    const { sample, hypervisor } = hostBench('host-v2', false);

    const host = await sample(AUTO);
    hypervisor.node = { totalKib: 100, availableKib: 40 };
    const knows = await sample(AUTO);

    expect(host.source).toBe('driver');
    expect(values(host, 'total', 'available', 'free')).toEqual([16 * GiB, 6 * GiB - 49_938 * KiB, 2 * GiB]);
    expect(qualities(host, 'swapUsed', 'swapInRate', 'psiSomeAvg10')).toEqual(['absent', 'absent', 'absent']);
    expect(values(knows, 'available', 'free')).toEqual([40 * KiB, undefined]);
  });

  it('is without figures on a driver that does not know its node, and fails the tick when the link does', async () => {
    const { sample, hypervisor, seen } = hostBench('host-v2', false);

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
    const { sample } = hostBench('host-v2');

    const host = await sample(pool, GiB);

    expect(host.source).toBe('size:4GiB');
    expect(values(host, 'total', 'available', 'free')).toEqual([4 * GiB, 3 * GiB, 3 * GiB]);
    expect(host.readings.psiSomeAvg10.value).toBe(1.25);
  });

  it('has nothing left, not less, when the guests hold more', async () => {
    const { sample } = hostBench('host-v2');

    expect((await sample(pool, 5 * GiB)).readings.available.value).toBe(0);
  });

  it('does not know what is left when it does not know what the guests hold', async () => {
    const { sample } = hostBench('host-v2');

    expect(qualities(await sample(pool, undefined), 'total', 'available', 'free')).toEqual([
      'ok',
      'absent',
      'absent',
    ]);
  });

  it('does not ask a remote driver for a size that the policy gave', async () => {
    const { sample, hypervisor } = hostBench('host-v2', false);

    const host = await sample(pool, GiB);

    expect(host.readings.available.value).toBe(3 * GiB);
    expect(qualities(host, 'psiSomeAvg10', 'swapUsed')).toEqual(['absent', 'absent']);
    expect(hypervisor.calls.nodeMemory).toBe(0);
  });
});
