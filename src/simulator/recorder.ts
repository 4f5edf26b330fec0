/** What a run looked like, at a few hundred moments: for people, not for scores. */
import type { SimulatedGuest } from '../hypervisor/simulated/guest.ts';
import type { Decision } from '../model/decision.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import type { Bench } from './bench.ts';

/** Moments times guests: a report of ten runs stays under a few megabytes. */
const POINTS_TIMES_GUESTS = 24_000;
const POINTS_MOST = 480;
const POINTS_LEAST = 60;

/** What was decided about a guest, from one moment until the next entry. */
interface Note {
  /** Index of the moment. */
  readonly at: number;
  readonly text: string;
}

/** Harm done to a guest between a moment and the one before. */
interface HarmMark {
  readonly at: number;
  readonly stallSeconds: Seconds;
  readonly oomKills: number;
}

/** One guest over the moments. */
export interface GuestTrack {
  readonly name: string;
  readonly maximum: Bytes;
  readonly size: Bytes[];
  readonly target: Bytes[];
  readonly resident: Bytes[];
  /** What its programs want, with its kernel. */
  readonly demand: Bytes[];
  readonly harm: HarmMark[];
  readonly notes: Note[];
}

export interface Recording {
  /** Seconds since the first tick. */
  readonly times: Seconds[];
  /** What the host has for guests, at each moment. */
  readonly capacity: Bytes[];
  readonly guests: readonly GuestTrack[];
}

export interface Recorder {
  readonly recording: Recording;
  /** Looks at the bench, if it is time to. */
  look(bench: Bench): void;
  decided(decisions: readonly Decision[]): void;
}

interface Watched {
  readonly guest: SimulatedGuest;
  readonly track: GuestTrack;
  stallSeconds: Seconds;
  oomKills: number;
  decision: Decision | undefined;
}

export function createRecorder(guests: number, seconds: Seconds): Recorder {
  const points = Math.min(POINTS_MOST, Math.max(POINTS_LEAST, Math.floor(POINTS_TIMES_GUESTS / guests)));
  const interval = seconds / points;
  const times: Seconds[] = [];
  const capacity: Bytes[] = [];
  const tracks: GuestTrack[] = [];
  const watched = new Map<string, Watched>();
  let due: Seconds = 0;

  function watch(guest: SimulatedGuest): Watched {
    const { maximum } = guest.parameters;
    const track: GuestTrack = {
      name: guest.name,
      maximum,
      size: [],
      target: [],
      resident: [],
      demand: [],
      harm: [],
      notes: [],
    };
    tracks.push(track);
    const { stallSeconds, oomKills } = guest.harm;
    const entry = { guest, track, stallSeconds, oomKills, decision: undefined };
    watched.set(guest.uuid, entry);
    return entry;
  }

  function take(entry: Watched, at: number, time: Seconds): void {
    const { guest, track, decision } = entry;
    const { harm, parameters } = guest;
    track.size.push(guest.balloon.actual);
    track.target.push(guest.active ? guest.balloon.target : 0);
    track.resident.push(guest.rss);
    track.demand.push(guest.active ? guest.demandAt(time) + parameters.kernel : 0);
    const stallSeconds = harm.stallSeconds - entry.stallSeconds;
    const oomKills = harm.oomKills - entry.oomKills;
    if (stallSeconds > 0 || oomKills > 0) track.harm.push({ at, stallSeconds, oomKills });
    entry.stallSeconds = harm.stallSeconds;
    entry.oomKills = harm.oomKills;
    if (decision === undefined) return;
    const text = `${decision.action}: ${decision.reason}`;
    if (track.notes.at(-1)?.text !== text) track.notes.push({ at, text });
    entry.decision = undefined;
  }

  return {
    recording: { times, capacity, guests: tracks },
    look(bench) {
      const { guests: all, host } = bench;
      const now = bench.now();
      if (now < due) return;
      due = Math.max(due + interval, now);
      times.push(now);
      capacity.push(host.capacity());
      for (const guest of all) {
        take(watched.get(guest.uuid) ?? watch(guest), times.length - 1, host.time);
      }
    },
    decided(decisions) {
      for (const decision of decisions) {
        const entry = watched.get(decision.uuid);
        // A move is worth more than the holds around it.
        if (entry !== undefined && (decision.action !== 'hold' || entry.decision === undefined))
          entry.decision = decision;
      }
    },
  };
}
