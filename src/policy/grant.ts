/** Growth from what is free: who gets how much of it this tick. */
import type { ReasonCode } from '../model/decision.ts';
import { type Bytes, MiB, type Ratio } from '../model/units.ts';
import type { HostBudget } from './arbitrate.ts';
import { fill, newBounds } from './budget.ts';
import { isContent, isInNeed } from './content.ts';
import { RISING } from './protect.ts';
import { type Circumstances, restrainGrow } from './restrain.ts';
import { isMovable, type Movable, type Sheet } from './sheet.ts';
import { record } from './trail.ts';

export interface Growth {
  /** What growth found no room for. */
  readonly missing: Bytes;
  readonly urgent: boolean;
}

/**
 * Growth from what is free now, and only what is really taken is taken from the others. The distressed come first, those before the
 * others that are not content, then guests that boot, then the rest, which leaves the emergency reserve alone; of each kind those first whose policies give last
 * (H27, R21). Guests of one priority for whom there is not enough split what there is by their shares.
 */
export function grantGrowth(
  { free, emergency }: Pick<HostBudget, 'free' | 'emergency'>,
  movable: readonly Movable[],
  sheets: readonly Sheet[],
  circumstances: Circumstances,
): Growth {
  const growers = movable.filter(guest => !wouldShrink(guest));
  let room = free;
  const distressed = growers.filter(guest => guest.distressed);
  if (distressed.length > 0) {
    for (const group of groupsOf(distressed, isInNeed)) room -= grantGroup(group, room, circumstances);
    for (const group of groupsOf(distressed, isContent)) room -= grantGroup(group, room, circumstances);
    const rising = movable.filter(({ soon, need }) => soon - need > RISING).length;
    room -= giveAhead(distressed, Math.max(0, room - emergency), rising);
  }
  room -= restoreUnseen(sheets, room, BY_RIGHT);
  room = Math.max(0, room - emergency);
  for (const group of groupsOf(growers, isAtEase)) room -= grantGroup(group, room, circumstances);
  restoreUnseen(sheets, room, BY_CARE);
  let missing = 0;
  let urgent = false;
  for (const { grant, share, desired, returned, distressed } of growers) {
    const short = grant?.short ?? 0;
    // Nobody gives so that another has more than it asks for.
    const asked = returned ? Math.max(0, short - (share - desired)) : short;
    missing += asked;
    urgent ||= asked > 0 && distressed;
  }
  return { missing, urgent };
}

/** A guest whose share is its own size, but whose policy asks for less, is told why it does not shrink. */
function wouldShrink({ current, desired, share, returned }: Movable): boolean {
  return share < current || (share === current && desired < current && !returned);
}

function isAtEase({ distressed }: Movable): boolean {
  return !distressed;
}

/** Growers of one kind by priority; those whose policies give last in front. */
function groupsOf(growers: readonly Movable[], isOne: (guest: Movable) => boolean): readonly Movable[][] {
  const groups = new Map<number, Movable[]>();
  for (const guest of growers) {
    if (!isOne(guest)) continue;
    const { priority } = guest.policy;
    const group = groups.get(priority);
    if (group) group.push(guest);
    else groups.set(priority, [guest]);
  }
  return [...groups.entries()].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/** Grants growth to guests of one priority; returns what was taken of the room. */
function grantGroup(group: readonly Movable[], room: Bytes, circumstances: Circumstances): Bytes {
  let wanted = 0;
  for (const guest of group) wanted += grantWithin(guest, Number.POSITIVE_INFINITY, circumstances);
  if (wanted <= room) return wanted;
  const parts = split(group, room);
  let taken = 0;
  group.forEach((guest, i) => {
    taken += grantWithin(guest, parts[i] ?? 0, circumstances);
  });
  // A part may be less than the smallest step: what is left goes to the hardest pressed, so that it is of use to somebody.
  const waiting = group.filter(({ grant }) => grant?.target === undefined);
  waiting.sort((a, b) => b.active - a.active || byUuid(a, b));
  for (const guest of waiting) taken += grantWithin(guest, room - taken, circumstances);
  return taken;
}

/** Share of what is free that is given ahead of need: the rest is there for the next guest. */
const AHEAD: Ratio = 0.5;
/** A burst may be faster by so much than it looked when a report last told of it. */
const FASTER = 3;

/**
 * A guest whose growth has led it into distress takes memory faster than its reports tell: a second may pass until its need is known,
 * and what it is not given until then it swaps out. So it gets of what nobody else has asked for; what it leaves comes back with an
 * ordinary shrink. When many rise at once the first one to be in distress must not have it all.
 *
 * @param distressed those in distress, with their growth
 * @param rising how many guests take more memory, in distress or not yet
 * @returns what was taken of the room
 */
function giveAhead(distressed: readonly Movable[], room: Bytes, rising: number): Bytes {
  const growing = distressed.filter(({ grant }) => grant?.target !== undefined && grant.short === 0);
  const each = (AHEAD * room) / Math.max(growing.length, rising);
  let taken = 0;
  for (const { grant, ceiling, soon, need } of growing) {
    if (grant?.target === undefined) continue;
    const burst = (FASTER - 1) * (soon - need);
    const ahead = Math.floor(Math.min(ceiling - grant.target, each, burst) / MiB) * MiB;
    if (ahead <= 0) continue;
    grant.target += ahead;
    taken += ahead;
  }
  return taken;
}

/** Grants one guest its growth; returns what that takes of the room. */
function grantWithin(guest: Movable, room: Bytes, circumstances: Circumstances): Bytes {
  guest.grant = restrainGrow(guest, guest.share, room, circumstances);
  return takenBy(guest);
}

function takenBy({ grant, promised }: Movable): Bytes {
  return grant?.target === undefined ? 0 : Math.max(0, grant.target - promised);
}

/** The room by shares, so that sizes come as close to them as they can; nobody gets more than it would take. */
function split(group: readonly Movable[], room: Bytes): Float64Array {
  let promised = 0;
  const bounds = newBounds(group.length);
  group.forEach((guest, i) => {
    promised += guest.promised;
    bounds.weight[i] = guest.policy.shares;
    bounds.lower[i] = guest.promised;
    bounds.upper[i] = guest.promised + takenBy(guest);
  });
  return fill(promised + room, bounds).map((size, i) => size - (bounds.lower[i] ?? size));
}

/** Less than this is not worth a call for a guest that nothing is known of. */
const RESTORE_LEAST: Bytes = 32 * MiB;

/** Guests that boot (H9, R8), or were being squeezed when their figures stayed away. */
const BY_RIGHT: ReadonlySet<ReasonCode> = new Set(['BOOT_RESTORED', 'COLD_RETURNED']);
/** Silent ones: they may need it or not, so all others come first. */
const BY_CARE: ReadonlySet<ReasonCode> = new Set(['SILENCE_RELIEVED']);

/** Gives guests without figures what they are to have back, as far as there is room; returns what was taken of it. */
function restoreUnseen(sheets: readonly Sheet[], room: Bytes, reasons: ReadonlySet<ReasonCode>): Bytes {
  let taken = 0;
  for (const guest of sheets) {
    const { restore, restoring, promised, trail } = guest;
    if (isMovable(guest) || restore === undefined || !reasons.has(restoring)) continue;
    const affordable = Math.floor((promised + room - taken) / MiB) * MiB;
    const target = Math.min(restore, affordable);
    if (target < restore && target < promised + RESTORE_LEAST) continue;
    taken += Math.max(0, target - promised);
    record(trail, 'relief', restoring, target, { restore });
    guest.conclude('grow', restoring, target);
  }
  return taken;
}

export function byUuid(a: Movable, b: Movable): number {
  return a.sample.uuid < b.sample.uuid ? -1 : 1;
}
