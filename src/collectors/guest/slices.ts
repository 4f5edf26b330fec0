import { setImmediate } from 'node:timers/promises';

/** Guests handled before other work gets its turn: about 2 ms. With thousands of guests a tick would else block the event loop. */
const SLICE = 500;

/** Like `map`, with a pause for the event loop after every slice. */
export async function mapInSlices<T, U>(
  items: readonly T[],
  transform: (item: T, place: number) => U,
): Promise<U[]> {
  // Of its length at once: an array that grows is copied eight times on its way to a thousand.
  const results = new Array<U>(items.length);
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await setImmediate();
    mapSlice(items, from, transform, results);
  }
  return results;
}

/** Like `forEach`, with the same pauses. */
export async function eachInSlices<T>(items: readonly T[], use: (item: T) => void): Promise<void> {
  for (let from = 0; from < items.length; from += SLICE) {
    if (from > 0) await setImmediate();
    eachOfSlice(items, from, use);
  }
}

/** By itself: V8 optimises a loop in a function that is called every tick late, and in an asynchronous one hardly at all. */
function mapSlice<T, U>(
  items: readonly T[],
  from: number,
  transform: (item: T, place: number) => U,
  results: U[],
): void {
  let at = from;
  for (const item of sliceOf(items, from)) {
    results[at] = transform(item, at);
    at++;
  }
}

function eachOfSlice<T>(items: readonly T[], from: number, use: (item: T) => void): void {
  for (const item of sliceOf(items, from)) use(item);
}

function sliceOf<T>(items: readonly T[], from: number): readonly T[] {
  return from === 0 && items.length <= SLICE ? items : items.slice(from, from + SLICE);
}
