/** Growth from what is free: who gets how much of it this tick. */
import { type Bytes, MiB, type Ratio } from '../model/units.ts';
import type { Arbitration, Entitlement, HostBudget } from './arbitrate.ts';
import { fill } from './budget.ts';
import type { Outcome } from './outcome.ts';
import { type Circumstances, type Restrained, type RestrainedGrowth, restrainGrow } from './restrain.ts';
import { type Assessment, isMovable, type Movable } from './sheet.ts';
import { record } from './trail.ts';

export interface Growth {
  /** One entry for every guest that is not to shrink. */
  readonly moves: ReadonlyMap<Movable, Restrained>;
  /** Guests that boot and are given what they may have. */
  readonly restored: ReadonlyMap<Assessment, Outcome>;
  /** What growth found no room for. */
  readonly missing: Bytes;
  readonly urgent: boolean;
}

/**
 * Growth from what is free now, and only what is really taken is taken from the others. The distressed come first, then guests
 * that boot, then the rest, which leaves the emergency reserve alone; of each kind those first whose policies give last
 * (H27, R21). Guests of one priority for whom there is not enough split what there is by their shares.
 */
export function grantGrowth(
  { free, emergency }: Pick<HostBudget, 'free' | 'emergency'>,
  entitled: Arbitration['entitled'],
  assessments: readonly Assessment[],
  circumstances: Circumstances,
): Growth {
  const growers = entitled.filter(entitlement => !wouldShrink(entitlement));
  const moves = new Map<Movable, RestrainedGrowth>();
  let room = free;
  for (const group of groupsOf(growers.filter(({ guest }) => guest.distressed))) {
    room -= grantGroup(group, room, circumstances, moves);
  }
  room -= giveAhead(moves, Math.max(0, room - emergency));
  const restored = new Map<Assessment, Outcome>();
  room -= restoreBooting(assessments, room, restored);
  room = Math.max(0, room - emergency);
  for (const group of groupsOf(growers.filter(({ guest }) => !guest.distressed))) {
    room -= grantGroup(group, room, circumstances, moves);
  }
  let missing = 0;
  let urgent = false;
  for (const { guest, size, returned } of growers) {
    const short = moves.get(guest)?.short ?? 0;
    // Nobody gives so that another has more than it asks for.
    const asked = returned ? Math.max(0, short - (size - guest.desired)) : short;
    missing += asked;
    urgent ||= asked > 0 && guest.distressed;
  }
  return { moves, restored, missing, urgent };
}

/** A guest whose entitlement is its own size, but whose policy asks for less, is told why it does not shrink. */
function wouldShrink({ guest: { current, desired }, size, returned }: Entitlement): boolean {
  return size < current || (size === current && desired < current && !returned);
}

/** Growers by priority, those whose policies give last in front. */
function groupsOf(growers: readonly Entitlement[]): readonly Entitlement[][] {
  const groups = new Map<number, Entitlement[]>();
  for (const grower of growers) {
    const { priority } = grower.guest.policy;
    const group = groups.get(priority);
    if (group) group.push(grower);
    else groups.set(priority, [grower]);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** Grants growth to guests of one priority; returns what was taken of the room. */
function grantGroup(
  group: readonly Entitlement[],
  room: Bytes,
  circumstances: Circumstances,
  moves: Map<Movable, RestrainedGrowth>,
): Bytes {
  const wishes = group.map(({ guest, size }) =>
    restrainGrow(guest, size, Number.POSITIVE_INFINITY, circumstances),
  );
  let wanted = 0;
  for (const [i, { guest }] of group.entries()) wanted += takenBy(guest, wishes[i]);
  if (wanted <= room) {
    for (const [i, { guest }] of group.entries()) moves.set(guest, wishes[i] ?? NO_GROWTH);
    return wanted;
  }
  const parts = split(group, wishes, room);
  let taken = 0;
  for (const [i, { guest, size }] of group.entries()) {
    const growth = restrainGrow(guest, size, parts[i] ?? 0, circumstances);
    moves.set(guest, growth);
    taken += takenBy(guest, growth);
  }
  // A part may be less than the smallest step: what is left goes to the hardest pressed, so that it is of use to somebody.
  const waiting = group.filter(({ guest }) => moves.get(guest)?.target === undefined);
  waiting.sort(({ guest: a }, { guest: b }) => b.active - a.active || byUuid(a, b));
  for (const { guest, size } of waiting) {
    const growth = restrainGrow(guest, size, room - taken, circumstances);
    moves.set(guest, growth);
    taken += takenBy(guest, growth);
  }
  return taken;
}

/** Share of what is free that is given ahead of need: the rest is there for the next guest. */
const AHEAD: Ratio = 0.5;
/** A burst may be faster by so much than it looked when a report last told of it. */
const FASTER = 3;

/**
 * A guest whose growth has led it into distress takes memory faster than its reports tell: a second may pass until its need is known,
 * and what it is not given until then it swaps out. So it gets of what nobody else has asked for; what it leaves comes back with an
 * ordinary shrink.
 *
 * @param moves growth of guests in distress
 * @returns what was taken of the room
 */
function giveAhead(moves: Map<Movable, RestrainedGrowth>, room: Bytes): Bytes {
  const growing = [...moves].filter(([, { target, short }]) => target !== undefined && short === 0);
  const each = (AHEAD * room) / growing.length;
  let taken = 0;
  for (const [guest, growth] of growing) {
    const { target = 0 } = growth;
    const burst = (FASTER - 1) * (guest.soon - guest.need);
    const ahead = Math.floor(Math.min(guest.ceiling - target, each, burst) / MiB) * MiB;
    if (ahead <= 0) continue;
    moves.set(guest, { ...growth, target: target + ahead });
    taken += ahead;
  }
  return taken;
}

const NO_GROWTH: RestrainedGrowth = { target: undefined, code: 'OK', short: 0 };

function takenBy(guest: Movable, growth: RestrainedGrowth | undefined): Bytes {
  return growth?.target === undefined ? 0 : Math.max(0, growth.target - guest.promised);
}

/** The room by shares, so that sizes come as close to them as they can; nobody gets more than it wishes. */
function split(group: readonly Entitlement[], wishes: readonly RestrainedGrowth[], room: Bytes): Bytes[] {
  let promised = 0;
  const bounds = group.map(({ guest }, i) => {
    promised += guest.promised;
    const upper = guest.promised + takenBy(guest, wishes[i]);
    return { offset: 0, weight: guest.policy.shares, lower: guest.promised, upper };
  });
  return fill(promised + room, bounds).map((size, i) => size - (bounds[i]?.lower ?? size));
}

/** Less than this is not worth a call while a guest boots. */
const RESTORE_LEAST: Bytes = 32 * MiB;

/** Gives guests that boot what they may have, as far as there is room (H9, R8); returns what was taken of it. */
function restoreBooting(
  assessments: readonly Assessment[],
  room: Bytes,
  restored: Map<Assessment, Outcome>,
): Bytes {
  let taken = 0;
  for (const guest of assessments) {
    if (isMovable(guest) || guest.restore === undefined) continue;
    const { restore, promised, trail } = guest;
    const affordable = Math.floor((promised + room - taken) / MiB) * MiB;
    const target = Math.min(restore, affordable);
    if (target < restore && target < promised + RESTORE_LEAST) continue;
    taken += Math.max(0, target - promised);
    record(trail, 'relief', 'BOOT_RESTORED', target, { restore });
    restored.set(guest, { action: 'grow', reason: 'BOOT_RESTORED', target });
  }
  return taken;
}

export function byUuid(a: Movable, b: Movable): number {
  return a.sample.uuid < b.sample.uuid ? -1 : 1;
}
