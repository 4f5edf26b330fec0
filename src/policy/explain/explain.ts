/** Why one guest is, or is not, moved: the tick's decision run again under watch, and again with things otherwise. */
import type { Decision } from '../../model/decision.ts';
import { BallonetError } from '../../model/errors.ts';
import type {
  Explanation,
  LayerState,
  LevelState,
  OtherPolicy,
  PolicyRef,
  Protector,
  Quantity,
  TracedExpression,
} from '../../model/explanation.ts';
import type { GuestSample } from '../../model/snapshot.ts';
import { decide, type Tick } from '../decide.ts';
import type { Expression } from '../expression/expression.ts';
import { governing, governingPolicy } from '../governing.ts';
import type { GuestPolicy, PolicySet } from '../policy-set.ts';
import { findChanges } from './changes.ts';
import { figureNames } from './figures.ts';
import { limitPlaces } from './limit-places.ts';
import type { Moment } from './moment.ts';
import { type Watch, watch } from './watch.ts';

/**
 * Explains what one tick decides about one guest. Pure: `decide()` is run with the arguments that the tick had, so that what is
 * explained is what was decided.
 *
 * @param moment the arguments of the tick; `state` is that before it
 * @param uuid the guest
 * @param search whether to look for what would make the guest move: some hundred runs of `decide()`
 * @throws BallonetError `DOMAIN_NOT_FOUND` when the snapshot has no such guest
 */
export function explain(moment: Moment, uuid: string, { search = true } = {}): Explanation {
  const { policies, snapshot, state, now } = moment;
  const sample = snapshot.guests.find(guest => guest.uuid === uuid);
  const base = sample && governingPolicy(policies, sample);
  const watched = watch(policies, base, uuid);
  const tick = decide(state, snapshot, watched.policies, now);
  const decision = tick.decisions.find(candidate => candidate.uuid === uuid);
  if (sample === undefined || decision === undefined)
    throw new BallonetError('DOMAIN_NOT_FOUND', `no guest with uuid ${uuid} is among those of this tick`);
  const { policy, layers: inForce } = governing(policies, sample, now);
  const quantities = policy === undefined ? [] : quantitiesOf(policy, watched);
  const protectors = policy === undefined ? [] : protectorsOf(policy, watched, tick, uuid, now.monotonic);
  const levels = levelsOf(policies, watched, tick, now.monotonic);
  const decidedBy = deciding(decision);
  const traces = [...levels, ...protectors, ...quantities].flatMap(({ trace }) => trace ?? []);
  const next: Moment = { ...moment, state: tick.state };
  return {
    apiVersion: 'ballonet/v1',
    kind: 'Explanation',
    at: now.wall,
    decision,
    ...(decidedBy === undefined ? {} : { decidedBy }),
    ...(base && policy && { policy: { ...refOf(base), ...described(base), mode: policy.mode } }),
    others: othersOf(policies, base, sample),
    layers: base === undefined ? [] : layersOf(base, sample, now.wall),
    limits: base === undefined ? [] : limitPlaces(policies, base, inForce, decision),
    host: hostOf(policies, tick, levels, now.monotonic),
    quantities,
    protectors,
    ...(search ? { changes: findChanges(next, decision, figureNames(traces)) } : {}),
  };
}

function deciding({ stages, reason }: Decision): number | undefined {
  const index = stages.findLastIndex(({ code }) => code === reason);
  return index < 0 ? undefined : index;
}

function refOf({ name, source, precedence }: GuestPolicy): PolicyRef {
  return { name, source, precedence };
}

function described({ description }: GuestPolicy): { readonly description?: string } {
  return description === undefined ? {} : { description };
}

function othersOf(
  { guests }: PolicySet,
  base: GuestPolicy | undefined,
  sample: GuestSample,
): readonly OtherPolicy[] {
  const others = guests.filter(policy => policy !== base).map(policy => otherOf(policy, sample));
  return others.toSorted((a, b) => a.fields.length - b.fields.length);
}

function otherOf(policy: GuestPolicy, sample: GuestSample): OtherPolicy {
  const mismatch = policy.mismatch(sample);
  if (mismatch === undefined) return { ...refOf(policy), because: 'outranked', fields: [] };
  const verdicts = policy.verdicts(sample);
  const refusing = verdicts.filter(({ field, holds }) => field.startsWith('match.') && !holds);
  if (refusing.length > 0) return { ...refOf(policy), because: 'no-match', fields: refusing };
  const excluding = verdicts.filter(({ field }) => field.startsWith('exclude.'));
  return { ...refOf(policy), because: 'excluded', fields: excluding };
}

function layersOf({ layers }: GuestPolicy, sample: GuestSample, wall: number): LayerState[] {
  return layers.map(layer => {
    const { kind, name, source, reason, expiresAt } = layer;
    return {
      kind,
      name,
      source,
      inForce: layer.applies(sample, wall),
      ...(reason === undefined ? {} : { reason }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    };
  });
}

function hostOf(
  { host }: PolicySet,
  { state: { pressure }, budget }: Tick,
  levels: readonly LevelState[],
  now: number,
): Explanation['host'] {
  const { name, source, mode } = host;
  return {
    policy: { name, source },
    mode,
    level: pressure.level,
    levelSeconds: now - pressure.since,
    levels,
    ...(budget && {
      budget: { totalBytes: budget.total, committedBytes: budget.committed, freeBytes: budget.free },
    }),
  };
}

function levelsOf({ host }: PolicySet, watched: Watch, { state }: Tick, now: number): LevelState[] {
  return host.pressure.map(({ name, when, forSeconds, keepForSeconds }) => {
    const held = state.pressure.held.get(name);
    const since = held?.trueSince ?? held?.falseSince;
    return {
      name,
      ...traced(watched, when),
      entered: held?.entered === true,
      ...(since === undefined ? {} : { heldSeconds: now - since }),
      forSeconds,
      keepForSeconds,
    };
  });
}

function traced(watched: Watch, expression: Expression<unknown>): TracedExpression {
  const trace = watched.traceOf(expression);
  return { source: expression.source, ...(trace && { trace }) };
}

function quantitiesOf({ variables, target }: GuestPolicy, watched: Watch): Quantity[] {
  return [
    ...variables.map(({ name, expression }) => ({ name: `vars.${name}`, ...traced(watched, expression) })),
    { name: 'target', ...traced(watched, target) },
  ];
}

function protectorsOf(
  { vetoes, relief }: GuestPolicy,
  watched: Watch,
  { state }: Tick,
  uuid: string,
  now: number,
): Protector[] {
  const vetoed = state.guests.get(uuid)?.vetoed ?? {};
  const found = vetoes.map(({ name, when, holdSeconds }): Protector => {
    const { source, trace } = traced(watched, when);
    if (trace === undefined) return { kind: 'veto', name, source, inForce: false };
    const last = Object.hasOwn(vetoed, name) ? vetoed[name] : undefined;
    const inForce = last !== undefined || trace.problem !== undefined;
    const left = last === undefined || trace.value === true ? undefined : last + holdSeconds - now;
    return {
      kind: 'veto',
      name,
      source,
      trace,
      inForce,
      ...(left === undefined ? {} : { secondsLeft: left }),
    };
  });
  if (relief === undefined) return found;
  const { source, trace } = traced(watched, relief.when);
  const inForce = trace?.value === true || trace?.problem !== undefined;
  return [...found, { kind: 'relief', name: 'relief', source, ...(trace && { trace }), inForce }];
}
