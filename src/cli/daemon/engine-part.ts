import { createBalloonActuator, dryRunActuator } from '../../actuators/balloon.ts';
import { withBreaker } from '../../actuators/breaker.ts';
import { withJobs } from '../../actuators/jobs.ts';
import { runEngine } from '../../engine/engine.ts';
import type { Leases } from '../../engine/lease.ts';
import { ownedActuator } from '../../engine/owned-actuator.ts';
import type { StateKeeper } from '../../engine/state-keeper.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';

/** The loop itself: the last to start and the first to stop. */
export function enginePart(daemon: Daemon, keep: StateKeeper['keep'], leases: Leases | undefined): Part {
  const { collector, hypervisor, policies, state, store, clock, events, orders, fail, observing } = daemon;
  return part('engine', () => {
    const balloons = observing
      ? dryRunActuator
      : withBreaker(withJobs(createBalloonActuator(hypervisor), hypervisor), clock);
    const moving = leases === undefined ? balloons : ownedActuator(balloons, leases);
    const running = runEngine({
      collect: () => collector.collect(),
      actuator: {
        apply: (decision, sample) =>
          (policies.value.host.mode === 'observe' ? dryRunActuator : moving).apply(decision, sample),
      },
      policies,
      state,
      keep,
      holding: store?.lost === true,
      clock,
      orders,
    }).subscribe({ next: event => events.next(event), error: fail });
    return () => running.unsubscribe();
  });
}
