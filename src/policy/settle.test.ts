import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import type { HostBudget } from './arbitrate.ts';
import type { Outcome } from './outcome.ts';
import { settle } from './settle.ts';
import type { Movable } from './sheet.ts';
import { expression, type GuestParts, type GuestPolicyParts, movable } from './testing.ts';

/** A guest whose policy asks for a size. By default it uses little and moves without restraint at any level. */
function wanting(
  uuid: string,
  bytes: number,
  parts: GuestParts = {},
  policy: GuestPolicyParts = {},
  memory: Parameters<typeof movable>[2] = {},
): Movable {
  const guarantees = { min: { bytes: 512 * MiB }, max: { ratio: 1 }, reserve: 128 * MiB };
  const target = expression<number>(() => bytes);
  return movable(
    { uuid, max: 8 * GiB, used: 256 * MiB, ...parts },
    { guarantees, ...policy, target },
    memory,
  );
}

const distress = (current: number): GuestParts => ({ current, used: current - 10 * MiB });
/** Policies that let nobody shrink by the level alone. */
const KEPT: GuestPolicyParts = { shrink: { at: new Set() } };

function settled(
  budget: Partial<HostBudget>,
  guests: readonly Movable[],
): Record<string, Outcome | undefined> {
  const whole = { total: 64 * GiB, committed: 0, free: 0, emergency: 0, ...budget };
  settle(whole, guests, { level: 'none', now: 0 });
  return Object.fromEntries(guests.map(({ sample, outcome }) => [sample.uuid, { ...outcome }]));
}

describe('growth', () => {
  it('is given from what is free, and waits for the rest', () => {
    const guests = [wanting('a', 4 * GiB, { current: 2 * GiB })];
    expect(settled({ free: 8 * GiB }, guests).a).toMatchObject({
      action: 'grow',
      reason: 'GROW',
      target: 4 * GiB,
    });
    expect(settled({ free: GiB }, guests).a).toMatchObject({
      action: 'grow',
      reason: 'WAITING_FOR_DONORS',
      target: 3 * GiB,
    });
    expect(settled({ free: 0 }, guests).a).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
  });

  it('goes to the distressed first, then to those that give last, then to all by their shares', () => {
    const first = wanting('last-to-give', 4 * GiB, { current: 2 * GiB }, { priority: 50 });
    const pressed = wanting('pressed', 4 * GiB, { current: 2 * GiB, used: GiB });
    const easy = wanting('easy', 4 * GiB, { current: 2 * GiB });
    const hurt = wanting('hurt', 4 * GiB, distress(2 * GiB), { priority: 300 });
    const guests = [easy, pressed, first, hurt];
    const targets = (free: number) => {
      const outcomes = settled({ free }, guests);
      return ['hurt', 'last-to-give', 'pressed', 'easy'].map(name => (outcomes[name]?.target ?? 0) / GiB);
    };
    expect(targets(2 * GiB)).toEqual([4, 0, 0, 0]);
    expect(targets(4 * GiB)).toEqual([4, 4, 0, 0]);
    expect(targets(6 * GiB)).toEqual([4, 4, 3, 3]);
    expect(targets(8 * GiB)).toEqual([4, 4, 4, 4]);
  });

  it('leaves to others what a guest may not take now', () => {
    const barred = wanting('barred', 8 * GiB, { current: GiB }, { priority: 1, grow: { at: new Set() } });
    const slow = wanting(
      'slow',
      8 * GiB,
      { current: GiB },
      { priority: 2, grow: { stepMax: { bytes: 256 * MiB } } },
    );
    const resting = wanting(
      'resting',
      8 * GiB,
      { current: GiB },
      { priority: 3, grow: { cooldownSeconds: 9 } },
      { grownAt: -1 },
    );
    const last = wanting('last', 2 * GiB, { current: GiB }, { priority: 4 });
    const outcomes = settled({ free: GiB + 256 * MiB }, [barred, slow, resting, last]);
    expect(outcomes.barred).toMatchObject({ action: 'hold', reason: 'LEVEL_FORBIDS' });
    expect(outcomes.slow).toMatchObject({ target: GiB + 256 * MiB });
    expect(outcomes.resting).toMatchObject({ action: 'hold', reason: 'COOLDOWN' });
    expect(outcomes.last).toMatchObject({ target: 2 * GiB, reason: 'GROW' });
  });

  it('gives a part that is of no use by itself to the hardest pressed', () => {
    const policy = { grow: { stepMin: GiB } };
    const pressed = wanting('pressed', 4 * GiB, { current: 2 * GiB, used: GiB }, policy);
    const easy = wanting('easy', 4 * GiB, { current: 2 * GiB }, policy);
    const outcomes = settled({ free: 1.5 * GiB }, [easy, pressed]);
    expect(outcomes.pressed).toMatchObject({ action: 'grow', target: 3.5 * GiB });
    expect(outcomes.easy).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
  });

  it('leaves the emergency reserve to guests in distress', () => {
    const hurt = wanting('hurt', 4 * GiB, distress(2 * GiB));
    const easy = wanting('easy', 4 * GiB, { current: 2 * GiB });
    const parts = { free: GiB, emergency: GiB };
    expect(settled(parts, [easy]).easy).toMatchObject({ action: 'hold', reason: 'WAITING_FOR_DONORS' });
    expect(settled(parts, [hurt]).hurt).toMatchObject({ action: 'grow', target: 3 * GiB });
  });

  it('does not depend on the order of the guests', () => {
    const guests = ['a', 'b', 'c', 'd'].map(uuid => wanting(uuid, 4 * GiB, { current: 2 * GiB }));
    const outcomes = settled({ free: 5 * GiB }, guests);
    expect(settled({ free: 5 * GiB }, guests.toReversed())).toEqual(outcomes);
    for (const uuid of ['a', 'b', 'c', 'd']) expect(outcomes[uuid]).toMatchObject({ target: 3.25 * GiB });
  });
});

describe('donors', () => {
  const grower = wanting('grower', 4 * GiB, { current: 2 * GiB });
  const donor = (uuid: string, policy: GuestPolicyParts = {}, memory = {}, parts: GuestParts = {}) =>
    wanting(uuid, 2 * GiB, { current: 4 * GiB, ...parts }, { ...KEPT, ...policy }, memory);

  it('are called at a level that lets nobody shrink, only when there is not enough free, and only as far as needed', () => {
    const idle = donor('idle');
    expect(settled({ free: 2 * GiB }, [grower, idle]).idle).toMatchObject({
      action: 'hold',
      reason: 'LEVEL_FORBIDS',
    });
    const called = settled({ free: 1.5 * GiB }, [grower, idle]).idle;
    expect(called).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    expect(called?.target).toBeGreaterThanOrEqual(3.5 * GiB - 2 * MiB);
    expect(called?.target).toBeLessThan(3.5 * GiB + MiB);
  });

  it('are called for what is promised too much as well, which frees nothing and keeps growth waiting until it is given back', () => {
    const [first, second] = [donor('first', { priority: 300 }), donor('second')];
    const overcommitted = { free: 1.5 * GiB, total: 63 * GiB, committed: 64 * GiB };
    const outcomes = settled(overcommitted, [grower, first, second]);
    expect(outcomes.first?.target).toBeGreaterThanOrEqual(2.5 * GiB - 2 * MiB);
    expect(outcomes.first?.target).toBeLessThan(2.5 * GiB + MiB);
    expect(outcomes.second).toMatchObject({ action: 'hold' });
    expect(settled({ ...overcommitted, free: 2 * GiB }, [grower, donor('idle')]).idle).toMatchObject({
      action: 'hold',
      reason: 'LEVEL_FORBIDS',
    });
  });

  it('are those that give first, and no more of them than it takes', () => {
    const outcomes = settled({ free: 0 }, [
      donor('late', { priority: 50 }),
      donor('first', { priority: 300 }),
      donor('middle', { priority: 200 }),
      grower,
    ]);
    expect(outcomes.first).toMatchObject({ action: 'shrink', target: 2 * GiB });
    expect(outcomes.middle).toMatchObject({ action: 'hold' });
    expect(outcomes.late).toMatchObject({ action: 'hold' });
  });

  it('do not include those that cannot give: others are called in their place', () => {
    const stuck = donor('stuck', { priority: 400 }, { backOffUntil: 99 });
    const full = donor('full', { priority: 300 }, {}, { used: 3.9 * GiB });
    const near = donor('near', { priority: 200, tolerance: { ratio: 0.6, bytes: 0 } });
    const outcomes = settled({ free: 0 }, [stuck, full, near, donor('able'), grower]);
    expect(outcomes.able).toMatchObject({ action: 'shrink', target: 2 * GiB });
    for (const name of ['stuck', 'full', 'near']) expect(outcomes[name]).toMatchObject({ action: 'hold' });
  });

  it('are not called for what is on its way', () => {
    const giving = donor('giving', {}, { move: { from: 6 * GiB, to: 2 * GiB, at: 0 } });
    const outcomes = settled({ free: 0 }, [giving, donor('other'), grower]);
    expect(outcomes.other).toMatchObject({ action: 'hold', reason: 'LEVEL_FORBIDS' });
  });

  it('are not called for what the level makes others give', () => {
    const willing = donor('willing', { priority: 1, shrink: {} });
    const outcomes = settled({ free: 0 }, [willing, donor('other', { priority: 300 }), grower]);
    expect(outcomes.willing).toMatchObject({ action: 'shrink', target: 2 * GiB });
    expect(outcomes.other).toMatchObject({ action: 'hold' });
  });

  it('skip cooldown and step for a guest in distress, and only then; never their floor', () => {
    const slow = { shrink: { at: new Set<string>(), cooldownSeconds: 60, stepMax: { bytes: 64 * MiB } } };
    const hurt = wanting('hurt', 8 * GiB, distress(4 * GiB));
    const busy = donor('busy', slow, { shrunkAt: -1 }, { used: 3 * GiB });
    const outcome = settled({ free: 0 }, [hurt, busy]).busy;
    expect(outcome).toMatchObject({ action: 'shrink', reason: 'BUDGET_DONOR' });
    expect(outcome?.target).toBeGreaterThanOrEqual(busy.floor);
    expect(settled({ free: 0 }, [grower, busy]).busy).toMatchObject({ action: 'hold', reason: 'COOLDOWN' });
  });

  it('are never guests in distress', () => {
    const hurt = wanting('hurt', 2 * GiB, distress(4 * GiB));
    expect(settled({ free: 0 }, [hurt, grower]).hurt?.action).not.toBe('shrink');
  });
});

describe('reasons', () => {
  it('name the budget where it is what cut', () => {
    const outcomes = settled({ total: 3 * GiB, free: 8 * GiB }, [
      wanting('a', 4 * GiB, { current: 2 * GiB }, { shares: 300 }),
      wanting('b', 4 * GiB, { current: 2 * GiB }, { shares: 100 }),
    ]);
    expect(outcomes.a).toMatchObject({ action: 'grow', reason: 'BUDGET_CUT' });
    expect(outcomes.b).toMatchObject({ action: 'shrink', reason: 'BUDGET_CUT' });
    const poor = settled({ total: 0 }, [wanting('a', 4 * GiB, { current: 512 * MiB })]);
    expect(poor.a).toMatchObject({ action: 'hold', reason: 'HOST_INSUFFICIENT' });
  });

  it('say why a guest that is backing off keeps what its policy would take', () => {
    const stuck = wanting('stuck', 2 * GiB, { current: 4 * GiB }, {}, { backOffUntil: 5 });
    expect(settled({}, [stuck]).stuck).toMatchObject({ action: 'hold', reason: 'BACKING_OFF' });
  });

  it('are plain where nothing bit', () => {
    expect(settled({}, [wanting('a', 2 * GiB)]).a).toMatchObject({ action: 'shrink', reason: 'SHRINK' });
    expect(settled({}, [wanting('a', 8 * GiB)]).a).toMatchObject({
      action: 'hold',
      reason: 'WITHIN_TOLERANCE',
    });
  });
});
