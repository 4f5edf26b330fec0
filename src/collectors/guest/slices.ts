import { setImmediate } from 'node:timers/promises';

/** Guests handled before other work gets its turn: about 2 ms. With thousands of guests a tick would else block the event loop. */
const SLICE = 500;

/** Like `map`, with a pause for the event loop after every slice. */
export async function mapInSlices<T, U>(items: readonly T[], transform: (item: T) => U): Promise<U[]> {
  const results: U[] = [];
  for (const item of items) {
    if (results.length > 0 && results.length % SLICE === 0) await setImmediate();
    results.push(transform(item));
  }
  return results;
}
