/** What a policy would have to say otherwise. */
import type { Change } from '../../model/explanation.ts';
import { governing } from '../governing.ts';
import { overlay } from '../layers.ts';
import type { GuestPolicy, PolicyPatch } from '../policy-set.ts';
import type { Moment } from './moment.ts';

/** A field of the policy with another value. */
export interface Edit {
  readonly field: NonNullable<Change['field']>;
  readonly moment: Moment;
}

/** The world with one field of the guest's policy changed, for each field that can keep a guest where it is. */
export function edits(moment: Moment, uuid: string, level: string): Edit[] {
  const { policies, snapshot, now } = moment;
  const sample = snapshot.guests.find(guest => guest.uuid === uuid);
  const policy = sample && governing(policies, sample, now).policy;
  if (policy === undefined) return [];
  const own = (changed: GuestPolicy): Moment => {
    const alone: GuestPolicy = {
      ...changed,
      layers: [],
      mismatch: guest => (guest.uuid === uuid ? undefined : 'match.uuid'),
    };
    return { ...moment, policies: { ...policies, guests: [alone, ...policies.guests] } };
  };
  const edit = (name: string, to: string, changed: GuestPolicy): Edit => ({
    field: { name, to, source: policy.source },
    moment: own(changed),
  });
  const patched = (name: string, to: string, patch: PolicyPatch): Edit =>
    edit(name, to, overlay(policy, patch));
  const opened = (side: 'shrink' | 'grow'): Edit[] => {
    const { at } = policy[side];
    if (at.has(level)) return [];
    const levels = [...at, level];
    return [patched(`behavior.${side}.at`, levels.join(', '), { [side]: { at: new Set(levels) } })];
  };
  const { host } = policies;
  const found = [
    ...(policy.mode === 'observe' ? [patched('mode', 'enforce', { mode: 'enforce' })] : []),
    ...opened('shrink'),
    ...opened('grow'),
    patched('behavior.tolerance', '0%', { tolerance: { ratio: 0, bytes: 0 } }),
    patched('behavior.shrink.step.min', '0B', { shrink: { stepMin: 0 } }),
    patched('behavior.grow.step.min', '0B', { grow: { stepMin: 0 } }),
    patched('guarantees.min', '0%', { guarantees: { min: { bytes: 0 } } }),
    patched('guarantees.max', '100%', { guarantees: { max: { ratio: 1 } } }),
    ...policy.vetoes.map(veto =>
      edit('vetoes', `no '${veto.name}'`, {
        ...policy,
        vetoes: policy.vetoes.filter(other => other !== veto),
      }),
    ),
  ];
  const unlimited = { reclaimRate: undefined, concurrentMoves: undefined, guestsPerTick: undefined };
  const limits: Edit = {
    field: { name: 'limits', to: 'none', source: host.source },
    moment: { ...moment, policies: { ...policies, host: { ...host, limits: unlimited } } },
  };
  return [...found, limits];
}
