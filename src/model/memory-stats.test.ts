import { describe, expect, it } from 'vitest';
import { MEMORY_STAT_NR, MEMORY_STAT_TAG, memoryStatName, memoryStatsToRecord } from './memory-stats.ts';

describe('memory stats', () => {
  it('names the tags 0 to 12, each once, as libvirt numbers them', () => {
    const tags = Object.values(MEMORY_STAT_TAG);
    expect([...tags].sort((a, b) => a - b)).toEqual(Array.from({ length: MEMORY_STAT_NR }, (_, tag) => tag));
    for (const [name, tag] of Object.entries(MEMORY_STAT_TAG)) expect(memoryStatName(tag)).toBe(name);
    expect(memoryStatName(13)).toBeUndefined();
  });

  it('keeps a tag without a name under its number, and leaves out what is not in the list', () => {
    const record = memoryStatsToRecord([
      { tag: 6, value: 1_048_576 },
      { tag: 99, value: 5 },
      { tag: 4, value: 0 },
    ]);
    expect(record).toEqual({ actual: 1_048_576, '99': 5, unused: 0 });
    expect(record.usable).toBeUndefined();
  });
});
