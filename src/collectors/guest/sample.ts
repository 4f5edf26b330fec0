/** One guest's sample out of what its tracker knows: every figure with its age and quality. */
import type { Instant } from '../../model/clock.ts';
import {
  GuestReadings,
  type ReportReadings,
  reportReadings,
  uniformReport,
} from '../../model/guest-readings.ts';
import {
  ABSENT,
  type GuestSample,
  isWindows,
  type Obstacle,
  type Quality,
  type Reading,
} from '../../model/snapshot.ts';
import { type Bytes, MiB, type Seconds } from '../../model/units.ts';
import type { Figure, GuestRecord, Report } from './record.ts';
import { sizeAtReport } from './size-history.ts';
import type { Stalls } from './stalls.ts';
import { type GuestTracker, isFigure } from './tracker.ts';

/** What the domain XML tells of a guest. */
export interface GuestDescription {
  readonly title?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly os?: string;
  readonly balloon: NonNullable<GuestSample['balloon']>;
  readonly obstacles: readonly Obstacle[];
}

/** What is known of a guest beside what the hypervisor's answer says. */
export interface GuestContext {
  /** By its XML; undefined until that has been read. */
  readonly description: GuestDescription | undefined;
  readonly stalls: Stalls;
}

/** A guest's MemTotal above its maximum by more than this is not its own. */
const TOTAL_SLACK = 1.02;

/** More than what a QEMU without graphics has for itself (measured: 60 to 130 MiB; each display adds its video memory). */
const QEMU_OWN_MOST: Bytes = 256 * MiB;

const NO_TAGS: Readonly<Record<string, string>> = {};

const IMPLAUSIBLE: Reading = { ageSeconds: 0, quality: 'implausible' };
const NO_REPORT = uniformReport(ABSENT);
const NONSENSE = uniformReport(IMPLAUSIBLE);

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * @param age of its last report
 * @param staleAfter age above which a report is stale
 */
export function guestSample(
  tracker: GuestTracker,
  record: GuestRecord,
  context: GuestContext,
  age: Seconds | undefined,
  staleAfter: Seconds,
  now: Instant,
): GuestSample {
  const readings = readingsOf(tracker, record, context, age, staleAfter, now);
  const { description } = context;
  tracker.readings = readings;
  const uptimeSeconds = Math.max(0, now.monotonic - tracker.epochBegan);
  const { uuid, epoch, reports: reportsInEpoch } = tracker;
  const { name, id } = record.domain;
  const { state } = record;
  // Of most guests, and so in one piece: V8 keeps what is added to an object apart from it, and moves it as more comes.
  if (
    description !== undefined &&
    description.title === undefined &&
    description.os === undefined &&
    age !== undefined
  ) {
    return {
      uuid,
      name,
      id,
      state,
      readings,
      epoch,
      reportsInEpoch,
      uptimeSeconds,
      balloon: description.balloon,
      tags: description.tags ?? NO_TAGS,
      obstacles: description.obstacles,
      statsAgeSeconds: age,
    };
  }
  const sample: Mutable<GuestSample> = {
    uuid,
    name,
    id,
    state,
    readings,
    epoch,
    reportsInEpoch,
    uptimeSeconds,
  };
  if (description?.title !== undefined) sample.title = description.title;
  if (description !== undefined) {
    sample.balloon = description.balloon;
    sample.tags = description.tags ?? NO_TAGS;
    sample.obstacles = description.obstacles;
  }
  if (description?.os !== undefined) sample.os = description.os;
  if (age !== undefined) sample.statsAgeSeconds = age;
  return sample;
}

/** The sample of a guest that the hypervisor's answer is without: what was known of it, with its age. */
export function missingSample(
  tracker: GuestTracker,
  record: GuestRecord,
  context: GuestContext,
  staleAfter: Seconds,
  now: Instant,
): GuestSample {
  const sample = guestSample(tracker, record, context, reportAge(tracker, now), staleAfter, now);
  const age = now.monotonic - tracker.lastSeen;
  const { max, current } = sample.readings;
  return {
    ...sample,
    missing: true,
    state: 'unknown',
    readings: sample.readings.with({ max: aged(max, age), current: aged(current, age) }),
  };
}

function aged(reading: Reading, age: Seconds): Reading {
  return { ...reading, ageSeconds: age, quality: reading.quality === 'ok' ? 'stale' : reading.quality };
}

/**
 * Age of the last report; undefined when there is none. By the wall clock, and at least the time for which we have seen it
 * unchanged: a wall clock that was set back would make a frozen report look young.
 */
export function reportAge(tracker: GuestTracker, now: Instant): Seconds | undefined {
  if (tracker.latest === undefined) return undefined;
  return Math.max(0, now.wall - tracker.latest.lastUpdate, now.monotonic - tracker.stampSeenAt);
}

/**
 * What a running guest holds of a pool of fixed size: what is resident of it, at most its size. What its process needs for
 * itself is not the pool's: half of QEMU's own memory is program text that all guests share (measured: 74 of 123 MiB).
 * After a reboot the size given may be the old, inflated one, and what is resident grows past it: then the maximum bounds it.
 */
export function heldBytes(tracker: GuestTracker, record: GuestRecord): Bytes | undefined {
  const sure = isFigure(record.current) && tracker.doubtedSize === undefined;
  const size = sure ? record.current : isFigure(record.max) ? record.max : undefined;
  const rss = tracker.rss?.bytes;
  if (rss === undefined || size === undefined) return rss ?? size;
  // H20, H21: a guest whose memory is still there although its balloon has it (it lies, or is pinned) gave the pool nothing.
  const notGiven = Math.max(0, rss - QEMU_OWN_MOST);
  const bound = isFigure(record.max) ? record.max : rss;
  return Math.max(Math.min(rss, size), Math.min(notGiven, bound));
}

/** MemTotal is without the balloon's pages, but for auto-deflate's and Windows' (H15, H17). */
export function totalShowsSize(description: GuestDescription | undefined): boolean {
  return description?.balloon.autodeflate === false && !isWindows(description?.os);
}

/**
 * H41: a size above the maximum, or of nothing, is a driver's error and no size. H12: one that the guest's report of this boot disproves
 * is of before the reset, and its balloon is empty.
 */
function currentReading(tracker: GuestTracker, record: GuestRecord): Reading {
  const { current, max } = record;
  if (isFigure(current) && (current <= 0 || (isFigure(max) && current > max * TOTAL_SLACK)))
    return IMPLAUSIBLE;
  const before = tracker.readings.current;
  if (tracker.doubtedSize === undefined) return reading(current, 0, 'ok', before);
  return tracker.latestIsOfEpoch ? reading(max, 0, 'ok', before) : reading(current, 0, 'stale', before);
}

/** Resident memory is missing from a record for which the domain was locked; the last one then stands, by its age. */
function rssReading({ rss, readings }: GuestTracker, record: GuestRecord, now: Instant): Reading {
  if (rss === undefined) return reading(record.rss, 0, 'ok', readings.rss);
  const age = Math.max(0, now.monotonic - rss.at);
  return reading(rss.bytes, age, age === 0 ? 'ok' : 'stale', readings.rss);
}

function readingsOf(
  tracker: GuestTracker,
  record: GuestRecord,
  { description, stalls }: GuestContext,
  age: Seconds | undefined,
  staleAfter: Seconds,
  now: Instant,
): GuestReadings {
  const { latest } = tracker;
  const max = reading(record.max, 0, 'ok', tracker.readings.max);
  const current = currentReading(tracker, record);
  const rss = rssReading(tracker, record, now);
  const { psiSome, psiFull } = stalls;
  return new GuestReadings(
    max,
    current,
    rss,
    psiSome,
    psiFull,
    tracker.stampAhead || latest === undefined || age === undefined
      ? tracker.stampAhead
        ? NONSENSE
        : NO_REPORT
      : reportOf(tracker, latest, record, description, age, staleAfter),
  );
}

function reportOf(
  tracker: GuestTracker,
  latest: Report,
  record: GuestRecord,
  description: GuestDescription | undefined,
  age: Seconds,
  staleAfter: Seconds,
): ReportReadings {
  const quality = age > staleAfter || !tracker.latestIsOfEpoch ? 'stale' : 'ok';
  const report = normalised(latest, description);
  const consistent = isConsistent(report, record.max);
  const used = consistent ? usedBytes(tracker, report, record, description) : Number.NaN;
  const amounts = consistent ? report : nonsense(report);
  return reportReadings(amounts, used, tracker.rates, age, quality, tracker.readings.trusted);
}

/** What is given in it is nonsense, because it contradicts itself. */
function nonsense(report: Report): Report {
  const spoilt = (figure: Figure): Figure => (figure === undefined ? undefined : Number.NaN);
  const { total, available, free, cache } = report;
  return {
    ...report,
    total: spoilt(total),
    available: spoilt(available),
    free: spoilt(free),
    cache: spoilt(cache),
  };
}

/**
 * H11: false for a report that contradicts itself or its guest's size. An `available` of 0 is plausible: the kernel cuts
 * MemAvailable off at 0 (mm/show_mem.c), and a guest under its watermarks does report it, when it most needs help.
 */
function isConsistent(report: Report, max: Figure): boolean {
  const { total, available, free } = report;
  if (Number.isNaN(total) || Number.isNaN(available) || Number.isNaN(free)) return false;
  if (total === undefined) return true;
  if (total <= 0 || (max !== undefined && total > max * TOTAL_SLACK)) return false;
  return (available === undefined || available <= total) && (free === undefined || free <= total);
}

/**
 * A report in the words of Linux (H17). Windows' driver gives as free what is available, standby lists and all, and as available that
 * and half of the cache once more (virtio-win, Balloon/app/memstat.cpp): so what it calls free is the better figure.
 */
function normalised(report: Report, description: GuestDescription | undefined): Report {
  const { available, free } = report;
  if (!isWindows(description?.os) || available === undefined || free === undefined) return report;
  return { ...report, available: Math.min(available, free) };
}

/**
 * MemTotal − MemAvailable, so the page cache that the kernel would give up is not in it (H16). With auto-deflate the driver leaves ballooned pages in MemTotal (drivers/virtio/virtio_balloon.c),
 * so there the balloon's part comes off, by the size at the time of the report. Unknown until the XML says which of the two
 * it is; a negative difference is an error of measurement and must not pass for a guest that needs nothing.
 */
function usedBytes(
  tracker: GuestTracker,
  report: Report,
  record: GuestRecord,
  description: GuestDescription | undefined,
): Figure {
  const { total, available } = report;
  if (total === undefined || available === undefined || description === undefined) return undefined;
  const { autodeflate } = description.balloon;
  // H15, H17: Windows too has the balloon in what it calls its total; where that is not above its size, it has not.
  if (!autodeflate && !isWindows(description.os)) return total - available;
  const size = sizeAtReport(tracker.sizes, report.lastUpdate);
  if (size === undefined || !isFigure(record.max)) return undefined;
  if (!autodeflate && total <= size) return total - available;
  const used = total - (record.max - size) - available;
  return used < 0 ? Number.NaN : used;
}

/** @param before the same reading of the tick before, which is given again where nothing has changed: most do not */
function reading(figure: Figure, ageSeconds: Seconds, quality: Quality, before: Reading): Reading {
  // By quality first: one that is the same has a value, and two numbers are compared in no time.
  if (figure !== undefined && before.quality === quality && before.ageSeconds === ageSeconds) {
    if (before.value === figure) return before;
  }
  if (figure === undefined) return ABSENT;
  if (!Number.isNaN(figure)) return { value: figure, ageSeconds, quality };
  return ageSeconds === 0 ? IMPLAUSIBLE : { ageSeconds, quality: 'implausible' };
}
