/**
 * What a guest takes between its reports. They come once a second at best; the resident memory of its process is known at every
 * tick, and the host counts it.
 */
import { type Bytes, MiB, type Seconds } from '../model/units.ts';

/** Shorter than this, a rate is one page fault's accident. */
const SHORTEST_LOOK: Seconds = 0.2;

/** Pages come and go in a process without meaning; QEMU's own buffers are of this size. */
const RSS_NOISE: Bytes = 4 * MiB;

/** What a guest has taken that no report has told of yet. */
export interface Unreported {
  readonly bytes: Bytes;
  /** Bytes per second. */
  readonly rate: number;
}

export const NOTHING_NEW: Unreported = { bytes: 0, rate: 0 };

/** What the process held when it was looked at between two reports, twice: one of them is old enough to tell a rate. */
export interface Glances {
  readonly rss: Bytes;
  readonly at: Seconds;
  readonly earlierRss: Bytes;
  readonly earlierAt: Seconds;
}

/** What the process holds now; missing when that is not known. */
interface Look {
  readonly rss: Bytes | undefined;
  readonly at: Seconds;
}

/** The newest report: see DemandWindow. */
interface Report {
  readonly rss?: Bytes | undefined;
  readonly lastAt: Seconds;
  readonly slope: number;
}

/** Keeps a look between two reports in mind. */
export function glanceAt(glances: Glances | undefined, { rss, at }: Look): Glances | undefined {
  if (rss === undefined) return undefined;
  if (glances === undefined) return { rss, at, earlierRss: rss, earlierAt: at };
  if (at - glances.at < SHORTEST_LOOK) return glances;
  return { rss, at, earlierRss: glances.rss, earlierAt: glances.at };
}

/**
 * What the process has grown by since the last report, the guest has touched for the first time since. How fast is told by the
 * glances too: a program that began to fill its memory just now is faster than the mean since the report says. A report that comes
 * meanwhile and tells of no growth has seen page cache.
 */
export function unreportedUse(report: Report, look: Look, glances?: Glances): Unreported {
  const { rss, at: now } = look;
  if (rss === undefined) return NOTHING_NEW;
  const bytes = report.rss === undefined ? 0 : Math.max(0, rss - report.rss);
  const mean = rateOf(bytes, now - report.lastAt);
  const believed = glances !== undefined && (now > report.lastAt || report.slope > RSS_NOISE);
  const recent = believed ? fastest(glances, rss, now) : 0;
  if (mean <= 0 && recent <= 0) return NOTHING_NEW;
  return { bytes: bytes > RSS_NOISE ? bytes : 0, rate: Math.max(mean, recent) };
}

function fastest({ rss: before, at, earlierRss, earlierAt }: Glances, rss: Bytes, now: Seconds): number {
  return Math.max(rateOf(rss - before, now - at), rateOf(rss - earlierRss, now - earlierAt));
}

function rateOf(grown: Bytes, seconds: Seconds): number {
  return grown <= RSS_NOISE ? 0 : grown / Math.max(SHORTEST_LOOK, seconds);
}
