import { describe, expect, it } from 'vitest';
import { nearest, suggestion } from './suggest.ts';

describe('nearest', () => {
  it.each([
    ['cooldwon', 'cooldown'],
    ['Interval', 'interval'],
    ['mach', 'match'],
    ['guarantee', 'guarantees'],
  ])('finds for %s the field %s', (written, meant) => {
    expect(nearest(written, ['cooldown', 'interval', 'match', 'guarantees'])).toBe(meant);
  });

  it('finds nothing for a name that is like none of them', () => {
    expect(nearest('vetoes', ['cooldown', 'interval', 'match', 'guarantees'])).toBeUndefined();
    expect(nearest('x', ['rate', 'at'])).toBeUndefined();
  });

  it('does not compare names of absurd length', () => {
    expect(nearest('x'.repeat(100_000), ['x'.repeat(100_000)])).toBeUndefined();
  });
});

describe('suggestion', () => {
  it('lists what there is when nothing is near', () => {
    expect(suggestion('vetoes', ['at', 'rate'], 'its fields')).toBe('its fields: at, rate');
  });
});
