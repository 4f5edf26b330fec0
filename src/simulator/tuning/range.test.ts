import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRange, type Range } from './range.ts';

function rangeOf(text: string): Range {
  const parsed = parseRange(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

describe('parseRange', () => {
  it('goes from bound to bound by the logarithm, in the unit of the lower one', () => {
    const { path, at } = rangeOf('guest.estimate.window=10s..1000s');
    expect(path).toBe('guest.estimate.window');
    expect([0, 0.5, 1].map(at)).toEqual(['10s', '100s', '1000s']);
  });

  it('goes evenly from zero', () => {
    expect([0, 0.25, 1].map(rangeOf('guest.idleTax=0..0.8').at)).toEqual(['0', '0.2', '0.8']);
  });

  it('writes a point into values whose lower bound has one', () => {
    expect(rangeOf('a.b=50.0..200').at(1)).toBe('200.0');
  });

  it('measures values in other units of the same kind', () => {
    const { placeOf } = rangeOf('guest.behavior.shrink.rate=1GiB/min..16GiB/min');
    expect(placeOf('4GiB/min')).toBeCloseTo(0.5);
    expect(placeOf('68.26666666666667MiB/s')).toBeCloseTo(0.5);
    expect(placeOf('4GiB')).toBeUndefined();
    expect(placeOf('auto')).toBeUndefined();
  });

  it.each(['a.b', 'a.b=1s', 'a.b=1s..', 'a.b=2s..1s', 'a.b=1s..2GiB', 'a.b=x..y'])('refuses %s', text => {
    expect(parseRange(text)).toHaveProperty('problem');
  });

  it('never leaves the bounds, and finds its own values again', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 2, noNaN: true }), place => {
        const { at, placeOf } = rangeOf('a.b=3MiB..700MiB');
        const again = placeOf(at(place)) ?? Number.NaN;
        expect(again).toBeGreaterThanOrEqual(0);
        expect(again).toBeLessThanOrEqual(1);
        expect(Math.abs(again - Math.min(1, Math.max(0, place)))).toBeLessThan(0.01);
      }),
    );
  });
});
