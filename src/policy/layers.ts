/** What is laid over a policy for a while: schedules by the clock, exceptions until they expire. */
import type { Instant } from '../model/clock.ts';
import type { Direction, DirectionPatch, GuestMatch, GuestPolicy, Layer, PolicyPatch } from './policy-set.ts';
import type { LocalTime } from './zone-time.ts';

/** A policy as it is in force for one guest now. */
export interface Layered {
  readonly policy: GuestPolicy;
  /** Those that apply, in their order. */
  readonly layers: readonly Layer[];
}

const NONE: readonly Layer[] = [];

// Layers change seldom; the same combination gives the same policy.
const combined = new WeakMap<GuestPolicy, Map<string, Layered>>();

/** The policy with what applies to the guest now laid over it: schedules first, exceptions over them, later ones over earlier. */
export function layeredPolicy(policy: GuestPolicy, guest: GuestMatch, now: Pick<Instant, 'wall'>): Layered {
  const active = policy.layers.length === 0 ? NONE : layersOf(policy, guest, now);
  let known = combined.get(policy);
  if (known === undefined) {
    known = new Map();
    combined.set(policy, known);
  }
  const key = active.length === 0 ? '' : active.map(layer => policy.layers.indexOf(layer)).join();
  const before = known.get(key);
  if (before !== undefined) return before;
  const layered = { policy: active.reduce((under, { set }) => overlay(under, set), policy), layers: active };
  known.set(key, layered);
  return layered;
}

function layersOf(
  { layers }: GuestPolicy,
  guest: GuestMatch,
  { wall }: Pick<Instant, 'wall'>,
): readonly Layer[] {
  return layers.filter(layer => layer.applies(guest, wall));
}

/** The policy with a patch laid over it, field by field. */
export function overlay(policy: GuestPolicy, patch: PolicyPatch): GuestPolicy {
  const { guarantees, tolerance } = policy;
  return {
    ...policy,
    mode: patch.mode ?? policy.mode,
    priority: patch.priority ?? policy.priority,
    shares: patch.shares ?? policy.shares,
    idleTax: patch.idleTax ?? policy.idleTax,
    target: patch.target ?? policy.target,
    guarantees: {
      min: patch.guarantees?.min ?? guarantees.min,
      max: patch.guarantees?.max ?? guarantees.max,
      reserve: patch.guarantees?.reserve ?? guarantees.reserve,
    },
    tolerance: {
      ratio: patch.tolerance?.ratio ?? tolerance.ratio,
      bytes: patch.tolerance?.bytes ?? tolerance.bytes,
    },
    shrink: overlaidDirection(policy.shrink, patch.shrink),
    grow: overlaidDirection(policy.grow, patch.grow),
    stabilizationSeconds: patch.stabilizationSeconds ?? policy.stabilizationSeconds,
  };
}

function overlaidDirection(direction: Direction, patch: DirectionPatch | undefined): Direction {
  if (patch === undefined) return direction;
  return {
    at: patch.at ?? direction.at,
    stepMax: patch.stepMax ?? direction.stepMax,
    stepMin: patch.stepMin ?? direction.stepMin,
    rate: patch.rate ?? direction.rate,
    cooldownSeconds: patch.cooldownSeconds ?? direction.cooldownSeconds,
  };
}

/** Hours of a week, in minutes of the day. Over midnight when `to` is before `from`; the days are those on which they begin. */
export interface Hours {
  /** ISO weekdays, 1 to 7. */
  readonly days: ReadonlySet<number>;
  readonly from: number;
  readonly to: number;
}

export function isWithin({ days, from, to }: Hours, { weekday, hour, minute }: LocalTime): boolean {
  const now = hour * 60 + minute;
  if (from < to) return days.has(weekday) && now >= from && now < to;
  const yesterday = weekday === 1 ? 7 : weekday - 1;
  return (days.has(weekday) && now >= from) || (days.has(yesterday) && now < to);
}
