/** Everything that one tick decides on, and how it would be if something in it were otherwise. */
import type { Instant } from '../../model/clock.ts';
import type { Decision } from '../../model/decision.ts';
import { guestReadings } from '../../model/guest-readings.ts';
import type { GuestFigure, GuestSample, HostFigure, Readings, Snapshot } from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import { assessGuest, decide } from '../decide.ts';
import type { DemandWindow } from '../demand.ts';
import { governing } from '../governing.ts';
import { hostNames } from '../names.ts';
import type { PolicySet } from '../policy-set.ts';
import { assessPressure } from '../pressure.ts';
import type { GuestMemory, PolicyState } from '../state.ts';

/** The arguments of `decide()`. */
export interface Moment {
  readonly policies: PolicySet;
  readonly snapshot: Snapshot;
  /** What the ticks before left. */
  readonly state: PolicyState;
  readonly now: Instant;
}

/** What is decided about one guest; undefined when there is no such guest. */
export function decisionAt({ policies, snapshot, state, now }: Moment, uuid: string): Decision | undefined {
  return decide(state, snapshot, policies, now).decisions.find(decision => decision.uuid === uuid);
}

/** How finely the windows of a policy are walked through: each of their parts, 24 at most, must see a report. */
const STEPS_A_WINDOW = 25;

/**
 * The same world a while later: all figures are reported again as they are. For the guest that is asked about, every report of that
 * while is taken in; what the others have shown of their demand stays as it is.
 */
export function later(moment: Moment, uuid: string, seconds: Seconds): Moment {
  const { policies, snapshot, state } = moment;
  const sample = snapshot.guests.find(guest => guest.uuid === uuid);
  const { intervalSeconds } = policies.host;
  const step = sample === undefined ? seconds : stepOf(moment, sample);
  // The first tick is where conditions begin to hold; the last one is left to whoever decides on what comes out.
  const steps = 1 + Math.max(0, Math.ceil((seconds - intervalSeconds) / step));
  const host = hostNames(snapshot.host, snapshot.guests.length);
  let { pressure } = state;
  let memory = state.guests.get(uuid);
  for (let i = 1; i < steps; i++) {
    if (sample === undefined) break;
    const passed = intervalSeconds + (i - 1) * step;
    const now = instantAfter(moment.now, passed);
    pressure = assessPressure(pressure, policies.host.pressure, host, now.monotonic);
    const known = { ...state, guests: new Map(memory && [[uuid, memory]]) };
    const seen = { ...host, level: pressure.level };
    memory = assessGuest(known, reportedAgain(sample, i, passed), policies, seen, now).memory;
  }
  const guests = new Map([...state.guests].map(([id, known]) => [id, keptDemand(known, seconds)]));
  if (memory !== undefined) guests.set(uuid, memory);
  return {
    policies,
    snapshot: {
      ...snapshot,
      sequence: snapshot.sequence + steps,
      guests: snapshot.guests.map(guest => reportedAgain(guest, steps, seconds)),
    },
    state: { ...state, pressure, guests },
    now: instantAfter(moment.now, seconds),
  };
}

function stepOf({ policies, now }: Moment, sample: GuestSample): Seconds {
  const { policy } = governing(policies, sample, now);
  const windows = [policy?.estimate.windowSeconds ?? 0, policy?.stabilizationSeconds ?? 0];
  const shortest = Math.min(...windows.filter(window => window > 0));
  const fine = Number.isFinite(shortest) ? shortest / STEPS_A_WINDOW : 0;
  return Math.max(policies.host.intervalSeconds, fine);
}

function instantAfter({ monotonic, wall }: Instant, seconds: Seconds): Instant {
  return { monotonic: monotonic + seconds, wall: wall + seconds };
}

function reportedAgain(sample: GuestSample, reports: number, seconds: Seconds): GuestSample {
  return {
    ...sample,
    reportsInEpoch: sample.reportsInEpoch + reports,
    uptimeSeconds: sample.uptimeSeconds + seconds,
  };
}

function keptDemand(memory: GuestMemory, seconds: Seconds): GuestMemory {
  const { demand } = memory;
  if (demand === undefined) return memory;
  const { partStart, lastAt } = demand;
  return { ...memory, demand: { ...demand, partStart: partStart + seconds, lastAt: lastAt + seconds } };
}

export function withHostFigure(moment: Moment, figure: HostFigure, value: number): Moment {
  const { host } = moment.snapshot;
  const readings = { ...host.readings, [figure]: { ...host.readings[figure], value } };
  return { ...moment, snapshot: { ...moment.snapshot, host: { ...host, readings } } };
}

export function withGuestFigures(
  moment: Moment,
  uuid: string,
  values: Partial<Record<GuestFigure, number>>,
): Moment {
  const guests = moment.snapshot.guests.map(guest => {
    if (guest.uuid !== uuid) return guest;
    const readings = guest.readings.all();
    for (const figure of Object.keys(readings).filter(isFigureOf(readings))) {
      const value = values[figure];
      if (value !== undefined) readings[figure] = { ...readings[figure], value };
    }
    return { ...guest, readings: guestReadings(readings) };
  });
  return { ...moment, snapshot: { ...moment.snapshot, guests } };
}

function isFigureOf(readings: Readings<GuestFigure>) {
  return (name: string): name is GuestFigure => name in readings;
}

/** The guest has used so much more, or less, for as long as anybody remembers. */
export function withDemand(moment: Moment, uuid: string, more: Bytes): Moment {
  const sample = moment.snapshot.guests.find(guest => guest.uuid === uuid);
  const memory = moment.state.guests.get(uuid);
  if (sample === undefined || memory === undefined) return moment;
  const { used, available, free } = sample.readings;
  const changed = withGuestFigures(moment, uuid, {
    ...(used.value === undefined ? {} : { used: Math.max(0, used.value + more) }),
    ...(available.value === undefined ? {} : { available: Math.max(0, available.value - more) }),
    ...(free.value === undefined ? {} : { free: Math.max(0, free.value - more) }),
  });
  const demand = memory.demand && shiftedWindow(memory.demand, more);
  const guests = new Map(moment.state.guests).set(uuid, { ...memory, demand });
  return { ...changed, state: { ...changed.state, guests } };
}

function shiftedWindow(window: DemandWindow, more: Bytes): DemandWindow {
  const shifted = (peak: Bytes): Bytes => Math.max(1, peak + more);
  return {
    ...window,
    // A zero is a part without a report.
    peaks: window.peaks.map(peak => (peak === 0 ? 0 : shifted(peak))),
    ranked: window.ranked.map(shifted),
    partPeak: shifted(window.partPeak),
    last: shifted(window.last),
  };
}

/** The guest has got to where its move leads, and its process with it; undefined when it is on no move. */
export function withMoveArrived(moment: Moment, uuid: string): Moment | undefined {
  const sample = moment.snapshot.guests.find(guest => guest.uuid === uuid);
  const move = moment.state.guests.get(uuid)?.move;
  const current = sample?.readings.current.value;
  if (sample === undefined || move === undefined || current === undefined) return undefined;
  const grown = move.to - current;
  const { total, available, free, rss } = sample.readings;
  const left = Math.min(0, move.to - (rss.value ?? 0));
  const arrived = withGuestFigures(moment, uuid, {
    current: move.to,
    ...(total.value === undefined ? {} : { total: total.value + grown }),
    ...(available.value === undefined ? {} : { available: Math.max(0, available.value + grown) }),
    ...(free.value === undefined ? {} : { free: Math.max(0, free.value + grown) }),
    ...(rss.value === undefined ? {} : { rss: rss.value + left }),
  });
  const hostAvailable = moment.snapshot.host.readings.available.value;
  return hostAvailable === undefined ? arrived : withHostFigure(arrived, 'available', hostAvailable - left);
}
