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

/** Notes a shrink that is about to be made. One that has not been judged yet goes on. */
export function beginTrial(
  before: Efficacy | undefined,
  sample: GuestSample,
  { overheadBytes }: GuestMemory,
): Efficacy | undefined {
  const from = trusted(sample.readings.current);
  const rss = trusted(sample.readings.rss);
  if (before?.trial !== undefined || from === undefined || rss === undefined) return before;
  const overhead = Math.max(ORDINARY_OVERHEAD, overheadBytes);
  return { strikes: before?.strikes ?? 0, trial: { from, rss, overhead } };
}

/** Judges the shrink that is still to be judged, once the guest stands at its new size. */
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
  const untouched = Math.max(0, trial.from + trial.overhead - trial.rss);
  const expected = trial.from - current - untouched;
  if (expected < TELLING) return strikes === 0 ? undefined : { strikes };
  if (trial.rss - rss >= EFFECTIVE * expected) return undefined;
  return { strikes: strikes + 1 };
}

/** True for a guest whose balloon has been found to free nothing, until its next epoch. */
export function isIneffective({ efficacy }: GuestMemory): boolean {
  return efficacy !== undefined && efficacy.strikes >= STRIKES;
}

/** True for a guest of which a shrink freed too little: what it has given is not there. */
export function isDoubtful({ efficacy }: GuestMemory): boolean {
  return efficacy !== undefined && efficacy.strikes > 0;
}
