/**
 * Guests that follow their balloons with limited speed and report late, in closed loop with `decide()`. Coarse on purpose: what
 * is looked at here is the controller, and what it must never do to any guest.
 */
import { type GuestSample, known, type Snapshot } from '../../src/model/snapshot.ts';
import { type Bytes, MiB, type Seconds } from '../../src/model/units.ts';
import { decide, type Tick } from '../../src/policy/decide.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { initialState, type PolicyState } from '../../src/policy/state.ts';
import { deepFreeze, guestSample, snapshot } from '../../src/policy/testing.ts';

export interface PlantGuest {
  readonly uuid: string;
  readonly max: Bytes;
  readonly start: Bytes;
  readonly kernel: Bytes;
  /** Bytes a second that its balloon moves by. */
  readonly speed: number;
  /** Seconds between its reports. */
  readonly period: number;
  /** Use at a time; never more than the guest has room for. */
  readonly use: (at: Seconds) => Bytes;
  /** When it is reset. */
  readonly reboots?: readonly Seconds[];
  /** What it says of its available memory at a time, instead of the truth; undefined: the truth. */
  readonly lie?: (at: Seconds) => Bytes | undefined;
  /** Seconds in which the snapshot does not have it. */
  readonly missing?: readonly { readonly from: Seconds; readonly to: Seconds }[];
}

export interface Plant {
  readonly total: Bytes;
  /** Memory of the host that is not its guests'. */
  readonly others: Bytes;
  readonly guests: readonly PlantGuest[];
}

export interface Step {
  readonly at: Seconds;
  readonly snapshot: Snapshot;
  readonly policies: PolicySet;
  readonly before: PolicyState;
  readonly tick: Tick;
}

interface Body {
  current: Bytes;
  target: Bytes;
  touched: Bytes;
  epoch: number;
  /** When the kernel that runs now has its driver up. */
  upAt: Seconds;
  report: { readonly used: Bytes; readonly total: Bytes; readonly at: Seconds; readonly number: number };
}

/** From a reset to the first report of the new kernel's driver. */
const BOOT_SECONDS = 4;

/** The balloon leaves this much to a guest that does not give more. */
const UNGIVING = 16 * MiB;

/** Runs the loop, one tick a second, and gives every step to `look`. Arguments of `decide` are frozen. */
export function runPlant(
  plant: Plant,
  policies: PolicySet,
  seconds: number,
  look: (step: Step) => void,
): void {
  const bodies = plant.guests.map(newBody);
  let state = initialState(0);
  for (let at = 0; at < seconds; at++) {
    const all = plant.guests.map((guest, i) => advance(guest, bodyAt(bodies, i), at));
    const resident = all.reduce((sum, { readings }) => sum + (readings.rss.value ?? 0), 0);
    const samples = all.filter((_, i) => !isMissing(plant.guests[i], at));
    const available = Math.max(0, plant.total - plant.others - resident);
    const seen = snapshot({ guests: samples, total: plant.total, available, sequence: at });
    const before = deepFreeze(state);
    const tick = decide(before, deepFreeze(seen), policies, { monotonic: at, wall: 1e9 + at });
    look({ at, snapshot: seen, policies, before, tick });
    state = tick.state;
    for (const decision of tick.decisions) {
      if (decision.action === 'hold' || decision.targetBytes === undefined) continue;
      const i = plant.guests.findIndex(({ uuid }) => uuid === decision.uuid);
      bodyAt(bodies, i).target = decision.targetBytes;
    }
  }
}

function newBody({ start, kernel, use }: PlantGuest): Body {
  const used = Math.min(use(0), start - kernel - UNGIVING);
  return {
    current: start,
    target: start,
    touched: used + kernel,
    epoch: 1,
    upAt: 0,
    report: { used, total: start - kernel, at: 0, number: 1 },
  };
}

function isMissing(guest: PlantGuest | undefined, at: Seconds): boolean {
  return guest?.missing?.some(({ from, to }) => at >= from && at < to) ?? false;
}

/** A reset empties the balloon and leaves its target; what the process holds stays. Until the driver is up QEMU gives the old size. */
function reboot(guest: PlantGuest, body: Body, at: Seconds): void {
  body.epoch += 1;
  body.upAt = at + BOOT_SECONDS;
  body.report = { ...body.report, at: body.upAt - guest.period, number: 0 };
}

function advance(guest: PlantGuest, body: Body, at: Seconds): GuestSample {
  if (guest.reboots?.includes(at)) reboot(guest, body, at);
  if (at < body.upAt) return booting(guest, body, at);
  if (at === body.upAt && body.epoch > 1) body.current = guest.max;
  const used = Math.min(guest.use(at), body.current - guest.kernel - UNGIVING);
  const bottom = used + guest.kernel + UNGIVING;
  const step = Math.min(guest.speed, Math.abs(body.target - body.current));
  if (body.target > body.current) body.current += step;
  else body.current = Math.min(body.current, Math.max(bottom, body.current - step));
  body.touched = Math.min(body.current, Math.max(body.touched, used + guest.kernel));
  if (at - body.report.at >= guest.period) {
    body.report = { used, total: body.current - guest.kernel, at, number: body.report.number + 1 };
  }
  const { report } = body;
  const available = guest.lie?.(at) ?? report.total - report.used;
  return guestSample({
    uuid: guest.uuid,
    max: guest.max,
    current: body.current,
    rss: body.touched,
    used: Math.max(0, report.total - available),
    statsAgeSeconds: at - report.at,
    epoch: body.epoch,
    reportsInEpoch: report.number,
    readings: { total: known(report.total), available: known(available) },
  });
}

function booting(guest: PlantGuest, body: Body, at: Seconds): GuestSample {
  const old = <T>(value: T) => ({ value, ageSeconds: BOOT_SECONDS, quality: 'stale' }) as const;
  return guestSample({
    uuid: guest.uuid,
    max: guest.max,
    rss: body.touched,
    statsAgeSeconds: BOOT_SECONDS + at,
    epoch: body.epoch,
    reportsInEpoch: 0,
    readings: {
      current: old(body.current),
      total: old(body.report.total),
      available: old(body.report.total - body.report.used),
      used: old(body.report.used),
    },
  });
}

function bodyAt(bodies: readonly Body[], index: number): Body {
  const body = bodies[index];
  if (body === undefined) throw new RangeError(`no guest ${index}`);
  return body;
}

/** Sizes promised to all guests once the decisions of a step are made. */
export function promisedAfter({ snapshot: { guests }, tick }: Step): Bytes {
  return guests.reduce((sum, { uuid, readings }) => {
    const move = tick.state.guests.get(uuid)?.move;
    return sum + Math.max(readings.current.value ?? 0, move?.to ?? 0);
  }, 0);
}
