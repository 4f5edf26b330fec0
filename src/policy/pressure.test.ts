import { describe, expect, it } from 'vitest';
import type { HostNames } from './expression/expression.ts';
import type { PressureLevel } from './policy-set.ts';
import { assessPressure, initialPressure, type PressureState } from './pressure.ts';
import { deepFreeze, levelBelow } from './testing.ts';

const LEVELS = [levelBelow('hard', 0.1, 5, 20), levelBelow('soft', 0.3, 15, 60)];

function hostWith(ratio: number | undefined): HostNames {
  return {
    guests: 1,
    psi: { some: {}, full: {} },
    ...(ratio === undefined ? {} : { available_ratio: ratio }),
  };
}

/** Feeds one ratio a second from second 0 on; gives the state after each. */
function run(ratios: readonly (number | undefined)[], levels: readonly PressureLevel[] = LEVELS) {
  const states: PressureState[] = [];
  let state = initialPressure(0);
  for (const [now, ratio] of ratios.entries()) {
    state = assessPressure(deepFreeze(state), levels, hostWith(ratio), now);
    states.push(state);
  }
  return states;
}

const levels = (ratios: readonly (number | undefined)[]) => run(ratios).map(({ level }) => level);
const repeat = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

describe('assessPressure', () => {
  it('enters a level when its condition has held for its time, not a second before', () => {
    const seen = levels(repeat(17, 0.2));
    expect(seen.slice(0, 15)).toEqual(repeat(15, 'none'));
    expect(seen.slice(15)).toEqual(['soft', 'soft']);
  });

  it('enters a level without a time at once', () => {
    const [state] = run([0.05], [levelBelow('now', 0.1, 0, 0)]);
    expect(state?.level).toBe('now');
  });

  it('starts the time again when the condition was broken for one tick', () => {
    expect(levels([...repeat(14, 0.2), 0.5, ...repeat(14, 0.2)])).not.toContain('soft');
  });

  it('keeps a level until its condition has been false for its time', () => {
    const seen = levels([...repeat(16, 0.2), ...repeat(61, 0.5)]);
    expect(seen.slice(16, 76)).toEqual(repeat(60, 'soft'));
    expect(seen[76]).toBe('none');
  });

  it('starts the time of leaving again when the condition came back', () => {
    const seen = levels([...repeat(16, 0.2), ...repeat(50, 0.5), 0.2, ...repeat(50, 0.5)]);
    expect(seen.slice(15)).not.toContain('none');
  });

  it('gives the first level from the top, and falls back to one that was entered below it', () => {
    const seen = levels([...repeat(20, 0.05), ...repeat(22, 0.2)]);
    expect(seen[5]).toBe('hard');
    expect(seen[39]).toBe('hard');
    expect(seen[40]).toBe('soft');
  });

  it('says since when the level is what it is', () => {
    const states = run(repeat(20, 0.2));
    expect(states.at(-1)).toMatchObject({ level: 'soft', since: 15 });
  });

  it('neither enters nor leaves a level while its condition is not known, and says why', () => {
    const entering = run([...repeat(10, 0.2), ...repeat(30, undefined), ...repeat(14, 0.2)]);
    expect(entering.map(({ level }) => level)).not.toContain('soft');
    const leaving = run([
      ...repeat(16, 0.2),
      ...repeat(30, 0.5),
      ...repeat(100, undefined),
      ...repeat(59, 0.5),
    ]);
    expect(leaving.slice(15).map(({ level }) => level)).not.toContain('none');
    expect(leaving[60]?.held.get('soft')?.problem).toContain('available_ratio');
    expect(leaving.at(-1)?.held.get('soft')?.problem).toBeUndefined();
  });

  it('forgets a level that the policy no longer has', () => {
    const before = run(repeat(20, 0.05)).at(-1);
    const after = assessPressure(before ?? initialPressure(0), [], hostWith(0.05), 21);
    expect(after).toMatchObject({ level: 'none', since: 21 });
    expect(after.held.size).toBe(0);
  });
});
