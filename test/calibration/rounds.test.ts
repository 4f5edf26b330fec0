import { expect, it } from 'vitest';
import type { Look } from '../../src/simulator/baselines/baseline.ts';
import { recordedRounds } from './rounds.ts';

const base = {
  name: 'base',
  intervalSeconds: 1,
  statsPeriod: 1,
  // What it wants tells when it looked.
  start:
    () =>
    ({ time }: Look) =>
      new Map([
        ['a', time * 10],
        ['b', time * 100],
      ]),
};

function movesAt(times: readonly number[]): [number, string, number][] {
  const algorithm = recordedRounds(
    base,
    [
      [-30, -29],
      [-1, 2],
      [4, 7],
    ],
    20,
  ).start();
  return times.flatMap(time =>
    [...algorithm({ time, host: { total: 1, available: 1, capacity: 1 }, guests: [] })].map(
      ([id, target]): [number, string, number] => [time, id, target],
    ),
  );
}

it('looks when a round began, and moves one guest after the other until it ended', () => {
  expect(movesAt([18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28])).toEqual([
    [21, 'a', 190],
    [22, 'b', 1900],
    [26, 'a', 240],
    [27, 'b', 2400],
  ]);
});

it('looks as it is at the first moment after a round began, and knows nothing of rounds before the beginning', () => {
  expect(movesAt([0, 23, 26.5])).toEqual([
    [23, 'a', 230],
    [23, 'b', 2300],
    [26.5, 'a', 265],
  ]);
});
