/** QEMU's run states as libvirt's domain states. Sources: QEMU, qapi/run-state.json; libvirt, src/qemu/qemu_monitor.c. */
import type { DomainState } from '../driver.ts';

export interface RunState {
  readonly state: DomainState;
  /** `state.reason` of a bulk record: libvirt's number, whose meaning depends on the state; 0 is "unknown". */
  readonly reason: number;
}

/** `virDomainPausedReason`. */
const PAUSED = {
  user: 1,
  migration: 2,
  save: 3,
  ioError: 5,
  watchdog: 6,
} as const;

const STATES: ReadonlyMap<string, RunState> = new Map<string, RunState>([
  ['running', { state: 'running', reason: 0 }],
  ['colo', { state: 'running', reason: 0 }],
  ['paused', { state: 'paused', reason: PAUSED.user }],
  ['prelaunch', { state: 'paused', reason: PAUSED.user }],
  ['preconfig', { state: 'paused', reason: PAUSED.user }],
  ['debug', { state: 'paused', reason: 0 }],
  ['internal-error', { state: 'paused', reason: 0 }],
  ['restore-vm', { state: 'paused', reason: 0 }],
  ['inmigrate', { state: 'paused', reason: PAUSED.migration }],
  ['finish-migrate', { state: 'paused', reason: PAUSED.migration }],
  ['postmigrate', { state: 'paused', reason: PAUSED.migration }],
  ['save-vm', { state: 'paused', reason: PAUSED.save }],
  ['io-error', { state: 'paused', reason: PAUSED.ioError }],
  ['watchdog', { state: 'paused', reason: PAUSED.watchdog }],
  ['guest-panicked', { state: 'crashed', reason: 0 }],
  // The guest has powered itself off and QEMU stays, because of -no-shutdown.
  ['shutdown', { state: 'shutdown', reason: 0 }],
  ['suspended', { state: 'pmsuspended', reason: 0 }],
]);

/** A state that this version does not know is `nostate`. */
export function runStateOf(status: string): RunState {
  return STATES.get(status) ?? { state: 'nostate', reason: 0 };
}
