/** Which domains a flags word selects. Bits come in groups; a domain must match one bit of each group that has any. */
import type { DomainRef, DomainState, DomainStats, Hypervisor } from '../driver.ts';
import { DOMAIN_STATES } from '../driver.ts';
import { LIST } from './numbers.ts';
import { refused, VIR_ERR } from './refusal.ts';

const ACTIVITY = LIST.active | LIST.inactive;
const STATE = LIST.running | LIST.paused | LIST.shutoff | LIST.other;
/** Filters that both lists and bulk calls take. */
export const COMMON_FILTERS = ACTIVITY | LIST.persistent | LIST.transient | STATE;
export const LIST_FILTERS = Object.values(LIST).reduce((bits, bit) => bits | bit, 0);

/**
 * Groups that every domain here answers alike, since the drivers know nothing of such things: the group's bits, and the one
 * that is true of all.
 */
const CONSTANT_GROUPS: readonly (readonly [group: number, ours: number])[] = [
  [LIST.persistent | LIST.transient, LIST.persistent],
  [LIST.managedSave | LIST.noManagedSave, LIST.noManagedSave],
  [LIST.autostart | LIST.noAutostart, LIST.noAutostart],
  [LIST.hasSnapshot | LIST.noSnapshot, LIST.noSnapshot],
  [LIST.hasCheckpoint | LIST.noCheckpoint, LIST.noCheckpoint],
];

/** @throws BallonetError OPERATION_REFUSED with libvirt's number when `flags` has a bit that `known` has not */
export function requireKnownFlags(flags: number, known: number, name: string): void {
  const unknown = (flags & ~known) >>> 0;
  if (unknown === 0) return;
  throw refused(
    'OPERATION_REFUSED',
    VIR_ERR.invalidArgument,
    `unsupported flags (0x${unknown.toString(16)}) in function ${name}`,
  );
}

/** Whether domains have to be known by their state for this selection. */
export function needsState(flags: number): boolean {
  return (flags & STATE) !== 0 && (flags & STATE) !== STATE;
}

/** False when no domain at all can be selected. */
export function selectsAny(flags: number): boolean {
  return CONSTANT_GROUPS.every(([group, ours]) => (flags & group) === 0 || (flags & ours) !== 0);
}

/** What the driver is to be asked for: active domains, inactive ones, or all when it is undefined. */
export function activity(flags: number): boolean | undefined {
  const bits = flags & ACTIVITY;
  return bits === 0 || bits === ACTIVITY ? undefined : bits === LIST.active;
}

/** @param record with the state group when `needsState` */
export function isSelected(record: DomainStats, flags: number): boolean {
  const active = activity(flags);
  if (active !== undefined && active !== record.domain.id >= 0) return false;
  if (!needsState(flags)) return true;
  return (flags & stateBit(DOMAIN_STATES[Number(record.params.get('state.state') ?? 0)])) !== 0;
}

/** The domains that a list's flags select, in the driver's order. */
export async function selectDomains(hypervisor: Hypervisor, flags: number): Promise<readonly DomainRef[]> {
  if (!selectsAny(flags)) return [];
  const active = activity(flags);
  const domains = await hypervisor.domains(active === undefined ? {} : { active });
  if (!needsState(flags)) return domains;
  const records = await hypervisor.allDomainStats({ groups: ['state'], domains });
  return records.filter(record => isSelected(record, flags)).map(({ domain }) => domain);
}

function stateBit(state: DomainState | undefined): number {
  if (state === 'running') return LIST.running;
  if (state === 'paused') return LIST.paused;
  if (state === 'shutoff') return LIST.shutoff;
  return LIST.other;
}
