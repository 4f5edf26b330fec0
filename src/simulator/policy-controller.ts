/** A policy set over the simulated hypervisor: the daemon's own collectors, decide(), guard and actuator, on the simulated clock. */
import { createBalloonActuator } from '../actuators/balloon.ts';
import { createCollector } from '../collectors/snapshot.ts';
import { afterFailure, afterSuccess, CALM, type SafetyNet, withholdShrinks } from '../engine/safety.ts';
import { openSimulatedHost } from '../hypervisor/simulated/hypervisor.ts';
import type { Decision } from '../model/decision.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import { decide } from '../policy/decide.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { correctMove, initialState } from '../policy/state.ts';
import type { Bench } from './bench.ts';
import type { Controller, DecisionListener } from './controller.ts';
import { promiseErrors } from './invariants.ts';

/** Longest wait for a guest that hangs: the actuator's of the daemon. */
const CALL_TIMEOUT: Seconds = 5;

/**
 * The set in force as `ballonet run` would have it, but that it always enforces (a run that moves nothing is `static`), that its
 * pool is the simulated host where it names a cgroup of this one, and that it ticks no faster than the scenario allows.
 */
export function policyController(bench: Bench, set: PolicySet, listen?: DecisionListener): Controller {
  const { host, clock, timer, simulation } = bench;
  const intervalSeconds = Math.max(set.host.intervalSeconds, simulation.intervalSeconds);
  const policies: PolicySet = {
    ...set,
    host: {
      ...set.host,
      mode: 'enforce',
      intervalSeconds,
      memory: set.host.memory.kind === 'cgroup' ? { kind: 'auto' } : set.host.memory,
    },
  };
  const hypervisor = openSimulatedHost(host, {
    uri: `sim:///${simulation.scenario.name}`,
    readOnly: false,
    callTimeout: CALL_TIMEOUT,
  });
  const actuator = createBalloonActuator(hypervisor, { callTimeout: 'none' });
  const collector = createCollector({
    hypervisor,
    clock,
    timer,
    arm: true,
    pool: policies.host.memory,
    staleAfterSeconds: policies.host.staleAfterSeconds,
    intervalSeconds,
  });
  let state = initialState(clock.now().monotonic);
  let net: SafetyNet = CALM;
  let moves = 0;

  async function apply(decision: Decision, sample: GuestSample | undefined): Promise<void> {
    const application = await actuator.apply(decision, sample);
    const asked = 'targetBytes' in application ? application.targetBytes : undefined;
    if (decision.targetBytes !== undefined)
      state = correctMove(state, decision.uuid, decision.targetBytes, asked);
    if (application.status === 'applied') moves++;
  }

  /** Undefined when the hypervisor cannot be asked, as when a guest that hangs is the only one. */
  async function collect(): Promise<Snapshot | undefined> {
    try {
      return await bench.settled(collector.collect());
    } catch (error) {
      if (!isBallonetError(error)) throw error;
      return undefined;
    }
  }

  return {
    name: `policy:${set.host.name}`,
    intervalSeconds,
    async tick() {
      const snapshot = await collect();
      const { holding } = net;
      net = snapshot === undefined ? afterFailure(net) : afterSuccess(net);
      if (snapshot === undefined) return;
      const before = state;
      const decided = decide(state, snapshot, policies, clock.now(), listen !== undefined);
      const tick = holding ? withholdShrinks(decided) : decided;
      state = tick.state;
      const [broken] = promiseErrors(before, snapshot, tick, policies);
      if (broken !== undefined) {
        throw new BallonetError(
          'SIMULATION_BROKEN',
          `policy ${set.host.name} at ${bench.now()} s: ${broken}`,
        );
      }
      listen?.(tick.decisions);
      const moving = tick.decisions.filter(({ action }) => action !== 'hold');
      if (moving.length === 0) return;
      const samples = new Map(snapshot.guests.map(sample => [sample.uuid, sample]));
      // Not awaited: a guest that hangs keeps its own call waiting, not the next tick.
      for (const decision of moving) void apply(decision, samples.get(decision.uuid));
      await bench.settled(Promise.resolve());
    },
    moves: () => moves,
    close() {
      collector.close();
      void hypervisor.close();
    },
  };
}
