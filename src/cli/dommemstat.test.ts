import { describe, expect, it } from 'vitest';
import { formatMemoryStats } from './dommemstat.ts';

describe('dommemstat', () => {
  it('prints statistics in the order they came, without those that virsh has no name for', () => {
    const stats = [
      { tag: 6, value: 524288 },
      { tag: 99, value: 1 },
      { tag: 9, value: 627319920 },
      { tag: 7, value: 12 },
    ];
    expect(formatMemoryStats(stats)).toBe('actual 524288\nlast_update 627319920\nrss 12\n\n');
  });
});
