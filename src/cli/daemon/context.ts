import { BehaviorSubject, Subject } from 'rxjs';
import { type Collector, createCollector } from '../../collectors/snapshot.ts';
import type { EngineEvent } from '../../engine/engine.ts';
import type { Hypervisor } from '../../hypervisor/driver.ts';
import { type Clock, systemClock } from '../../model/clock.ts';
import type { BallonetError } from '../../model/errors.ts';
import type { Notice } from '../../model/notice.ts';
import type { PolicyReading } from '../../policy/load.ts';
import type { Order } from '../../policy/orders.ts';
import type { PolicySet } from '../../policy/policy-set.ts';
import type { Diagnostic } from '../../policy/source/diagnostics.ts';
import { adopted, initialState, type PolicyState } from '../../policy/state.ts';
import type { Logger } from '../../telemetry/log.ts';
import { connect } from '../connect.ts';
import { collectorSettings } from '../reload.ts';
import { stateFolder } from '../state-dir.ts';
import type { ChosenUri } from '../uri.ts';
import type { ApiOptions } from './api-options.ts';
import type { ShadowSet } from './shadow-set.ts';
import { openStateStore, type StateStore } from './state-store.ts';

export interface DaemonOptions {
  readonly policies: PolicySet;
  /** Where they were read from, for the next time, and what stood there. */
  readonly paths: readonly string[];
  readonly reading: PolicyReading;
  /** What is allowed in them and probably not meant. */
  readonly warnings: readonly Diagnostic[];
  readonly chosen: ChosenUri;
  readonly dryRun: boolean;
  /** Policy sets that are tried on models of the guests. */
  readonly shadows: readonly ShadowSet[];
  /** `--state`. */
  readonly stateDir: string | undefined;
  readonly api: ApiOptions;
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
  /** When a reload begins and ends that somebody asked for, whatever comes of it. */
  readonly reloads: Subject<'begins' | 'ends'>;
  /** What outlives this process; undefined where it only looks, and where the guests end with it. */
  readonly store: StateStore | undefined;
  /** Ends the daemon with this error. */
  readonly fail: (error: unknown) => void;
  /** Whether it can only look: fixed at the start, since it decides which rights are asked for. */
  readonly observing: boolean;
}

/** @throws BallonetError of the hypervisor, when it cannot be reached; OWNED_BY_ANOTHER, STATE_UNAVAILABLE */
export async function openDaemon(options: DaemonOptions, fail: Daemon['fail']): Promise<Daemon> {
  const { policies, chosen, log } = options;
  const observing = policies.host.mode === 'observe';
  const clock = systemClock;
  const hypervisor = await connect(chosen.uri, {
    readOnly: observing,
    reconnect: true,
    onWarning: error => log.warn({ err: error }, 'hypervisor warned'),
  });
  const store = await openStore(options, observing, clock, fail).catch(async error => {
    await hypervisor.close();
    throw error;
  });
  const collector = createCollector({
    hypervisor,
    clock,
    procRoot: '/',
    ...collectorSettings(policies),
    arm: !observing,
    epochs: store?.kept?.epochs,
  });
  return {
    options,
    log,
    clock,
    hypervisor,
    collector,
    policies: new BehaviorSubject(policies),
    state: new BehaviorSubject(store?.kept ? adopted(store.kept.state) : initialState(clock.now().monotonic)),
    events: new Subject(),
    orders: new Subject(),
    notices: new Subject(),
    reloads: new Subject(),
    store,
    fail,
    observing,
  };
}

async function openStore(
  { chosen, stateDir, log }: DaemonOptions,
  observing: boolean,
  clock: Clock,
  onLost: (error: BallonetError) => void,
): Promise<StateStore | undefined> {
  if (observing || endsWithUs(chosen.uri)) return undefined;
  return openStateStore({ path: stateFolder(stateDir, chosen.uri), clock, log, onLost });
}

/** The guests of the simulated host live in this process. */
function endsWithUs(uri: string): boolean {
  return uri.startsWith('sim:');
}
