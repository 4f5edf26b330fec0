/** The daemon's loop, a second at a time: its collectors, decide(), guard and actuators over the hypervisor of any world. */
import { createBalloonActuator } from '../../src/actuators/balloon.ts';
import { withJobs } from '../../src/actuators/jobs.ts';
import type { KeptEpoch } from '../../src/collectors/guest/tracker.ts';
import { createCollector } from '../../src/collectors/snapshot.ts';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import type { Clock } from '../../src/model/clock.ts';
import type { Decision } from '../../src/model/decision.ts';
import type { GuestSample, Snapshot } from '../../src/model/snapshot.ts';
import type { Bytes, Seconds } from '../../src/model/units.ts';
import { type Tick as Decided, decide } from '../../src/policy/decide.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { correctMove, initialState, type PolicyState } from '../../src/policy/state.ts';

/** Where the loop runs. */
export interface LoopWorld {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  /** Lets so much time pass. */
  pass(seconds: Seconds): Promise<void>;
  /** Waits for calls to the hypervisor, for as long as they take in this world. */
  settled<T>(calls: Promise<T>): Promise<T>;
}

/** What one tick saw, decided and asked for. */
interface Tick {
  readonly at: Seconds;
  readonly snapshot: Snapshot;
  readonly decisions: readonly Decision[];
  readonly budget: Decided['budget'];
  /** Sizes that guests were asked to take, by name. */
  readonly asked: ReadonlyMap<string, Bytes>;
}

/** One guest in one tick. */
interface Sight {
  readonly at: Seconds;
  readonly sample: GuestSample;
  readonly decision: Decision;
  readonly asked: Bytes | undefined;
}

/** What outlives a daemon. */
export interface Legacy {
  readonly state: PolicyState;
  readonly epochs: ReadonlyMap<string, KeptEpoch>;
}

export interface Loop {
  /** From the next tick on. */
  reload(policies: PolicySet): void;
  readonly state: PolicyState;
  readonly ticks: readonly Tick[];
  /** Lets a second pass, and ticks. */
  tick(): Promise<Tick>;
  /** Ticks until this is true of the guest. @throws Error with what it saw last */
  until(name: string, what: string, wanted: (sight: Sight) => boolean, seconds?: Seconds): Promise<Sight>;
  /** What was seen of the guest, from the tick of this number on. */
  of(name: string, from?: number): Sight[];
  /** Ends it as a kill would. */
  close(): Legacy;
}

const PATIENCE: Seconds = 60;

export function startLoop(world: LoopWorld, first: PolicySet, legacy?: Legacy): Loop {
  const { hypervisor, clock } = world;
  const collector = createCollector({
    hypervisor,
    clock,
    ...settingsOf(first),
    arm: true,
    ...(legacy && { epochs: legacy.epochs }),
  });
  const actuator = withJobs(createBalloonActuator(hypervisor, { callTimeout: 'none' }), hypervisor);
  const ticks: Tick[] = [];
  let policies = first;
  let state = legacy?.state ?? initialState(clock.now().monotonic);

  async function apply(decision: Decision, sample: GuestSample | undefined): Promise<Bytes | undefined> {
    const application = await world.settled(actuator.apply(decision, sample));
    const bytes = 'targetBytes' in application ? application.targetBytes : undefined;
    if (decision.targetBytes !== undefined)
      state = correctMove(state, decision.uuid, decision.targetBytes, bytes);
    return bytes;
  }

  function sightOf(name: string, { at, snapshot, decisions, asked }: Tick): Sight[] {
    const sample = snapshot.guests.find(guest => guest.name === name);
    const decision = decisions.find(({ uuid }) => uuid === sample?.uuid);
    return sample && decision ? [{ at, sample, decision, asked: asked.get(name) }] : [];
  }

  const loop: Loop = {
    reload(next) {
      policies = next;
      collector.configure(settingsOf(next));
    },
    get state() {
      return state;
    },
    ticks,
    async tick() {
      await world.pass(1);
      const snapshot = await world.settled(collector.collect());
      const now = clock.now();
      const decided = decide(state, snapshot, policies, now);
      state = decided.state;
      const asked = new Map<string, Bytes>();
      for (const decision of decided.decisions) {
        if (decision.action === 'hold') continue;
        const sample = snapshot.guests.find(({ uuid }) => uuid === decision.uuid);
        const bytes = await apply(decision, sample);
        if (bytes !== undefined) asked.set(decision.name, bytes);
      }
      const { decisions, budget } = decided;
      const tick = { at: now.monotonic, snapshot, decisions, budget, asked };
      ticks.push(tick);
      return tick;
    },
    async until(name, what, wanted, seconds = PATIENCE) {
      const end = clock.now().monotonic + seconds;
      let last: Sight | undefined;
      while (clock.now().monotonic < end) {
        [last] = sightOf(name, await loop.tick());
        if (last !== undefined && wanted(last)) return last;
      }
      const { sample, decision } = last ?? {};
      throw new Error(`${name}: not in ${seconds} s: ${what}; ${JSON.stringify({ sample, decision })}`);
    },
    of: (name, from = 0) => ticks.slice(from).flatMap(tick => sightOf(name, tick)),
    close() {
      collector.close();
      return { state, epochs: collector.epochs() };
    },
  };
  return loop;
}

function settingsOf({ host: { memory: pool, staleAfterSeconds, intervalSeconds } }: PolicySet) {
  return { pool, staleAfterSeconds, intervalSeconds };
}
