import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Ask, askedInRounds } from './rounds.ts';

const LATE_MS = 100;
const DEADLINE_MS = 1000;

/**
 * Something like libvirt: an asking goes from item to item, 10 ms each, and stops for good at one that hangs unless another
 * asking has stopped there before.
 */
function host(...hanging: readonly string[]) {
  const held = new Set<string>();
  const asked: { readonly at: number; readonly items: readonly string[] }[] = [];
  const ask: Ask<string, string> = items =>
    new Promise((resolve, reject) => {
      asked.push({ at: Date.now(), items });
      const stops = items.find(item => hanging.includes(item) && !held.has(item));
      if (stops !== undefined) held.add(stops);
      const answers = items.map(item => (hanging.includes(item) ? `${item}: held` : item));
      if (stops === undefined) setTimeout(() => resolve(answers), 10 * items.length);
      else setTimeout(() => reject(new Error(`no answer from ${stops}`)), DEADLINE_MS);
    });
  return { ask, asked };
}

/** Four questions at once over each connection, as libvirt's client has them. */
function connection(ask: Ask<string, string>): Ask<string, string> {
  let free = 4;
  const waiting: (() => void)[] = [];
  return async items => {
    if (free === 0) await new Promise<void>(resolve => waiting.push(resolve));
    free -= 1;
    const answers = await ask(items);
    free += 1;
    waiting.shift()?.();
    return answers;
  };
}

describe('rounds of questions', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  async function settled(batches: readonly (readonly string[])[], ask: Ask<string, string>) {
    const again = vi.fn(async () => connection(ask));
    const results = askedInRounds(batches, connection(ask), again, { lateMs: LATE_MS });
    let at: number | undefined;
    void results.then(() => {
      at = Date.now();
    });
    await vi.advanceTimersByTimeAsync(5000);
    const answers = (await results).map(result =>
      result.status === 'fulfilled' ? result.value.join(' ') : String(result.reason),
    );
    return { answers, at, rounds: again.mock.calls.length };
  }

  it('are one while answers keep coming, however long all of them take', async () => {
    const { ask, asked } = host();
    const batches = Array.from({ length: 20 }, (_, i) => [`${i}a`, `${i}b`, `${i}c`, `${i}d`, `${i}e`]);

    const { answers, at, rounds } = await settled(batches, ask);

    expect(answers).toEqual(batches.map(items => items.join(' ')));
    expect([at, rounds, asked.length]).toEqual([250, 0, 20]);
  });

  it('H30: cost one that hangs one pause, and its neighbours no more', async () => {
    const { ask, asked } = host('b');

    const { answers, at } = await settled([['a', 'b', 'c'], ['d']], ask);

    expect(answers).toEqual(['a b: held c', 'd']);
    expect(at).toBeLessThan(2 * LATE_MS);
    expect(asked.slice(2).map(({ items }) => items)).toEqual([['a'], ['b'], ['c']]);
  });

  it('H30: find several that hang in one batch at once, not one after another', async () => {
    const { ask } = host('b', 'c', 'd');

    const { answers, at, rounds } = await settled([['a', 'b', 'c', 'd', 'e', 'f']], ask);

    expect(answers).toEqual(['a b: held c: held d: held e f']);
    expect([at !== undefined && at < 4 * LATE_MS, rounds]).toEqual([true, 2]);
  });

  it('H30: get past more that hang than one connection has places for', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `h${i}`);
    const { ask } = host(...names);

    const { answers, at } = await settled([['a', ...names, 'z']], ask);

    expect(answers).toEqual([['a', ...names.map(name => `${name}: held`), 'z'].join(' ')]);
    expect(at).toBeLessThan(DEADLINE_MS);
  });

  it('end with the first asking of a batch that nothing answers, at its deadline', async () => {
    const ask: Ask<string, string> = () =>
      new Promise((_, reject) => setTimeout(() => reject(new Error('no answer')), DEADLINE_MS));

    expect(await settled([['a']], ask)).toMatchObject({ answers: ['Error: no answer'], at: DEADLINE_MS });
  });

  it('take the late answer of a first asking, and go on without further connections', async () => {
    const ask = vi.fn<Ask<string, string>>(
      items =>
        new Promise(resolve => setTimeout(() => resolve(items), ask.mock.calls.length === 1 ? 250 : 1e9)),
    );
    const results = askedInRounds([['a']], ask, () => Promise.reject(new Error('no connection')), {
      lateMs: LATE_MS,
    });
    await vi.advanceTimersByTimeAsync(5000);

    expect(await results).toEqual([{ status: 'fulfilled', value: ['a'] }]);
  });
});
