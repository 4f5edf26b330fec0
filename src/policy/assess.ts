/** The first half of a guest's decision: what it is, what it needs, what its policy asks for. Nothing here knows the other guests. */

import type { Instant } from '../model/clock.ts';
import type { ReasonCode } from '../model/decision.ts';
import { kernelShare, needFloor } from '../model/floor.ts';
import { type GuestSample, type Reading, trusted } from '../model/snapshot.ts';
import type { Bytes } from '../model/units.ts';
import { judgeMove, settleMove } from './convergence.ts';
import { estimateDemand, observeNeed } from './demand.ts';
import { guestNames } from './names.ts';
import { type GuestPolicy, type HostNames, resolveAmount, type Scope } from './policy-set.ts';
import { type GuestMemory, newGuestMemory } from './state.ts';
import { newTrail, record, type Trail } from './trail.ts';

/** Reports that a new epoch must bring before its figures count: the first buffer may be uninitialised (virtio 1.2, 5.5.6.3). */
const SETTLED_REPORTS = 2;

/** QEMU sends at most one balloon event a second (monitor/monitor.c), so a size seen once may still be on its way. */
const REST_SECONDS = 1.5;

/** A guest that this tick may move, with the limits of its own policy applied. */
export interface Movable {
  readonly kind: 'movable';
  readonly sample: GuestSample;
  readonly policy: GuestPolicy;
  readonly memory: GuestMemory;
  readonly trail: Trail;
  readonly current: Bytes;
  readonly max: Bytes;
  readonly min: Bytes;
  /** Guaranteed maximum. */
  readonly ceiling: Bytes;
  readonly floor: Bytes;
  /** Target of the policy within the guarantees. */
  readonly desired: Bytes;
  readonly wanted: Bytes;
  /** Available memory is under half of the guest's reserve: growth is urgent, and it never donates. */
  readonly distressed: boolean;
  /** Share of its size that the guest uses. */
  readonly active: number;
  /** A shrink that the guest could not follow is to be taken back to this size. */
  readonly withdrawTo: Bytes | undefined;
}

/** A guest that stays as it is this tick, whatever the host needs. */
export interface Held {
  readonly kind: 'held';
  readonly sample: GuestSample;
  readonly policy: GuestPolicy | undefined;
  readonly memory: GuestMemory;
  readonly trail: Trail;
  readonly code: ReasonCode;
  readonly withdrawTo: Bytes | undefined;
}

export type Assessment = Movable | Held;

export interface AssessInput {
  readonly sample: GuestSample;
  readonly policy: GuestPolicy | undefined;
  readonly memory: GuestMemory | undefined;
  readonly host: HostNames;
  readonly now: Instant;
}

export function assess({ sample, policy, memory: before, host, now }: AssessInput): Assessment {
  const trail = newTrail(trusted(sample.readings.current));
  const { memory, withdrawTo } = followUp(sample, before, now);
  const obstacle = policy === undefined ? ('UNMANAGED' as const) : obstacleOf(sample);
  const held = (code: ReasonCode, next: GuestMemory): Held => ({
    kind: 'held',
    sample,
    policy,
    memory: next,
    trail,
    code,
    withdrawTo,
  });
  if (policy === undefined || obstacle !== undefined) {
    const code = obstacle ?? 'UNMANAGED';
    record(
      trail,
      code === 'NOT_RUNNING' || code === 'NO_BALLOON' || code === 'UNMANAGED' ? 'eligibility' : 'quality',
      code,
      trail.value,
      {
        ...(sample.statsAgeSeconds === undefined ? {} : { statsAgeSeconds: sample.statsAgeSeconds }),
        epoch: sample.epoch,
        reports: sample.reportsInEpoch,
      },
    );
    return held(code, memory);
  }
  const sizes = sizesOf(sample, memory);
  if (sizes === undefined) {
    record(trail, 'quality', 'STATS_SETTLING', trail.value);
    return held('STATS_SETTLING', memory);
  }
  const { used, current, max, kernelBytes } = sizes;
  const need = used + kernelBytes;
  const reportedAt = now.monotonic - (sample.statsAgeSeconds ?? 0);
  const { estimate } = policy;
  const demandWindow = observeNeed(memory.demand, need, reportedAt, estimate.windowSeconds);
  const learned: GuestMemory = { ...memory, demand: demandWindow, kernelBytes };
  const demand = estimateDemand(demandWindow, estimate.quantile, estimate.growthSeconds);
  record(trail, 'demand', 'DEMAND', demand, { used, kernelBytes, usedRate: demandWindow.slope });

  const min = Math.min(max, resolveAmount(policy.guarantees.min, max));
  const ceiling = Math.min(max, Math.max(min, resolveAmount(policy.guarantees.max, max)));
  const guarantees = { min, max: ceiling, reserve: policy.guarantees.reserve };
  const names = guestNames(sample, { demand, usedRate: demandWindow.slope, target: learned.target });
  const wanted = askPolicy(policy, { host, guest: names, guarantees }, trail);
  if (wanted === undefined) return held('EXPRESSION_FAILED', learned);
  const desired = Math.min(ceiling, Math.max(min, wanted));
  const bound = desired > wanted ? 'GUARANTEE_MIN' : desired < wanted ? 'GUARANTEE_MAX' : 'OK';
  record(trail, 'guarantees', bound, desired, { min, max: ceiling });

  const floor = Math.min(ceiling, Math.max(min, needFloor(sample, kernelBytes) ?? max));
  const available = trusted(sample.readings.available) ?? 0;
  return {
    kind: 'movable',
    sample,
    policy,
    memory: learned,
    trail,
    current,
    max,
    min,
    ceiling,
    floor,
    desired,
    wanted,
    distressed: available < policy.guarantees.reserve / 2 && current < ceiling,
    active: Math.min(1, need / current),
    withdrawTo,
  };
}

/** Carries the memory over into this tick: a new epoch starts afresh, a move under way is judged, standing figures are learned. */
function followUp(
  sample: GuestSample,
  before: GuestMemory | undefined,
  now: Instant,
): { memory: GuestMemory; withdrawTo: Bytes | undefined } {
  const known = before !== undefined && before.epoch === sample.epoch ? before : newGuestMemory(sample.epoch);
  const current = trusted(sample.readings.current);
  // A guest that does not run cannot follow: its move is judged when it runs again.
  if (current === undefined || sample.state !== 'running') return { memory: known, withdrawTo: undefined };
  const verdict = judgeMove(known.move, current, now.monotonic);
  const settled = settleMove(known, verdict, now.monotonic);
  const withdrawTo = verdict.kind === 'given-up' && verdict.shrinking ? verdict.reached : undefined;
  const resting =
    settled.resting?.size === current ? settled.resting : { size: current, since: now.monotonic };
  return { memory: learnStanding(sample, { ...settled, resting }, current, now), withdrawTo };
}

/**
 * Learns what only a balloon at rest shows. Size and report are of different moments while it moves: a naive difference then
 * comes out negative or doubled.
 */
function learnStanding(sample: GuestSample, memory: GuestMemory, current: Bytes, now: Instant): GuestMemory {
  const restedAt = (memory.resting?.since ?? now.monotonic) + REST_SECONDS;
  if (memory.move !== undefined || now.monotonic < restedAt) return memory;
  const rss = trusted(sample.readings.rss);
  const overheadBytes =
    rss === undefined ? memory.overheadBytes : Math.max(memory.overheadBytes, rss - current);
  const untouched = rss === undefined ? memory.granted : Math.max(0, current + overheadBytes - rss);
  const reportedAt = now.monotonic - (sample.statsAgeSeconds ?? Number.POSITIVE_INFINITY);
  const kernelBytes =
    reportedAt < restedAt ? memory.kernelBytes : (kernelShare(sample) ?? memory.kernelBytes);
  return { ...memory, overheadBytes, granted: Math.min(memory.granted, untouched), kernelBytes };
}

/** Why this guest must not be moved now, by what is known of it alone. */
function obstacleOf(sample: GuestSample): ReasonCode | undefined {
  if (sample.state !== 'running') return 'NOT_RUNNING';
  if (sample.balloon?.device === 'none') return 'NO_BALLOON';
  const { max, current, used, available } = sample.readings;
  for (const reading of [max, current, used, available]) {
    const code = qualityCode(reading);
    if (code !== undefined) return code;
  }
  return sample.reportsInEpoch < SETTLED_REPORTS ? 'STATS_SETTLING' : undefined;
}

function qualityCode(reading: Reading): ReasonCode | undefined {
  switch (reading.quality) {
    case 'ok':
      return undefined;
    case 'stale':
      return 'STATS_STALE';
    case 'absent':
      return 'STATS_ABSENT';
    case 'implausible':
      return 'STATS_IMPLAUSIBLE';
  }
}

function sizesOf(sample: GuestSample, memory: GuestMemory) {
  const used = trusted(sample.readings.used);
  const current = trusted(sample.readings.current);
  const max = trusted(sample.readings.max);
  const kernelBytes = memory.kernelBytes;
  if (used === undefined || current === undefined || max === undefined || kernelBytes === undefined)
    return undefined;
  return { used, current, max, kernelBytes };
}

/** Evaluates variables and target; undefined, with the failing stage recorded, when one of them fails. */
function askPolicy(policy: GuestPolicy, scope: Scope, trail: Trail): Bytes | undefined {
  const vars: Record<string, number> = {};
  const withVars: Scope = { ...scope, vars };
  for (const { name, expression } of policy.variables) {
    const value = expression.evaluate(withVars);
    if (typeof value !== 'number') {
      record(
        trail,
        'target',
        'EXPRESSION_FAILED',
        undefined,
        { variable: name, problem: value.problem },
        expression.source,
      );
      return undefined;
    }
    vars[name] = value;
  }
  const value = policy.target.evaluate(withVars);
  if (typeof value !== 'number') {
    record(trail, 'target', 'EXPRESSION_FAILED', undefined, { problem: value.problem }, policy.target.source);
    return undefined;
  }
  record(trail, 'target', 'TARGET', value, vars, policy.target.source);
  return value;
}
