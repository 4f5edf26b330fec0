/**
 * Whether ballooning frees anything on the host (H21, R16). Assigned devices, huge or locked pages and drivers that do not
 * discard leave the host as it was; what the XML does not tell, the resident memory of the process does.
 */
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, MiB, type Ratio, type Seconds } from '../model/units.ts';
import type { Efficacy } from './lessons.ts';
import { ORDINARY_OVERHEAD } from './overhead.ts';
import type { GuestMemory } from './state.ts';

/** Share of what a shrink should free that the process must really give back. */
const EFFECTIVE: Ratio = 0.5;
/** Shrinks in a row that freed too little, after which the guest is given its memory back and left alone. */
const STRIKES = 3;
/** Less than this that should come free proves nothing: buffers of QEMU's own come and go. */
const TELLING: Bytes = 64 * MiB;

/** How long the size must have stood: QEMU discards each page as it arrives, so that is enough. */
const SETTLED_SECONDS: Seconds = 2;

/** Notes a shrink that is about to be made. One that has not been judged yet goes on, as one more that has to prove itself. */
export function beginTrial(
  before: Efficacy | undefined,
  sample: GuestSample,
  { overheadBytes }: GuestMemory,
): Efficacy | undefined {
  const from = trusted(sample.readings.current);
  const rss = trusted(sample.readings.rss);
  const strikes = before?.strikes ?? 0;
  if (before?.trial !== undefined) {
    const { trial } = before;
    return { strikes, trial: { ...trial, shrinks: trial.shrinks + 1 } };
  }
  if (from === undefined || rss === undefined) return before;
  const overhead = Math.max(ORDINARY_OVERHEAD, overheadBytes);
  return { strikes, trial: { from, rss, overhead, shrinks: 1 } };
}

/**
 * Judges the shrinks that are still to be judged, once the guest stands at its new size. Those that came too fast to be told apart
 * count as many as they were.
 */
export function judgeEfficacy(
  memory: GuestMemory,
  { readings }: GuestSample,
  now: Seconds,
): Efficacy | undefined {
  const { efficacy, move, resting } = memory;
  const trial = efficacy?.trial;
  const current = trusted(readings.current);
  const rss = trusted(readings.rss);
  if (trial === undefined || move !== undefined || rss === undefined || current === undefined)
    return efficacy;
  const stands = resting?.size === current && now - resting.since >= SETTLED_SECONDS;
  if (!stands) return efficacy;
  const strikes = efficacy?.strikes ?? 0;
  const expected = expectedFrom(trial, current);
  if (expected < TELLING) return strikes === 0 ? undefined : { strikes };
  if (trial.rss - rss >= EFFECTIVE * expected) return undefined;
  return { strikes: strikes + trial.shrinks };
}

/** What the shrinks of a trial should have freed on the host at a size: all that they took but what was never touched. */
function expectedFrom({ from, overhead, rss }: NonNullable<Efficacy['trial']>, current: Bytes): Bytes {
  return from - current - Math.max(0, from + overhead - rss);
}

/**
 * True while so many shrinks seem to have freed too little that no more is taken before they are judged: shrinks that come faster
 * than that would take a guest down to its floor for nothing.
 */
export function isAwaited({ efficacy }: GuestMemory, { readings }: GuestSample): boolean {
  const trial = efficacy?.trial;
  if (trial === undefined || (efficacy?.strikes ?? 0) + trial.shrinks < STRIKES) return false;
  const current = trusted(readings.current);
  const rss = trusted(readings.rss);
  if (current === undefined || rss === undefined) return false;
  const expected = expectedFrom(trial, current);
  return expected >= TELLING && trial.rss - rss < EFFECTIVE * expected;
}

/** True for a guest whose balloon has been found to free nothing, until its next epoch. */
export function isIneffective({ efficacy }: GuestMemory): boolean {
  return efficacy !== undefined && efficacy.strikes >= STRIKES;
}

/** True for a guest of which a shrink freed too little: what it has given is not there. */
export function isDoubtful({ efficacy }: GuestMemory): boolean {
  return efficacy !== undefined && efficacy.strikes > 0;
}
