/** H31: migrations, saves, snapshots and backups hold a guest: it is not moved meanwhile. */
import { describe, expect, it } from 'vitest';
import { BallonetError } from '../../src/model/errors.ts';
import { GiB } from '../../src/model/units.ts';
import { collectorOver } from '../fakes/collector.ts';
import { oneGuest } from '../fakes/one-guest.ts';
import { bench } from '../fakes/simulated-bench.ts';

/** Answers of questions that nobody awaits count from the next tick on. */
const settled = () => new Promise(resolve => setImmediate(resolve));

function withJobs() {
  const guest = oneGuest();
  return {
    ...guest,
    obstacles: async () => {
      const before = await guest.tick();
      await settled();
      return before.obstacles;
    },
  };
}

describe('a job', () => {
  it('H31: is an obstacle from the tick after it was seen until it has ended', async () => {
    const { guest, obstacles } = withJobs();
    await obstacles();
    expect(await obstacles()).toEqual([]);

    guest.job = true;
    await obstacles();
    expect(await obstacles()).toEqual(['job']);

    guest.job = false;
    await obstacles();
    expect(await obstacles()).toEqual([]);
  });

  it('H31: that took the domain for itself shows by answers without it, twice in a row', async () => {
    const { guest, clock, sample, report } = oneGuest();
    await sample();
    clock.advance(1);
    guest.balloon = { 'balloon.current': 1024 * 1024, 'balloon.maximum': 1024 * 1024 };

    expect((await sample()).obstacles).toEqual([]);
    clock.advance(1);
    expect((await sample()).obstacles).toEqual(['job']);
    clock.advance(1);
    report();
    expect((await sample()).obstacles).toEqual([]);
  });

  it('H31: is not asked for where the domain is held, as the question would wait with it', async () => {
    const { guest, clock, sample, hypervisor } = oneGuest();
    guest.balloon = { 'balloon.current': 1024 * 1024, 'balloon.maximum': 1024 * 1024 };
    hypervisor.add('other', { balloon: { 'balloon.current': 1, 'balloon.maximum': 1, 'balloon.rss': 1 } });

    await sample();
    clock.advance(1);
    await sample();
    await settled();

    expect(new Set(hypervisor.calls.job)).toEqual(new Set(['other']));
  });

  it('is asked for no more where the driver has no jobs', async () => {
    const { guest, hypervisor, obstacles } = withJobs();
    guest.job = new BallonetError('OPERATION_UNSUPPORTED', 'no jobs');

    for (let i = 0; i < 3; i++) expect(await obstacles()).toEqual([]);

    expect(hypervisor.calls.job).toHaveLength(1);
  });

  it('is asked of a few guests at a time, by turns, and first of those to which something happened', async () => {
    const { hypervisor, sample, emit, clock } = oneGuest();
    const others = Array.from({ length: 99 }, (_, i) =>
      hypervisor.add(`vm-${i}`, {
        balloon: { 'balloon.current': 1, 'balloon.maximum': 1, 'balloon.rss': 1 },
      }),
    );
    const round = async () => {
      hypervisor.calls.job.length = 0;
      clock.advance(1);
      await sample();
      for (let i = 0; i < 50; i++) await settled();
      return [...hypervisor.calls.job];
    };

    const rounds = [await round(), await round(), await round(), await round()];
    const last = others.at(-1);
    if (last) emit({ type: 'lifecycle', domain: last.ref, kind: 'resumed', detail: 0 });

    expect(Math.max(...rounds.map(({ length }) => length))).toBeLessThan(50);
    expect(new Set(rounds.flat()).size).toBe(100);
    expect(await round()).toContain('vm-98');
  });
});

describe('a simulated guest in a job', () => {
  it('H31: refuses changes, answers questions, and is passed over in bulk when the job took it for itself', async () => {
    const { hypervisor, domain, bulk, pass } = await bench();
    pass(10);
    hypervisor.control.inject('vm-1', { kind: 'job' });

    expect(await domain.job()).toBe(true);
    expect(await bulk()).toHaveProperty('balloon.usable');
    await expect(domain.setMemory(GiB / 1024, { live: true })).rejects.toMatchObject({
      code: 'OPERATION_BUSY',
    });

    hypervisor.control.inject('vm-1', { kind: 'job', locked: true });
    expect(await bulk()).not.toHaveProperty('balloon.usable');

    hypervisor.control.heal('vm-1', 'job');
    expect(await domain.job()).toBe(false);
    await domain.setMemory(GiB / 1024, { live: true });
  });

  it('H31: shows in the snapshot', async () => {
    const { hypervisor, clock, pass } = await bench();
    const collector = collectorOver({ hypervisor, clock, pool: { kind: 'auto' }, arm: true });
    const obstacles = async () => {
      pass(1);
      const { guests } = await collector.collect();
      await settled();
      return guests[0]?.obstacles;
    };
    await obstacles();
    hypervisor.control.inject('vm-1', { kind: 'job' });
    await obstacles();

    expect(await obstacles()).toEqual(['job']);
    collector.close();
  });
});
