import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { askable, givable, restrainGrow, restrainShrink } from './restrain.ts';
import { expression, type GuestParts, type GuestPolicyParts, movable } from './testing.ts';

const AT = { level: 'soft', now: 0 };
/** A 4 GiB guest at full size that uses 1 GiB: its floor lies near 1.2 GiB. */
const guest = movable;
const shrinking = (shrink: GuestPolicyParts['shrink'] = {}, parts: GuestPolicyParts = {}) =>
  guest({}, { ...parts, shrink: { ...shrink } });

describe('restrainShrink', () => {
  it('lets an unrestrained guest go to its goal at once, rounded up to whole MiB', () => {
    expect(restrainShrink(guest(), 2 * GiB, AT)).toMatchObject({ target: 2 * GiB, code: 'OK' });
    expect(restrainShrink(guest(), 2 * GiB - 5, AT)).toMatchObject({ target: 2 * GiB });
  });

  it('does not move at a level that the policy does not name', () => {
    const calm = shrinking({ at: new Set(['hard']) });
    expect(restrainShrink(calm, 2 * GiB, AT)).toMatchObject({ target: undefined, code: 'LEVEL_FORBIDS' });
    expect(restrainShrink(calm, 2 * GiB, { ...AT, level: 'hard' })).toMatchObject({ target: 2 * GiB });
  });

  it('makes steps of at most the largest', () => {
    const step = (stepMax: { ratio: number } | { bytes: number }) =>
      restrainShrink(shrinking({ stepMax }), 2 * GiB, AT);
    expect(step({ ratio: 0.25 })).toMatchObject({ target: 3 * GiB, code: 'STEP_LIMITED' });
    expect(step({ bytes: 512 * MiB })).toMatchObject({ target: 3.5 * GiB, code: 'STEP_LIMITED' });
    expect(step({ ratio: 0.5 })).toMatchObject({ target: 2 * GiB, code: 'OK' });
  });

  it('earns its way by the rate since the last shrink', () => {
    const rated = (now: number) =>
      restrainShrink(
        guest({}, { shrink: { rate: 64 * MiB, stepMin: 128 * MiB } }, { shrunkAt: 0 }),
        2 * GiB,
        {
          ...AT,
          now,
        },
      );
    expect(rated(1)).toMatchObject({ target: undefined, code: 'RATE_LIMITED' });
    expect(rated(4)).toMatchObject({ target: 4 * GiB - 256 * MiB, code: 'RATE_LIMITED' });
    expect(rated(1000)).toMatchObject({ target: 2 * GiB, code: 'OK' });
    const fresh = shrinking({ rate: 1, stepMax: { ratio: 0.25 } });
    expect(restrainShrink(fresh, 2 * GiB, AT)).toMatchObject({ target: 3 * GiB, code: 'STEP_LIMITED' });
  });

  it('rests after the last move either way', () => {
    const rested = (memory: Parameters<typeof guest>[2], now: number) =>
      restrainShrink(guest({}, { shrink: { cooldownSeconds: 15 } }, memory), 2 * GiB, { ...AT, now });
    expect(rested({ shrunkAt: 0 }, 14)).toMatchObject({ code: 'COOLDOWN', inputs: { seconds: 1 } });
    expect(rested({ grownAt: 0 }, 14)).toMatchObject({ code: 'COOLDOWN' });
    expect(rested({ shrunkAt: 0, grownAt: 10 }, 15)).toMatchObject({ code: 'COOLDOWN' });
    expect(rested({ shrunkAt: 0 }, 15)).toMatchObject({ code: 'OK' });
  });

  it('stays within its dead band, by the distance to the goal and not by that of the step', () => {
    const near = shrinking({}, { tolerance: { ratio: 0.02, bytes: 0 } });
    expect(restrainShrink(near, 3.95 * GiB, AT)).toMatchObject({
      target: undefined,
      code: 'WITHIN_TOLERANCE',
    });
    const small = shrinking({ stepMax: { bytes: 64 * MiB } }, { tolerance: { ratio: 0, bytes: 128 * MiB } });
    expect(restrainShrink(small, 2 * GiB, AT)).toMatchObject({ target: 4 * GiB - 64 * MiB });
  });

  it('makes no step that is not worth making', () => {
    const coarse = shrinking({ stepMin: 64 * MiB });
    expect(restrainShrink(coarse, 4 * GiB - 63 * MiB, AT)).toMatchObject({ code: 'STEP_TOO_SMALL' });
    expect(restrainShrink(coarse, 4 * GiB - 64 * MiB, AT)).toMatchObject({ target: 4 * GiB - 64 * MiB });
  });

  it('waits for the end of a move, for a new report, and for the end of a back-off', () => {
    const shrink = { from: 5 * GiB, to: 4.5 * GiB, at: 0 };
    const restrained = (memory: Parameters<typeof guest>[2]) =>
      restrainShrink(guest({}, {}, memory), 2 * GiB, AT);
    expect(restrained({ move: { from: 2 * GiB, to: 5 * GiB, at: 0 } })).toMatchObject({
      code: 'MOVE_IN_FLIGHT',
    });
    expect(restrained({ decidedOnReport: 10 })).toMatchObject({ code: 'NO_FRESH_SAMPLE' });
    expect(restrained({ decidedOnReport: 9 })).toMatchObject({ code: 'OK' });
    expect(restrained({ backOffUntil: 30 })).toMatchObject({ code: 'BACKING_OFF', inputs: { seconds: 30 } });
    expect(restrained({ backOffUntil: 0, move: { ...shrink, at: -600 } })).toMatchObject({ code: 'OK' });
  });

  it('never goes under the floor, and says so when it bites', () => {
    const busy = guest({ used: 3 * GiB });
    const { target = 0, code } = restrainShrink(busy, GiB, AT);
    expect(code).toBe('GUARD_FLOOR');
    expect(target).toBeGreaterThanOrEqual(busy.floor);
    expect(target).toBeLessThan(busy.floor + MiB);
    const full = guest({ used: 3.95 * GiB, current: 4 * GiB });
    expect(restrainShrink(full, GiB, AT)).toMatchObject({ target: undefined, code: 'GUARD_FLOOR' });
  });

  it('takes nothing from a guest in distress', () => {
    const distressed = guest({ current: 3 * GiB, used: 3 * GiB - 10 * MiB });
    expect(distressed.distressed).toBe(true);
    const call = { bytes: GiB, urgent: true };
    expect(restrainShrink(distressed, GiB, AT, call)).toMatchObject({
      target: undefined,
      code: 'GUARD_FLOOR',
    });
  });
});

describe('donors', () => {
  const calm: GuestPolicyParts = {
    shrink: { at: new Set(), cooldownSeconds: 60, stepMax: { bytes: 256 * MiB }, stepMin: 32 * MiB },
    tolerance: { ratio: 0, bytes: 100 * MiB },
  };
  const donor = guest({}, calm, { shrunkAt: -1 });

  it('give what is asked and no more, whatever the level', () => {
    const rested = guest({}, calm);
    const call = { bytes: 128 * MiB, urgent: false };
    expect(restrainShrink(rested, 2 * GiB, AT, call)).toMatchObject({
      target: 4 * GiB - 128 * MiB,
      code: 'BUDGET_DONOR',
    });
  });

  it('keep their cooldown, step and dead band when it is not urgent', () => {
    const call = { bytes: GiB, urgent: false };
    expect(restrainShrink(donor, 2 * GiB, AT, call)).toMatchObject({ code: 'COOLDOWN' });
    expect(restrainShrink(guest({}, calm), 2 * GiB, AT, call)).toMatchObject({
      target: 4 * GiB - 256 * MiB,
      code: 'STEP_LIMITED',
    });
    expect(restrainShrink(guest({}, calm), 4 * GiB - 90 * MiB, AT, call)).toMatchObject({
      code: 'WITHIN_TOLERANCE',
    });
  });

  it('skip them when it is, but not their floor', () => {
    const call = { bytes: 3.5 * GiB, urgent: true };
    expect(restrainShrink(donor, 2 * GiB, AT, call)).toMatchObject({ target: 2 * GiB, code: 'BUDGET_DONOR' });
    expect(restrainShrink(donor, 4 * GiB - 90 * MiB, AT, call).target).toBe(4 * GiB - 90 * MiB);
    expect(restrainShrink(donor, 0, AT, call).target).toBeGreaterThanOrEqual(donor.floor);
  });

  it('are those that can give at all', () => {
    expect(givable(donor, 2 * GiB, false, 0)).toBe(2 * GiB);
    expect(givable(donor, 0, false, 0)).toBeLessThanOrEqual(4 * GiB - donor.floor);
    expect(givable(donor, 4 * GiB - 90 * MiB, false, 0)).toBe(0);
    expect(givable(donor, 4 * GiB - 90 * MiB, true, 0)).toBe(90 * MiB);
    expect(givable(donor, 4 * GiB - 31 * MiB, true, 0)).toBe(0);
    const move = { from: 8 * GiB, to: 3 * GiB, at: 0 };
    expect(givable(guest({}, calm, { move }), 2 * GiB, true, 0)).toBe(0);
    expect(givable(guest({}, calm, { backOffUntil: 1 }), 2 * GiB, true, 0)).toBe(0);
  });

  it('are asked for a step that is worth making, and never for more than they can give', () => {
    expect(askable(donor, 5 * MiB, GiB)).toBeGreaterThanOrEqual(32 * MiB);
    expect(askable(donor, 512 * MiB, GiB)).toBeLessThanOrEqual(513 * MiB);
    expect(askable(donor, 8 * GiB, GiB)).toBe(GiB);
  });
});

describe('restrainGrow', () => {
  const small: GuestParts = { current: 2 * GiB };
  const wide = { target: expression<number>(() => 4 * GiB) };
  const growing = (grow: GuestPolicyParts['grow'] = {}, memory: Parameters<typeof guest>[2] = {}) =>
    guest(small, { ...wide, grow: { ...grow } }, memory);

  it('grows to the goal at once where there is room', () => {
    expect(restrainGrow(growing(), 3 * GiB, 8 * GiB, AT)).toMatchObject({
      target: 3 * GiB,
      code: 'OK',
      short: 0,
    });
  });

  it('grows to the last byte of a maximum that is no whole MiB', () => {
    const odd = guest(
      { max: 4 * GiB + 12_288, current: 2 * GiB },
      { target: expression<number>(() => 5 * GiB) },
    );
    expect(restrainGrow(odd, odd.desired, 8 * GiB, AT).target).toBe(4 * GiB + 12_288);
  });

  it('takes what room there is, waits for the rest, and says how much', () => {
    expect(restrainGrow(growing(), 4 * GiB, GiB, AT)).toMatchObject({
      target: 3 * GiB,
      code: 'WAITING_FOR_DONORS',
      short: GiB,
    });
    expect(restrainGrow(growing(), 4 * GiB, 0, AT)).toMatchObject({
      target: undefined,
      code: 'WAITING_FOR_DONORS',
      short: 2 * GiB,
    });
  });

  it('does not grow at a level that the policy does not name', () => {
    const kept = growing({ at: new Set(['none']) });
    expect(restrainGrow(kept, 2 * GiB, GiB, AT)).toMatchObject({
      target: undefined,
      code: 'LEVEL_FORBIDS',
      short: 0,
    });
  });

  it('keeps to step, rate, cooldown and dead band', () => {
    const step = { stepMax: { bytes: 256 * MiB } };
    expect(restrainGrow(growing(step), 4 * GiB, 9 * GiB, AT)).toMatchObject({
      target: 2 * GiB + 256 * MiB,
      code: 'STEP_LIMITED',
      short: 0,
    });
    const rated = growing({ rate: MiB }, { grownAt: -100 });
    expect(restrainGrow(rated, 4 * GiB, 9 * GiB, AT)).toMatchObject({
      target: 2 * GiB + 100 * MiB,
      code: 'RATE_LIMITED',
    });
    const resting = growing({ cooldownSeconds: 30 }, { grownAt: -10 });
    expect(restrainGrow(resting, 4 * GiB, 9 * GiB, AT)).toMatchObject({
      code: 'COOLDOWN',
      inputs: { seconds: 20 },
    });
    const near = guest(small, { ...wide, tolerance: { ratio: 0.1, bytes: 0 } });
    expect(restrainGrow(near, 2.1 * GiB, 9 * GiB, AT)).toMatchObject({ target: undefined, short: 0 });
  });

  it('makes a distressed guest wait for nothing but room', () => {
    const distressed = guest(
      { current: 2 * GiB, used: 2 * GiB - 10 * MiB },
      {
        ...wide,
        grow: { at: new Set(), stepMax: { bytes: MiB }, stepMin: GiB, cooldownSeconds: 1e6, rate: 1 },
        tolerance: { ratio: 1, bytes: 0 },
      },
      { grownAt: -1 },
    );
    expect(restrainGrow(distressed, 3 * GiB, 8 * GiB, AT)).toMatchObject({ target: 3 * GiB, code: 'OK' });
    expect(restrainGrow(distressed, 3 * GiB, 3 * MiB, AT)).toMatchObject({ target: 2 * GiB + 3 * MiB });
  });

  it('does not count on the size that lags behind a growth under way, but raises its target', () => {
    const move = { from: 2 * GiB, to: 3 * GiB, at: 0 };
    const moving = growing({}, { move });
    expect(restrainGrow(moving, 3 * GiB, 9 * GiB, AT)).toMatchObject({
      target: undefined,
      code: 'MOVE_IN_FLIGHT',
    });
    expect(restrainGrow(moving, 4 * GiB, 512 * MiB, AT)).toMatchObject({
      target: 3.5 * GiB,
      short: 512 * MiB,
    });
  });

  it('turns a shrink under way round', () => {
    const turned = growing({}, { move: { from: 3 * GiB, to: GiB, at: 0 } });
    expect(restrainGrow(turned, 3 * GiB, 9 * GiB, AT)).toMatchObject({ target: 3 * GiB, code: 'OK' });
  });

  it('asks again for a growth that did not come, out of what was promised already', () => {
    const stalled = growing({}, { move: { from: 2 * GiB, to: 3 * GiB, at: -600 } });
    expect(restrainGrow(stalled, 3 * GiB, 0, AT)).toMatchObject({ target: 3 * GiB, short: 0 });
  });

  it('never goes beyond goal, maximum or promised room, and never shrinks', () => {
    const bytes = fc.integer({ min: 0, max: 5 * GiB });
    fc.assert(
      fc.property(
        bytes,
        bytes,
        fc.integer({ min: 300 * MiB, max: 4 * GiB }),
        fc.boolean(),
        (goal, room, current, hurt) => {
          const grower = guest({ current, used: hurt ? current - MiB : current / 2 }, wide);
          const { target, short } = restrainGrow(grower, Math.min(goal, 4 * GiB), room, AT);
          expect(short).toBeGreaterThanOrEqual(0);
          if (target === undefined) return;
          expect(target).toBeGreaterThan(current);
          expect(target).toBeLessThanOrEqual(Math.min(goal, 4 * GiB));
          expect(target).toBeLessThanOrEqual(current + room);
        },
      ),
    );
  });
});
