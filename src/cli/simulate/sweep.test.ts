import { describe, expect, it } from 'vitest';
import { combinations, parseSweep } from './sweep.ts';

describe('parseSweep', () => {
  it('takes a field and its values apart, and leaves what is in brackets or quotes together', () => {
    expect(parseSweep('guest.estimate.window=2m, 5m')).toEqual({
      value: { path: 'guest.estimate.window', values: ['2m', '5m'] },
    });
    expect(parseSweep('guest.target=max(a, b),"x, y"')).toMatchObject({
      value: { values: ['max(a, b)', '"x, y"'] },
    });
  });

  it.each(['guest.estimate.window', '=2m', 'a.b=', 'a.b=1,,2'])('refuses %s', text => {
    expect(parseSweep(text)).toHaveProperty('problem');
  });
});

describe('combinations', () => {
  it('gives every value of each field with every value of the others', () => {
    const sweeps = [
      { path: 'a', values: ['1', '2'] },
      { path: 'b', values: ['x', 'y', 'z'] },
    ];
    const found = combinations(sweeps).map(settings => settings.map(({ value }) => value).join(''));
    expect(found).toEqual(['1x', '1y', '1z', '2x', '2y', '2z']);
    expect(combinations([])).toEqual([[]]);
  });
});
