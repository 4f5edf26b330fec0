import {
  type BehaviorSubject,
  distinctUntilChanged,
  exhaustMap,
  from,
  map,
  mergeMap,
  NEVER,
  Observable,
  Subject,
  switchMap,
  timer,
} from 'rxjs';
import type { Actuator, Application } from '../actuators/actuator.ts';
import type { Clock, Instant } from '../model/clock.ts';
import type { Decision, Stage } from '../model/decision.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import { decide, type Tick } from '../policy/decide.ts';
import { type Order, obey } from '../policy/orders.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { correctMove, type PolicyState } from '../policy/state.ts';
import { afterFailure, afterSuccess, CALM, HOLDING, type SafetyNet, withholdShrinks } from './safety.ts';

/** Calls under way at once: libvirt serves five a connection and logs a warning at the fifth. */
const CALLS_IN_FLIGHT = 4;

export interface EnginePorts {
  /** Collects one snapshot; rejects when the hypervisor cannot be asked. */
  readonly collect: () => Promise<Snapshot>;
  readonly actuator: Actuator;
  /** The set in force. A new one holds from the next tick on; windows, cooldowns and moves under way go on. */
  readonly policies: BehaviorSubject<PolicySet>;
  /** What `decide()` remembers. The engine renews it; whoever else changes it does so in one go, from its present value. */
  readonly state: BehaviorSubject<PolicyState>;
  /**
   * Told of the state after every tick and order; resolves when it is kept or cannot be. Never rejects. Moves wait for it, so that
   * a daemon that comes after this one knows of them: a growth very shortly, a shrink longer, for nobody misses it.
   */
  readonly keep?: (state: PolicyState) => Promise<void>;
  /** Begin in the safety hold: what an earlier daemon knew is lost. */
  readonly holding?: boolean;
  readonly clock: Clock;
  /** What operators ask for; obeyed as it comes, between two decisions. */
  readonly orders?: Observable<Order>;
}

/** What one tick came to, with all that went into it: the same arguments give the same decisions again. */
export interface TickEvent {
  readonly type: 'tick';
  readonly now: Instant;
  readonly snapshot: Snapshot;
  readonly policies: PolicySet;
  /** The state that was decided from. */
  readonly before: PolicyState;
  /** Whether the safety hold kept back the shrinks that were decided. */
  readonly withheld: boolean;
  readonly tick: Tick;
  /** How long it took, from the begin of collecting to the last decision. */
  readonly seconds: Seconds;
}

export type EngineEvent =
  | TickEvent
  | { readonly type: 'tick-failed'; readonly error: unknown; readonly net: SafetyNet }
  | { readonly type: 'safety'; readonly holding: boolean }
  /** An order has been taken up. */
  | { readonly type: 'ordered'; readonly order: Order; readonly state: PolicyState }
  | { readonly type: 'applied'; readonly decision: Decision; readonly application: Application };

/** A decision on its way to its guest. */
interface Errand {
  readonly decision: Decision;
  readonly sample: GuestSample | undefined;
}

/** How long a move waits for the state to be kept. */
const PATIENCE: Readonly<Record<'grow' | 'shrink', Seconds>> = { grow: 0.1, shrink: 3 };

/**
 * The loop: collects, decides and applies once an interval, from subscription to unsubscription. A tick that takes longer than
 * the interval makes the next one wait; ticks are never doubled up. Calls to the hypervisor do not hold up the next tick.
 */
export function runEngine(ports: EnginePorts): Observable<EngineEvent> {
  const { collect, actuator, policies, state, keep, clock, orders = NEVER } = ports;
  return new Observable(subscriber => {
    let net: SafetyNet = ports.holding === true ? HOLDING : CALM;
    let samples: ReadonlyMap<string, GuestSample> = new Map();
    const moves = new Subject<Errand>();

    async function tick(): Promise<void> {
      const begin = clock.now().monotonic;
      try {
        const snapshot = await collect();
        const given = { now: clock.now(), snapshot, policies: policies.value, before: state.value };
        const decided = decide(given.before, snapshot, given.policies, given.now);
        const withheld = net.holding;
        net = afterSuccess(net);
        const safe = withheld ? withholdShrinks(decided) : decided;
        state.next(safe.state);
        const kept = keep?.(safe.state);
        if (withheld && !net.holding) subscriber.next({ type: 'safety', holding: false });
        const seconds = clock.now().monotonic - begin;
        subscriber.next({ type: 'tick', ...given, withheld, tick: safe, seconds });
        samples = new Map(snapshot.guests.map(sample => [sample.uuid, sample]));
        for (const decision of safe.decisions) {
          void send({ decision, sample: samples.get(decision.uuid) }, kept);
        }
      } catch (error) {
        const before = net;
        net = afterFailure(net);
        subscriber.next({ type: 'tick-failed', error, net });
        if (net.holding && !before.holding) subscriber.next({ type: 'safety', holding: true });
      }
    }

    async function send(errand: Errand, kept: Promise<void> | undefined): Promise<void> {
      const { action, uuid, targetBytes } = errand.decision;
      if (action === 'hold') return;
      if (kept !== undefined) {
        await atMost(kept, PATIENCE[action]);
        // While it waited, another decision may have taken its place. Where nothing is enforced, no move is noted.
        const enforcing = policies.value.host.mode === 'enforce';
        if (enforcing && state.value.guests.get(uuid)?.move?.to !== targetBytes) return;
      }
      moves.next(errand);
    }

    async function apply({ decision, sample }: Errand): Promise<void> {
      const application = await actuator.apply(decision, sample);
      const asked = 'targetBytes' in application ? application.targetBytes : undefined;
      if (decision.targetBytes !== undefined)
        state.next(correctMove(state.value, decision.uuid, decision.targetBytes, asked));
      subscriber.next({ type: 'applied', decision: withGuardStage(decision, application), application });
    }

    function take(order: Order): void {
      const sample = samples.get(order.uuid);
      const obeyed = obey(state.value, order, sample, clock.now());
      state.next(obeyed.state);
      const kept = keep?.(obeyed.state);
      subscriber.next({ type: 'ordered', order, state: obeyed.state });
      if (obeyed.decision !== undefined) void send({ decision: obeyed.decision, sample }, kept);
    }

    const applying = moves
      .pipe(mergeMap(errand => from(apply(errand)), CALLS_IN_FLIGHT))
      .subscribe({ error: error => subscriber.error(error) });
    const ticking = policies
      .pipe(
        map(({ host }) => host.intervalSeconds),
        distinctUntilChanged(),
        switchMap(seconds => timer(0, seconds * 1000)),
        exhaustMap(() => from(tick())),
      )
      .subscribe({ error: error => subscriber.error(error) });
    const obeying = orders.subscribe(take);
    return () => {
      obeying.unsubscribe();
      ticking.unsubscribe();
      applying.unsubscribe();
    };
  });
}

async function atMost(work: Promise<void>, seconds: Seconds): Promise<void> {
  let patience: NodeJS.Timeout | undefined;
  const enough = new Promise<void>(resolve => {
    patience = setTimeout(resolve, seconds * 1000);
  });
  await Promise.race([work, enough]);
  clearTimeout(patience);
}

/** The decision with the guard's word as its last stage. */
function withGuardStage(decision: Decision, application: Application): Decision {
  const stage: Stage = { stage: 'guard', in: decision.targetBytes, ...guardOutcome(decision, application) };
  return { ...decision, stages: [...decision.stages, stage] };
}

function guardOutcome(decision: Decision, application: Application): Pick<Stage, 'out' | 'code' | 'inputs'> {
  switch (application.status) {
    case 'applied':
      return { out: application.targetBytes, code: application.clamped ?? 'OK' };
    case 'dry-run':
      return { out: application.targetBytes, code: 'OBSERVE_ONLY' };
    case 'refused':
      return {
        out: decision.currentBytes,
        code: application.code ?? 'GUARD_REFUSED',
        inputs: { problem: application.problem },
      };
    case 'failed':
      return { out: decision.targetBytes, code: 'OK', inputs: { error: application.error.message } };
  }
}
