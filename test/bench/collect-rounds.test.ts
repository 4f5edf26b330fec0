import { describe, expect, it } from 'vitest';
import type { Client } from './collect-clients.ts';
import { requirePackages } from './collect-clients.ts';
import { measure, measureBlocks, median } from './collect-rounds.ts';

/** A client whose n-th answer takes n milliseconds a collection, and whose n-th watch sees a block of n. */
function client(name: string, sum = 7): Client {
  let jobs = 0;
  return {
    name,
    ask: async (_, repetitions) => {
      jobs += 1;
      const wall = Array.from({ length: repetitions }, () => jobs);
      return { domains: 3 * repetitions, figures: 6, sum, cpu: jobs * repetitions * 10, wall };
    },
    watch: async () => {
      jobs += 1;
      return { longest: jobs * 100, longestOwn: jobs === 7 ? 50 : jobs };
    },
    close: async () => {},
  };
}

describe('measuring', () => {
  const course = { domains: 3, rounds: 3, repetitions: 2 };

  it('leaves the warm-up out, and takes the median of collections and rounds', async () => {
    const figures = await measure([{ label: 'C', client: client('C'), mode: 'bulk' }], course);
    expect(figures).toEqual([{ label: 'C', wall: 3, best: 2, cpu: 30 }]);
  });

  it('fails when a client has seen other figures than the first', async () => {
    const contenders = [
      { label: 'C', client: client('C'), mode: 'bulk' },
      { label: 'ours', client: client('ours', 8), mode: 'bulk' },
    ];
    await expect(measure(contenders, course)).rejects.toThrow('ours collected');
  });

  it('fails when there were fewer domains than there should be', async () => {
    const contenders = [{ label: 'C', client: client('C'), mode: 'bulk' }];
    await expect(measure(contenders, { ...course, domains: 4 })).rejects.toThrow('C collected');
  });

  it('tells a typical block from the longest', async () => {
    expect(await measureBlocks(client('ours'), 1)).toEqual({ typical: 4, longest: 50, longestWall: 700 });
  });
});

describe('the median', () => {
  it('is the middle value, or the mean of two, whatever their order', () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, Number.NaN]);
  });
});

describe('a machine without what the benchmark runs', () => {
  it('is told which Debian packages are missing', () => {
    expect(() => requirePackages(path => !path.startsWith('/usr/include'))).toThrow(
      /install --no-install-recommends libc6-dev libvirt-dev$/,
    );
    expect(() => requirePackages(() => true)).not.toThrow();
  });
});
