/** What would make a guest move that stays as it is: found by running `decide()` on worlds that differ in one thing. */
import type { Decision } from '../../model/decision.ts';
import type { Change, FigureChange, NameUnit } from '../../model/explanation.ts';
import { type HostFigure, trusted } from '../../model/snapshot.ts';
import { GiB, KiB, MiB, type Seconds } from '../../model/units.ts';
import { governing } from '../governing.ts';
import { hostNames } from '../names.ts';
import { edits } from './edits.ts';
import { guestFigureOf, hostFigureOf, numberAt, unitOfName } from './figures.ts';
import {
  decisionAt,
  later,
  type Moment,
  withDemand,
  withGuestFigures,
  withHostFigure,
  withMoveArrived,
} from './moment.ts';
import { threshold } from './threshold.ts';

/** Longer than this nobody waits to see a guest move. */
const PATIENCE_MAX: Seconds = 3600;

/** How a guest comes to move. */
interface Moved {
  readonly seconds: Seconds;
  readonly level: string;
  readonly outcome: Change['outcome'];
}

/**
 * Everything that was found to make the guest move, the shortest wait first; nothing when it moves anyway.
 *
 * @param moment the world after the tick of the decision
 * @param names of figures that the policies read
 */
export function findChanges(moment: Moment, decision: Decision, names: ReadonlySet<string>): Change[] {
  const { uuid, action, policy } = decision;
  if (action !== 'hold' || policy === undefined) return [];
  const interval = moment.policies.host.intervalSeconds;
  const waited = shortestWait(moment, uuid, PATIENCE_MAX);
  // It moves of itself: what takes longer than that is no cause.
  if (waited !== undefined && waited.seconds <= interval) return [{ kind: 'wait', figures: [], ...waited }];
  const patience = patienceOf(moment, uuid);
  const waits = waited !== undefined && waited.seconds <= patience ? [interval] : [interval, patience];
  const search: Search = { moment, uuid, waits, names };
  const found: Change[] = [
    ...(waited === undefined ? [] : [{ kind: 'wait', figures: [], ...waited } as const]),
    ...arrivals(search),
    ...hostChanges(search),
    ...demandChanges(search, decision),
    ...guestChanges(search),
    ...policyChanges(search, decision.level),
  ];
  return found.toSorted((a, b) => a.seconds - b.seconds);
}

interface Search {
  readonly moment: Moment;
  readonly uuid: string;
  /** How long to wait for an effect: a tick, and perhaps until all cooldowns and levels have had their time. */
  readonly waits: readonly Seconds[];
  readonly names: ReadonlySet<string>;
}

function movedAfter(moment: Moment, uuid: string, seconds: Seconds): Moved | undefined {
  const decision = decisionAt(later(moment, uuid, seconds), uuid);
  if (decision === undefined || decision.action === 'hold' || decision.targetBytes === undefined)
    return undefined;
  const { action, reason, targetBytes, level } = decision;
  return { seconds, level, outcome: { action, reason, targetBytes } };
}

/** The shortest wait after which the guest moves, in whole ticks; undefined when it is longer than `most`. */
function shortestWait(moment: Moment, uuid: string, most: Seconds): Moved | undefined {
  const interval = moment.policies.host.intervalSeconds;
  let best: Moved | undefined;
  threshold(Math.max(1, Math.ceil(most / interval)), ticks => {
    const moved = movedAfter(moment, uuid, ticks * interval);
    best = moved ?? best;
    return moved !== undefined;
  });
  return best;
}

/** Until everything that holds a guest back for a while has passed. */
function patienceOf({ policies, snapshot, now }: Moment, uuid: string): Seconds {
  const { host } = policies;
  const sample = snapshot.guests.find(guest => guest.uuid === uuid);
  const policy = sample && governing(policies, sample, now).policy;
  const times = [
    ...host.pressure.flatMap(({ forSeconds, keepForSeconds }) => [forSeconds, keepForSeconds]),
    ...(policy?.vetoes.map(({ holdSeconds }) => holdSeconds) ?? []),
    policy?.shrink.cooldownSeconds ?? 0,
    policy?.grow.cooldownSeconds ?? 0,
    policy?.stabilizationSeconds ?? 0,
  ];
  return Math.min(PATIENCE_MAX, Math.max(...times) + 2 * host.intervalSeconds);
}

/** The first of the waits after which the guest moves, made as short as it can be. */
function movedIn({ uuid, waits }: Search, moment: Moment): Moved | undefined {
  for (const [index, seconds] of waits.entries()) {
    const moved = movedAfter(moment, uuid, seconds);
    if (moved === undefined) continue;
    return index === 0 ? moved : (shortestWait(moment, uuid, seconds) ?? moved);
  }
  return undefined;
}

function arrivals(search: Search): Change[] {
  const arrived = withMoveArrived(search.moment, search.uuid);
  const moved = arrived && movedIn(search, arrived);
  return moved === undefined ? [] : [{ kind: 'arrive', figures: [], ...moved }];
}

interface Range {
  readonly from: number;
  readonly bounds: readonly number[];
  readonly unit: NameUnit;
}

interface Least {
  readonly to: number;
  readonly changed: Moment;
  readonly moved: Moved;
}

/** For each bound the change towards it that is just large enough: to act at once, and a smaller one that acts in the end. */
function leastChanges(
  { uuid, waits }: Search,
  { from, bounds, unit }: Range,
  change: (value: number) => Moment,
): Least[] {
  const step = STEPS[unit];
  return bounds.flatMap((bound): Least[] => {
    const rising = bound > from;
    const first = rising ? Math.floor(from / step) + 1 : Math.ceil(from / step) - 1;
    const last = rising ? Math.floor(bound / step) : Math.ceil(bound / step);
    const valueAt = (index: number): number => step * (rising ? first + index - 1 : first - index + 1);
    let count = rising ? last - first + 1 : first - last + 1;
    const found: Least[] = [];
    for (const [turn, seconds] of waits.entries()) {
      const moves = (index: number) => movedAfter(change(valueAt(index)), uuid, seconds) !== undefined;
      const index = threshold(count, moves);
      if (index === undefined) continue;
      const changed = change(valueAt(index));
      const moved = turn === 0 ? movedAfter(changed, uuid, seconds) : shortestWait(changed, uuid, seconds);
      if (moved !== undefined) found.push({ to: valueAt(index), changed, moved });
      count = index - 1;
    }
    return found;
  });
}

/** How finely a change is looked for. */
const STEPS: Readonly<Record<NameUnit, number>> = {
  bytes: MiB,
  'bytes/s': KiB,
  '1/s': 1,
  seconds: 1,
  ratio: 0.01,
  percent: 0.1,
  number: 1,
};

/** Up to where a figure may rise that is no size. */
const BOUNDS: Readonly<Record<NameUnit, number>> = {
  bytes: 0,
  'bytes/s': GiB,
  '1/s': 100_000,
  seconds: 86_400,
  ratio: 1,
  percent: 100,
  number: 100_000,
};

function hostChanges(search: Search): Change[] {
  const { moment } = search;
  const { host, guests } = moment.snapshot;
  const total = trusted(host.readings.total);
  return [...hostFigures(search.names)].flatMap(([figure, names]): Change[] => {
    const from = trusted(host.readings[figure]);
    if (from === undefined || total === undefined) return [];
    const unit = unitOfName(names[0]);
    const highest = unit === 'bytes' ? total : Math.max(from, BOUNDS[unit]);
    const before = hostNames(host, guests.length);
    return leastChanges(search, { from, bounds: [0, highest], unit }, value =>
      withHostFigure(moment, figure, value),
    ).map(({ changed, moved }) => {
      const after = hostNames(changed.snapshot.host, guests.length);
      return { kind: 'host', figures: names.map(name => figureChange(name, before, after)), ...moved };
    });
  });
}

/** Every name that was read, by the figure it shows. What is available decides the budget, and counts in any case. */
function hostFigures(read: ReadonlySet<string>): Map<HostFigure, [string, ...string[]]> {
  const figures = new Map<HostFigure, [string, ...string[]]>([['available', ['host.available']]]);
  for (const name of read) {
    const figure = hostFigureOf(name);
    const names = figure && figures.get(figure);
    if (figure !== undefined && names === undefined) figures.set(figure, [name]);
    else if (names?.includes(name) === false) names.push(name);
  }
  return figures;
}

function figureChange(name: string, before: unknown, after: unknown): FigureChange {
  const path = name.slice(name.indexOf('.') + 1);
  const [from, to] = [numberAt(before, path), numberAt(after, path)];
  return { name, unit: unitOfName(name), from: from ?? Number.NaN, to: to ?? Number.NaN };
}

function guestChanges(search: Search): Change[] {
  const { moment, names, uuid } = search;
  const sample = moment.snapshot.guests.find(guest => guest.uuid === uuid);
  return [...names].flatMap((name): Change[] => {
    const figure = guestFigureOf(name);
    const from = figure && sample && trusted(sample.readings[figure]);
    if (figure === undefined || from === undefined) return [];
    const unit = unitOfName(name);
    const highest = unit === 'bytes' ? (sample?.readings.max.value ?? 0) : BOUNDS[unit];
    return leastChanges(search, { from, bounds: [0, Math.max(from, highest)], unit }, value =>
      withGuestFigures(moment, uuid, { [figure]: value }),
    ).map(({ to, moved }) => ({ kind: 'guest', figures: [{ name, unit, from, to }], ...moved }));
  });
}

/** What the guest uses and has used, more or less by whole MiB; with its demand goes what is available in it. */
function demandChanges(search: Search, { stages }: Decision): Change[] {
  const { moment, uuid } = search;
  const demand = stages.find(({ stage }) => stage === 'demand')?.out;
  const sample = moment.snapshot.guests.find(guest => guest.uuid === uuid);
  const used = sample && trusted(sample.readings.used);
  const available = sample && trusted(sample.readings.available);
  if (demand === undefined || used === undefined || available === undefined) return [];
  return leastChanges(search, { from: 0, bounds: [-used, available], unit: 'bytes' }, more =>
    withDemand(moment, uuid, more),
  ).map(({ to: more, moved }) => {
    const figure = { name: 'guest.demand', unit: 'bytes', from: demand, to: demand + more } as const;
    return { kind: 'demand', figures: [figure], ...moved };
  });
}

function policyChanges(search: Search, level: string): Change[] {
  return edits(search.moment, search.uuid, level).flatMap(({ field, moment }): Change[] => {
    const moved = movedIn(search, moment);
    return moved === undefined ? [] : [{ kind: 'policy', figures: [], field, ...moved }];
  });
}
