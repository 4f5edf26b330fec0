import { describe, expect, it } from 'vitest';
import { createBench } from './bench.ts';
import { guestSpec, simulationWith } from './testing.ts';

describe('the timer of a bench', () => {
  it('rings in the time of the scenario, at its moment, and lets what waits for it settle', async () => {
    const bench = createBench(simulationWith([guestSpec()], { intervalSeconds: 5 }));
    const rang: number[] = [];
    const waits = [0.05, 2].map(
      seconds =>
        new Promise<void>(resolve => {
          bench.timer(seconds, () => {
            rang.push(bench.now());
            resolve();
          });
        }),
    );
    await bench.settled(Promise.all(waits));
    expect(rang).toEqual([0.05, 2]);
    expect(bench.now()).toBe(2);
  });

  it('does not ring, nor let time pass, when it was called off', async () => {
    const bench = createBench(simulationWith([guestSpec()]));
    const callOff = bench.timer(1, () => expect.unreachable());
    callOff();
    await bench.settled(Promise.resolve());
    expect(bench.now()).toBe(0);
    bench.advanceTo(10);
  });
});
