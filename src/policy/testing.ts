/** Policies and samples for the tests of this room: everything has a sensible value, a test says only what it is about. */
import type { Instant } from '../model/clock.ts';
import type { Decision, SourceRef } from '../model/decision.ts';
import { guestReadings } from '../model/guest-readings.ts';
import {
  ABSENT,
  type GuestFigure,
  type GuestSample,
  type HostFigure,
  known,
  type Reading,
  type Snapshot,
} from '../model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../model/units.ts';
import { assess } from './assess.ts';
import { decide, type Tick } from './decide.ts';
import type { Expression, ExpressionFailure, Scope } from './expression/expression.ts';
import { Memories } from './memories.ts';
import {
  type Direction,
  type GuestPolicy,
  type HostPolicy,
  NO_LIMITS,
  type PolicySet,
  type PressureLevel,
} from './policy-set.ts';
import { isMovable, type Movable } from './sheet.ts';

import { type GuestMemory, initialState, newGuestMemory, type PolicyState } from './state.ts';

const SOURCE: SourceRef = { file: 'test.yaml', line: 1, column: 1 };

export function expression<T>(evaluate: (scope: Scope) => T | ExpressionFailure): Expression<T> {
  const text = String(evaluate);
  return {
    text,
    source: SOURCE,
    evaluate,
    trace: scope => {
      const value = evaluate(scope);
      const isScalar = typeof value === 'number' || typeof value === 'boolean';
      return { text, ...(isScalar ? { value } : {}), parts: [] };
    },
  };
}

/** A pressure level that reads one share of the host's available memory. */
export function levelBelow(name: string, ratio: number, forSeconds = 0, keepForSeconds = 60): PressureLevel {
  const when = expression<boolean>(({ host }) =>
    host.available_ratio === undefined
      ? { problem: 'host.available_ratio is not known' }
      : host.available_ratio < ratio,
  );
  return { name, when, forSeconds, keepForSeconds };
}

/** Enforces, keeps nothing in reserve, knows `soft` below 20 % and `hard` below 8 %. */
export function hostPolicy(parts: Partial<HostPolicy> = {}): HostPolicy {
  return {
    name: 'host',
    description: undefined,
    source: SOURCE,
    mode: 'enforce',
    intervalSeconds: 1,
    memory: { kind: 'auto' },
    reserve: { bytes: 0, ratio: 0, select: 'max' },
    staleAfterSeconds: 10,
    pressure: [levelBelow('hard', 0.08), levelBelow('soft', 0.2)],
    onExit: 'hold',
    surplus: 'keep',
    shortage: 'keep',
    shortageSource: SOURCE,
    limits: NO_LIMITS,
    yieldForSeconds: undefined,
    ...parts,
  };
}

export interface GuestPolicyParts extends Partial<Omit<GuestPolicy, 'shrink' | 'grow'>> {
  readonly shrink?: Partial<Direction>;
  readonly grow?: Partial<Direction>;
}

/** Matches everything; moves at every level, at once and by any step, to demand and a reserve of 128 MiB. */
export function guestPolicy({ shrink, grow, ...parts }: GuestPolicyParts = {}): GuestPolicy {
  const direction: Direction = {
    at: new Set(['none', 'soft', 'hard']),
    stepMax: { ratio: 1 },
    stepMin: 0,
    rate: undefined,
    cooldownSeconds: 0,
  };
  return {
    name: 'guests',
    description: undefined,
    source: SOURCE,
    mode: 'enforce',
    timezone: 'UTC',
    precedence: 100,
    mismatch: () => undefined,
    verdicts: () => [],
    guarantees: { min: { ratio: 0.25 }, max: { ratio: 1 }, reserve: 128 * MiB },
    estimate: { windowSeconds: 60, quantile: 0.95, growthSeconds: 0 },
    variables: [],
    target: expression(({ guest, guarantees }) => (guest?.demand ?? 0) + (guarantees?.reserve ?? 0)),
    priority: 100,
    shares: 100,
    idleTax: 0.75,
    tolerance: { ratio: 0, bytes: 0 },
    stabilizationSeconds: 0,
    vetoes: [],
    relief: undefined,
    layers: [],
    ...parts,
    shrink: { ...direction, ...shrink },
    grow: { ...direction, ...grow },
  };
}

export function policySet(guests: readonly GuestPolicy[] = [guestPolicy()], host = hostPolicy()): PolicySet {
  return { host, guests };
}

export interface GuestParts extends Partial<Omit<GuestSample, 'readings'>> {
  readonly max?: Bytes;
  readonly current?: Bytes;
  readonly used?: Bytes;
  /** Part of the size outside MemTotal. Default none, so that need is use. */
  readonly kernel?: Bytes;
  readonly rss?: Bytes;
  readonly readings?: Partial<Record<GuestFigure, Reading>>;
}

/** A running 4 GiB guest at full size and fully resident that uses 1 GiB and has reported often. */
export function guestSample(parts: GuestParts = {}): GuestSample {
  const { max = 4 * GiB, used = GiB, kernel = 0, readings, current: size, rss: held, ...rest } = parts;
  const current = size ?? max;
  const rss = held ?? current;
  const total = current - kernel;
  return {
    uuid: 'guest-a',
    name: rest.uuid ?? 'guest-a',
    id: 1,
    balloon: { device: 'virtio', autodeflate: false },
    state: 'running',
    statsAgeSeconds: 0,
    epoch: 1,
    reportsInEpoch: 10,
    uptimeSeconds: 600,
    ...rest,
    readings: guestReadings({
      max: known(max),
      current: known(current),
      rss: known(rss),
      total: known(total),
      available: known(Math.max(0, total - used)),
      free: known(Math.max(0, total - used)),
      cache: known(0),
      used: known(used),
      swapInRate: known(0),
      swapOutRate: known(0),
      majorFaultRate: known(0),
      oomKills: ABSENT,
      allocStalls: ABSENT,
      psiSome: ABSENT,
      psiFull: ABSENT,
      ...readings,
    }),
  };
}

export interface SnapshotParts {
  readonly guests?: readonly GuestSample[];
  readonly total?: Bytes;
  /** Default: what the guests' processes leave of the total. */
  readonly available?: Bytes;
  readonly sequence?: number;
  readonly readings?: Partial<Record<HostFigure, Reading>>;
}

/** A host of 64 GiB on which nothing but the guests runs. */
export function snapshot(parts: SnapshotParts = {}): Snapshot {
  const { guests = [guestSample()], total = 64 * GiB, sequence = 0, readings } = parts;
  let resident = 0;
  for (const guest of guests) resident += guest.readings.rss.value ?? 0;
  const available = parts.available ?? Math.max(0, total - resident);
  return {
    sequence,
    guests,
    host: {
      source: 'meminfo',
      readings: {
        total: known(total),
        available: known(available),
        free: known(available),
        swapUsed: known(0),
        swapInRate: known(0),
        swapOutRate: known(0),
        committed: ABSENT,
        psiSomeAvg10: ABSENT,
        psiSomeAvg60: ABSENT,
        psiSomeAvg300: ABSENT,
        psiFullAvg10: ABSENT,
        psiFullAvg60: ABSENT,
        psiFullAvg300: ABSENT,
        ...readings,
      },
    },
  };
}

/** What is remembered of a guest that has stood at its size for long and reported often. */
export function memoryOf(sample: GuestSample, parts: Partial<GuestMemory> = {}): GuestMemory {
  const size = sample.readings.current.value ?? 0;
  return { ...newGuestMemory(sample.epoch), kernelBytes: 0, resting: { size, since: -1000 }, ...parts };
}

/** The state in which the guests of a snapshot have been standing still; `remembered` is by uuid. */
export function stateOf(
  { guests }: Pick<Snapshot, 'guests'>,
  remembered: Readonly<Record<string, Partial<GuestMemory>>> = {},
): PolicyState {
  const memories = guests.map(guest => [guest.uuid, memoryOf(guest, remembered[guest.uuid])] as const);
  return { ...initialState(0), guests: new Map(memories) };
}

export function instant(monotonic: number): Instant {
  return { monotonic, wall: 1.7e9 + monotonic };
}

/** A guest that may be moved, as `assess()` finds it at second 0. */
export function movable(
  sample: GuestParts = {},
  policy: GuestPolicyParts = {},
  memory: Partial<GuestMemory> = {},
): Movable {
  const guest = guestSample(sample);
  const host = { guests: 1, psi: { some: {}, full: {} }, level: 'none' };
  const assessment = assess({
    sample: guest,
    policy: guestPolicy(policy),
    memory: memoryOf(guest, memory),
    host,
    now: instant(0),
  });
  if (!isMovable(assessment)) throw new Error(`the guest is held: ${assessment.code}`);
  return assessment;
}

/** Freezes a value with everything in it; whoever changes it throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map || value instanceof Set) {
    for (const name of ['set', 'add', 'delete', 'clear']) {
      Object.defineProperty(value, name, { value: refuse });
    }
    for (const item of value.values()) deepFreeze(item);
  }
  if (value instanceof Memories) for (const memory of value.values()) deepFreeze(memory);
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}

function refuse(): never {
  throw new TypeError('this collection is frozen');
}

/** One tick over guests that have stood still; `remembered` is by uuid. */
export function tickOf(
  guests: readonly GuestParts[],
  policies: PolicySet = policySet(),
  parts: SnapshotParts = {},
  remembered: Readonly<Record<string, Partial<GuestMemory>>> = {},
): Tick {
  const seen = snapshot({ ...parts, guests: guests.map(guestSample) });
  return decide(deepFreeze(stateOf(seen, remembered)), deepFreeze(seen), deepFreeze(policies), instant(0));
}

export function decisionOf(tick: Tick, uuid = 'guest-a'): Decision | undefined {
  return tick.decisions.find(decision => decision.uuid === uuid);
}

export function memoryIn(tick: Tick, uuid = 'guest-a'): GuestMemory | undefined {
  return tick.state.guests.get(uuid);
}
