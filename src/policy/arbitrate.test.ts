import { describe, expect, it } from 'vitest';
import { ABSENT } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { arbitrate, hostBudget } from './arbitrate.ts';
import { assess } from './assess.ts';
import type { Movable, Sheet } from './sheet.ts';
import {
  expression,
  type GuestParts,
  type GuestPolicyParts,
  guestPolicy,
  guestSample,
  hostPolicy,
  instant,
  memoryOf,
  movable,
  type SnapshotParts,
  snapshot,
} from './testing.ts';

function held(parts: GuestParts, memory: Parameters<typeof memoryOf>[1] = {}): Sheet {
  const sample = guestSample(parts);
  const host = { guests: 1, psi: { some: {}, full: {} }, level: 'none' };
  return assess({ sample, policy: undefined, memory: memoryOf(sample, memory), host, now: instant(-1000) });
}

function budgetOf(assessments: readonly Sheet[], parts: SnapshotParts = {}, host = hostPolicy()) {
  const seen = snapshot({ total: 16 * GiB, ...parts, guests: assessments.map(({ sample }) => sample) });
  const budget = hostBudget(host, seen, assessments);
  if (budget === undefined) throw new Error('no budget');
  return budget;
}

const idle = (current: number, rss: number) => held({ max: 8 * GiB, current, rss });

describe('hostBudget', () => {
  it('is not known while the memory of the host is not', () => {
    for (const figure of ['total', 'available'] as const) {
      const seen = snapshot({ readings: { [figure]: ABSENT } });
      expect(hostBudget(hostPolicy(), seen, [])).toBeUndefined();
    }
  });

  it('is the pool less reserve and less what others use', () => {
    const host = hostPolicy({ reserve: { bytes: GiB, ratio: 0.5, select: 'min' } });
    const budget = budgetOf([idle(4 * GiB, 2 * GiB)], { available: 11 * GiB }, host);
    expect(budget).toMatchObject({ total: 12 * GiB, committed: 4 * GiB, free: 8 * GiB });
    const larger = hostPolicy({ reserve: { bytes: GiB, ratio: 0.5, select: 'max' } });
    expect(budgetOf([], { available: 16 * GiB }, larger).total).toBe(8 * GiB);
  });

  it('counts a growth under way as promised in full, and a shrink under way not yet as given', () => {
    const growing = movable({ current: 2 * GiB }, {}, { move: { from: 2 * GiB, to: 3 * GiB, at: 0 } });
    const shrinking = movable({ current: 3 * GiB }, {}, { move: { from: 4 * GiB, to: 2 * GiB, at: 0 } });
    expect(budgetOf([growing, shrinking]).committed).toBe(6 * GiB);
  });

  it('takes off what processes hold beyond their guests, learned or seen now, and not twice', () => {
    const learned = held({ current: 2 * GiB, rss: GiB }, { overheadBytes: 200 * MiB });
    expect(budgetOf([learned]).total).toBe(16 * GiB - 200 * MiB);
    const touched = held({ current: 2 * GiB, rss: 2 * GiB + 200 * MiB }, { overheadBytes: 200 * MiB });
    expect(budgetOf([touched]).total).toBe(16 * GiB - 200 * MiB);
    const stuck = held({ current: 2 * GiB, rss: 4 * GiB }, { overheadBytes: 200 * MiB });
    expect(budgetOf([stuck])).toMatchObject({ total: 14 * GiB, free: 12 * GiB });
  });

  it('counts pages once that several processes share, and no more of them than those hold beyond their guests', () => {
    const sharing = [1, 2].map(() =>
      held({ current: 2 * GiB, rss: 2 * GiB + 200 * MiB }, { overheadBytes: 200 * MiB }),
    );
    const resident = 4 * GiB + 400 * MiB;
    const shared = budgetOf(sharing, { available: 16 * GiB - resident + 100 * MiB });
    expect(shared.total).toBe(16 * GiB - 300 * MiB);
    expect(budgetOf(sharing, { available: 16 * GiB }).total).toBe(16 * GiB);
  });

  it('never offers more than is available when guests gave memory back that the host never got', () => {
    const stuck = held({ current: GiB, rss: 12 * GiB });
    expect(budgetOf([stuck]).free).toBeLessThanOrEqual(4 * GiB);
  });

  it('goes by the last resident size there was: a backup job hides it for as long as it takes', () => {
    const hidden = held({
      current: 8 * GiB,
      readings: { rss: { value: 8 * GiB, ageSeconds: 900, quality: 'stale' } },
    });
    expect(budgetOf([hidden], { available: 8 * GiB })).toMatchObject({ total: 16 * GiB, free: 8 * GiB });
  });

  it('neither takes for an unseen process from other guests nor gives away what it may hold', () => {
    const unseen = held({ current: 8 * GiB, readings: { rss: ABSENT } });
    const budget = budgetOf([unseen, idle(2 * GiB, 2 * GiB)], { available: 10 * GiB });
    expect(budget.total).toBe(16 * GiB);
    expect(budget.free).toBe(2 * GiB);
  });

  it('takes a pool of fixed size for the guests alone, and what QEMU needs for itself from outside', () => {
    const host = hostPolicy({ memory: { kind: 'size', bytes: 16 * GiB } });
    const learned = held({ current: 2 * GiB, rss: 2 * GiB + 200 * MiB }, { overheadBytes: 200 * MiB });
    expect(budgetOf([learned], { available: 4 * GiB }, host)).toMatchObject({
      total: 16 * GiB,
      committed: 2 * GiB,
      free: 14 * GiB,
    });
  });

  it('ignores a stopped guest, and counts one that is held or crashed', () => {
    const stopped = held(
      { state: 'stopped', current: 4 * GiB, rss: 0 },
      { overheadBytes: GiB, granted: GiB },
    );
    const crashed = held({ state: 'crashed', current: 4 * GiB });
    expect(budgetOf([stopped, crashed])).toMatchObject({ committed: 4 * GiB, total: 16 * GiB });
  });

  it('lets a host that is overcommitted from the start use what is really free, less what was given and not touched', () => {
    const guests = [
      idle(8 * GiB, GiB),
      idle(8 * GiB, GiB),
      held({ current: 8 * GiB, rss: GiB }, { granted: 2 * GiB }),
    ];
    const host = hostPolicy({ reserve: { bytes: GiB, ratio: 0, select: 'max' } });
    expect(budgetOf(guests, { available: 13 * GiB }, host)).toMatchObject({
      committed: 24 * GiB,
      total: 15 * GiB,
      free: 10 * GiB,
    });
    expect(budgetOf(guests, { available: 2 * GiB }, host).free).toBe(0);
  });
});

describe('arbitrate', () => {
  const wants = (bytes: number, parts: GuestParts = {}, policy: GuestPolicyParts = {}, memory = {}) =>
    movable(
      { used: 256 * MiB, ...parts },
      {
        guarantees: { min: { bytes: 512 * MiB }, max: { ratio: 1 }, reserve: 0 },
        ...policy,
        target: expression<number>(() => bytes),
      },
      memory,
    );
  const split = (total: number, guests: readonly Sheet[], level = 'none') =>
    arbitrate({ total, committed: 0, free: 0, emergency: 0 }, guests, level, 0);
  const sizes = (total: number, guests: readonly Movable[], level?: string) => {
    const { movable: entitled } = split(total, guests, level);
    return guests.map(guest => (entitled.includes(guest) ? guest.share : undefined));
  };

  it('gives everybody the target that fits', () => {
    const guests = [wants(2 * GiB), wants(3 * GiB)];
    expect(split(5 * GiB, guests).split).toBe('fits');
    expect(sizes(5 * GiB, guests)).toEqual([2 * GiB, 3 * GiB]);
  });

  it('leaves to held guests what they are promised', () => {
    const guest = wants(4 * GiB);
    const { split: outcome, movable: entitled } = split(6 * GiB, [guest, held({ current: 4 * GiB })]);
    expect(outcome).toBe('cut');
    expect(entitled).toEqual([guest]);
    expect(guest.share).toBe(2 * GiB);
    expect(split(6 * GiB, [guest, held({ current: 4 * GiB, state: 'stopped' })]).split).toBe('fits');
  });

  it('lets a guest that may not grow at this level claim no more than it has', () => {
    const grow = { at: new Set(['none']) };
    const barred = wants(4 * GiB, { current: GiB }, { grow });
    expect(sizes(5 * GiB, [barred, wants(4 * GiB)], 'hard')).toEqual([GiB, 4 * GiB]);
    expect(sizes(5 * GiB, [barred, wants(4 * GiB)], 'none')[0]).toBeGreaterThan(GiB);
  });

  it('lets a distressed guest claim at any level, and never cuts it under its size', () => {
    const grow = { at: new Set<string>() };
    const hurt = movable({ current: 2 * GiB, used: 2 * GiB - 10 * MiB }, { grow });
    expect(hurt.distressed).toBe(true);
    expect(sizes(16 * GiB, [hurt])[0]).toBeGreaterThan(2 * GiB);
    expect(sizes(GiB, [hurt])).toEqual([2 * GiB]);
  });

  it('does not count on memory of a guest that is backing off', () => {
    const stuck = wants(GiB, { current: 3 * GiB }, { priority: 300 }, { backOffUntil: 10 });
    expect(sizes(5 * GiB, [stuck, wants(4 * GiB)])).toEqual([3 * GiB, 2 * GiB]);
  });

  it('does not call a host too small for what held guests have beyond their guarantees', () => {
    const managed = Object.assign(held({ current: 4 * GiB }), { policy: guestPolicy() });
    const unmanaged = held({ uuid: 'b', current: 4 * GiB });
    expect(split(3 * GiB, [managed, wants(2 * GiB)]).split).toBe('cut');
    expect(split(3 * GiB, [managed]).split).toBe('cut');
    expect(split(3 * GiB, [unmanaged]).split).toBe('insufficient');
    expect(split(GiB / 2, [managed]).split).toBe('insufficient');
    const stuck = wants(GiB, { current: 4 * GiB }, {}, { backOffUntil: 10 });
    expect(split(3 * GiB, [stuck]).split).toBe('cut');
  });

  it('says when even the guarantees do not fit, and keeps them', () => {
    const guests = [wants(2 * GiB), wants(2 * GiB)];
    expect(split(GiB / 2, guests).split).toBe('insufficient');
    expect(sizes(GiB / 2, guests)).toEqual([512 * MiB, 512 * MiB]);
  });
});
