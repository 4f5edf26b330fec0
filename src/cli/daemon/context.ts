import { BehaviorSubject, Subject } from 'rxjs';
import { type Collector, createCollector } from '../../collectors/snapshot.ts';
import type { EngineEvent } from '../../engine/engine.ts';
import { connect } from '../../hypervisor/connect.ts';
import type { Hypervisor } from '../../hypervisor/driver.ts';
import { type Clock, systemClock } from '../../model/clock.ts';
import type { Notice } from '../../model/notice.ts';
import type { Order } from '../../policy/orders.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import { initialState, type PolicyState } from '../../policy/state.ts';
import type { Logger } from '../../telemetry/log.ts';
import { collectorSettings } from '../reload.ts';
import type { ChosenUri } from '../uri.ts';

export interface DaemonOptions {
  readonly policies: PolicySet;
  /** Where they were read from, for the next time. */
  readonly paths: readonly string[];
  readonly chosen: ChosenUri;
  readonly dryRun: boolean;
  readonly log: Logger;
  readonly version: string;
}

/** What the parts of the daemon share. */
export interface Daemon {
  readonly options: DaemonOptions;
  readonly log: Logger;
  readonly clock: Clock;
  readonly hypervisor: Hypervisor;
  readonly collector: Collector;
  /** The set in force. */
  readonly policies: BehaviorSubject<PolicySet>;
  /** What `decide()` remembers, and what is changed by hand between ticks. */
  readonly state: BehaviorSubject<PolicyState>;
  /** What the engine does. Parts subscribe in their start, which is before the engine's; it never errors. */
  readonly events: Subject<EngineEvent>;
  /** What operators ask the engine for. */
  readonly orders: Subject<Order>;
  /** What operators want to hear of; every part may tell. */
  readonly notices: Subject<Notice>;
  /** Whether it only looks: fixed at the start, since it decides which rights are asked for. */
  readonly observing: boolean;
}

/** @throws BallonetError of the hypervisor, when it cannot be reached */
export async function openDaemon(options: DaemonOptions): Promise<Daemon> {
  const { policies, chosen, log } = options;
  const observing = policies.host.mode === 'observe';
  const clock = systemClock;
  const hypervisor = await connect(chosen.uri, {
    readOnly: observing,
    reconnect: true,
    onWarning: error => log.warn({ err: error }, 'hypervisor warned'),
  });
  const collector = createCollector({
    hypervisor,
    clock,
    procRoot: '/',
    ...collectorSettings(policies),
    arm: !observing,
  });
  return {
    options,
    log,
    clock,
    hypervisor,
    collector,
    policies: new BehaviorSubject(policies),
    state: new BehaviorSubject(initialState(clock.now().monotonic)),
    events: new Subject(),
    orders: new Subject(),
    notices: new Subject(),
    observing,
  };
}
