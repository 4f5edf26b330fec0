/** A simulated host on a clock of its own: time goes on only when it is told to, and then as fast as the model can be worked out. */
import type { SimulatedGuest } from '../hypervisor/simulated/guest.ts';
import { SimulatedHost } from '../hypervisor/simulated/host.ts';
import type { Clock, Timer } from '../model/clock.ts';
import { BallonetError } from '../model/errors.ts';
import type { Seconds } from '../model/units.ts';
import { bookErrors } from './invariants.ts';
import type { Simulation } from './scenario/generate.ts';

/** Unix time of the first tick: a Monday, midnight UTC, so that schedules of policies begin with a week. */
const FIRST_TICK_WALL: Seconds = Date.UTC(2026, 0, 5) / 1000;

export interface Bench {
  readonly simulation: Simulation;
  readonly host: SimulatedHost;
  /** Monotonic time is 0 at the first tick. */
  readonly clock: Clock;
  /** Rings in the scenario's time, so that what a run does is no matter of the machine's speed. */
  readonly timer: Timer;
  /** Seconds since the first tick. */
  now(): Seconds;
  /** All guests of the scenario, those that are no more among them. */
  readonly guests: readonly SimulatedGuest[];
  /**
   * Lets time pass.
   *
   * @throws BallonetError SIMULATION_BROKEN when the model's books do not balance
   */
  advanceTo(time: Seconds): void;
  /**
   * Waits for calls to the hypervisor, and lets all others end that do not hang. One that hangs in a guest takes the time that it
   * takes.
   */
  settled<T>(calls: Promise<T>): Promise<T>;
}

function immediate(): Promise<void> {
  return new Promise(resolve => {
    setImmediate(resolve);
  });
}

export function createBench(simulation: Simulation): Bench {
  const { scenario, seed } = simulation;
  let now: Seconds = 0;
  const clock: Clock = { now: () => ({ monotonic: now, wall: FIRST_TICK_WALL + now }) };
  const alarms = new Set<{ readonly due: Seconds; readonly ring: () => void }>();
  const host = new SimulatedHost({ scenario, clock, seed });
  const guests = host.guests();

  function advanceTo(time: Seconds): void {
    now = time;
    host.sync();
    for (const alarm of alarms) {
      if (alarm.due > now) continue;
      alarms.delete(alarm);
      alarm.ring();
    }
    const [broken] = bookErrors(guests);
    if (broken !== undefined)
      throw new BallonetError('SIMULATION_BROKEN', `${scenario.name} at ${time} s: ${broken}`);
  }

  return {
    simulation,
    host,
    clock,
    timer(seconds, ring) {
      const alarm = { due: now + seconds, ring };
      alarms.add(alarm);
      return () => void alarms.delete(alarm);
    },
    now: () => now,
    guests,
    advanceTo,
    async settled(calls) {
      let over = false;
      const end = () => {
        over = true;
      };
      calls.then(end, end);
      // All that is to come at this moment comes before an immediate does, calls that nobody awaits among it.
      for (;;) {
        await immediate();
        if (over) return calls;
        // To the next moment at which anybody gives up waiting, or looks again.
        if (host.waiting || alarms.size > 0)
          advanceTo(Math.min(now + simulation.intervalSeconds, ...[...alarms].map(({ due }) => due)));
      }
    },
  };
}
