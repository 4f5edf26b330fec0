import { describe, expect, it } from 'vitest';
import { missedIn } from './testing.ts';

/** What is idle stays, so that a guest's size follows its series alone. */
const policy = (cold: string) => `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {reserve: 48MiB}
  estimate: {window: 2s}
  target: guest.demand + 48 * MiB
  behavior: {shrink: {at: [none]}}
  cold: ${cold}
`;
const SQUEEZED = 'cold never squeezed a guest';
const FIELDS = [
  'cold.swap never ended a squeeze',
  'cold.at never let a guest be squeezed that nobody had called',
  'cold.step never took anything',
  'cold.refault never ended a squeeze',
  'cold.rest never passed between two squeezes of a guest',
];
const [SWAP, , , REFAULT, REST] = FIELDS;

/** A guest that is squeezed from the eighth second on; in the tenth its size is under its use for the first time. */
interface Guest {
  /** MiB used, swapped out and read back in the tenth second and those after it; the last of them stays. */
  readonly used: readonly number[];
  readonly out: readonly number[];
  readonly back: readonly number[];
}

const SWAPS: Guest = { used: [392, 368, 348, 328, 308, 288], out: [28, 24, 20, 20, 20, 20, 0], back: [0] };
const MISSES: Guest = { used: [392, 400, 408], out: [28, 0], back: [0, 8, 8, 0] };

/** So many seconds of its life, as a test. */
function lifeOf({ used, out, back }: Guest, seconds: number): string {
  const series = (before: number, after: readonly number[], unit: string) =>
    Array.from({ length: seconds + 1 }, (_, at) => (at < 10 ? before : (after[at - 10] ?? after.at(-1))))
      .map(mib => `${mib}${unit}`)
      .join(' ');
  return `guests: [{name: vm-1, max: 1GiB, current: 468MiB}]
series:
  vm-1.used: ${series(420, used, 'MiB')}
  vm-1.swap_out_rate: ${series(0, out, 'MiB/s')}
  vm-1.swap_in_rate: ${series(0, back, 'MiB/s')}`;
}

/** What a test leaves out of `cold`. */
function missed(
  test: string,
  cold = '{swap: 256MiB, at: [none], step: 2%, refault: 1MiB/s, rest: 10s}',
): string[] {
  return missedIn(policy(cold), [test]).filter(line => line.includes('cold'));
}

const withoutPlaces = (lines: readonly string[]) =>
  lines.map(line => line.replace(/^\d+:\d+ /, '').replace(" of policy 'all'", ''));

describe('coverage of cold', () => {
  it('names it and those of its fields that are written, each at its place, when no guest was squeezed', () => {
    expect(withoutPlaces(missed(lifeOf(SWAPS, 7)))).toEqual([SQUEEZED, ...FIELDS]);
    const places = missed(lifeOf(SWAPS, 7), '{swap: 25%, rest: 1m}').map(line => line.split(' ')[0]);
    expect(places).toEqual(['17:3', '17:10', '17:21']);
  });

  it.each([
    ['a first squeeze', SWAPS, 9, FIELDS],
    ['a step of a guest that has shown that it swaps', SWAPS, 10, [SWAP, REFAULT, REST]],
    ['a swap that is half full', SWAPS, 16, [REFAULT, REST]],
    ['what is read back', MISSES, 12, [SWAP, REST]],
    ['a second squeeze', MISSES, 60, [SWAP]],
  ])('counts what a test reaches: %s', (_, guest, seconds, left) => {
    expect(withoutPlaces(missed(lifeOf(guest, seconds)))).toEqual(left);
  });
});
