/**
 * What is kept of one guest from tick to tick: which epoch it is in, its last report, its sizes. The rules of when figures
 * begin anew are here; telemetry that survives a reboot unmarked would be taken for the new guest's.
 */
import type { Instant } from '../../model/clock.ts';
import { GuestReadings, uniformReport } from '../../model/guest-readings.ts';
import { ABSENT } from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import { forgetRates, newRates, type ReportRates, writeRates } from './rates.ts';
import type { Figure, GuestRecord, Report } from './record.ts';
import { forgetSizes, newSizeHistory, noteSize, type SizeHistory } from './size-history.ts';

/** A clock of the host may be read a moment before QEMU's; further ahead a time stamp is nonsense. */
const CLOCK_SLACK: Seconds = 2;

export interface GuestTracker {
  readonly uuid: string;
  id: number;
  epoch: number;
  /** Monotonic. */
  epochBegan: Seconds;
  reports: number;
  latest: Report | undefined;
  /** False while `latest` is what an earlier epoch left behind. */
  latestIsOfEpoch: boolean;
  /**
   * The last time stamp given, NaN when there was none, and the monotonic instant at which it was first: a second clock on its age, that
   * nobody sets.
   */
  stamp: Seconds;
  stampSeenAt: Seconds;
  readonly rates: ReportRates;
  /** The device said that it has no report although it had one before. */
  reportsGone: boolean;
  /** The time stamp given this tick lies ahead of the clock. */
  stampAhead: boolean;
  /** Reports stamped at or before this wall-clock instant are of before the reboot. */
  notBefore: Seconds | undefined;
  readonly sizes: SizeHistory;
  /**
   * The size before a reboot: QEMU goes on giving it although the balloon is gone, until the new driver moves it; and one that finds
   * nothing to fill never does (measured on QEMU 7.2; virtballoon_probe() in drivers/virtio/virtio_balloon.c).
   */
  doubtedSize: Bytes | undefined;
  /** Monotonic instant of the last balloon event. */
  balloonSeenAt: Seconds | undefined;
  rss: { bytes: Bytes; at: Seconds } | undefined;
  /** Counts starts of its process; the domain XML and the stats period are of one start. */
  starts: number;
  reboots: number;
  /** The start event of this id is still to come, or was part of what made us see it. */
  startExpected: boolean;
  pendingStart: Instant | undefined;
  pendingReboot: Instant | undefined;
  /** Monotonic. */
  lastSeen: Seconds;
  /** Of the last answer that it was in; NaN before the first. */
  max: Figure;
  /** An event said that its process ended. */
  ended: boolean;
  /** As last given out. */
  readings: GuestReadings;
}

const NO_READINGS = new GuestReadings(ABSENT, ABSENT, ABSENT, ABSENT, ABSENT, uniformReport(ABSENT));

export function newTracker(uuid: string, id: number, now: Instant): GuestTracker {
  return {
    uuid,
    id,
    epoch: 1,
    epochBegan: now.monotonic,
    reports: 0,
    latest: undefined,
    latestIsOfEpoch: false,
    stamp: Number.NaN,
    stampSeenAt: now.monotonic,
    rates: newRates(),
    reportsGone: false,
    stampAhead: false,
    notBefore: undefined,
    sizes: newSizeHistory(),
    doubtedSize: undefined,
    balloonSeenAt: undefined,
    rss: undefined,
    starts: 1,
    reboots: 0,
    startExpected: true,
    pendingStart: undefined,
    pendingReboot: undefined,
    lastSeen: now.monotonic,
    max: Number.NaN,
    ended: false,
    readings: NO_READINGS,
  };
}

/** What a later daemon needs of a tracker to go on with the guest's epoch. */
export interface KeptEpoch {
  readonly id: number;
  readonly epoch: number;
  /** Monotonic. */
  readonly epochBegan: Seconds;
  readonly reports: number;
  /** The last report of the epoch: counters that lie under it later show a boot that nobody saw. */
  readonly latest: Report | undefined;
}

export function keepEpoch(tracker: GuestTracker): KeptEpoch {
  const { id, epoch, epochBegan, reports, latestIsOfEpoch } = tracker;
  return { id, epoch, epochBegan, reports, latest: latestIsOfEpoch ? tracker.latest : undefined };
}

/**
 * H35: goes on where an earlier daemon stopped. Another id, or a counter that fell meanwhile, begins the next epoch as if this
 * process had been there all the time.
 */
export function resumeEpoch(uuid: string, kept: KeptEpoch, now: Instant): GuestTracker {
  const { id, epoch, epochBegan, reports, latest } = kept;
  const stamp = latest?.lastUpdate ?? Number.NaN;
  const latestIsOfEpoch = latest !== undefined;
  return { ...newTracker(uuid, id, now), epoch, epochBegan, reports, latest, latestIsOfEpoch, stamp };
}

/** A start event. The one that belongs to an id already seen is no news. */
export function noteStarted(tracker: GuestTracker, id: number, at: Instant): void {
  if (id !== tracker.id) return;
  if (tracker.startExpected) tracker.startExpected = false;
  else tracker.pendingStart = at;
}

/** The process ended: the next start event counts even if the id is the same. */
export function noteEnded(tracker: GuestTracker): void {
  tracker.ended = true;
  tracker.startExpected = false;
}

/** A reboot event. H34: one reset brings several (measured: three and four); they are taken together at the next tick. */
export function noteReboot(tracker: GuestTracker, at: Instant): void {
  tracker.pendingReboot = at;
}

/** A balloon event: the size as QEMU has it at this instant. */
export function noteBalloon(tracker: GuestTracker, bytes: Bytes, at: Instant): void {
  tracker.doubtedSize = undefined;
  tracker.balloonSeenAt = at.monotonic;
  noteSize(tracker.sizes, bytes, at.wall);
}

/** The wall clock was set: instants noted on it before mean nothing now. */
export function noteClockSet(tracker: GuestTracker): void {
  tracker.notBefore = undefined;
  forgetSizes(tracker.sizes);
}

/**
 * Takes in what one tick collected. Comparisons are of numbers with numbers: V8 leaves those that have ever met undefined to a call.
 *
 * @param now instant at which the record arrived
 * @param showsSize the guest's MemTotal is without its balloon, so that it shows its size
 */
export function observe(tracker: GuestTracker, record: GuestRecord, now: Instant, showsSize = false): void {
  const due = tracker.pendingStart !== undefined || tracker.pendingReboot !== undefined;
  if (due || record.domain.id !== tracker.id) begins(tracker, record, now);
  // H38: memory was plugged in or out: sizes before and after are not of one balloon.
  if (tracker.max !== record.max) {
    forgetSizes(tracker.sizes);
    tracker.max = record.max;
  }
  tracker.lastSeen = now.monotonic;
  tracker.ended = false;
  tracker.stampAhead = false;
  if (isFigure(record.rss)) {
    tracker.rss ??= { bytes: 0, at: 0 };
    tracker.rss.bytes = record.rss;
    tracker.rss.at = now.monotonic;
  }
  const { doubtedSize } = tracker;
  if (isFigure(record.current) && (doubtedSize === undefined || record.current !== doubtedSize)) {
    tracker.doubtedSize = undefined;
    noteSize(tracker.sizes, record.current, now.wall);
  }
  if (record.report === 'unasked') return;
  if (record.report === 'none') {
    tracker.reportsGone ||= tracker.reports > 0;
    tracker.latest = undefined;
    forgetRates(tracker.rates);
    return;
  }
  if (record.report.lastUpdate !== tracker.stamp) {
    tracker.stamp = record.report.lastUpdate;
    tracker.stampSeenAt = now.monotonic;
  }
  // Not `>`: a time stamp that is NaN is no time stamp.
  if (!(record.report.lastUpdate <= now.wall + CLOCK_SLACK)) {
    tracker.stampAhead = true;
    return;
  }
  takeReport(tracker, record.report, now.monotonic, showsSize);
}

function takeReport(tracker: GuestTracker, report: Report, at: Seconds, showsSize: boolean): void {
  const before = tracker.latest;
  const distinct = before === undefined || before.lastUpdate !== report.lastUpdate;
  tracker.latest = report;
  if (!distinct) return;
  // The guest's last report before its reboot may be seen only after the event.
  if (tracker.notBefore !== undefined && report.lastUpdate <= tracker.notBefore) {
    tracker.latestIsOfEpoch = false;
    return;
  }
  const comparable = tracker.latestIsOfEpoch ? before : undefined;
  const beganAnew = tracker.reportsGone || (comparable !== undefined && someCounterFell(comparable, report));
  if (beganAnew) nextEpoch(tracker, at);
  tracker.reportsGone = false;
  tracker.latestIsOfEpoch = true;
  // H12: a guest with more than its size has an empty balloon, and the size is of before.
  if (!showsSize || !((report.total ?? 0) > (tracker.doubtedSize ?? 0))) tracker.doubtedSize = undefined;
  tracker.reports += 1;
  if (comparable === undefined || beganAnew) forgetRates(tracker.rates);
  else writeRates(tracker.rates, comparable, report);
}

function begins(tracker: GuestTracker, record: GuestRecord, now: Instant): void {
  const { pendingStart, pendingReboot } = tracker;
  tracker.pendingStart = undefined;
  tracker.pendingReboot = undefined;
  if (record.domain.id !== tracker.id) {
    tracker.id = record.domain.id;
    tracker.startExpected = true;
    begin(tracker, now.monotonic);
  } else if (pendingStart !== undefined) {
    begin(tracker, pendingStart.monotonic);
  } else if (pendingReboot !== undefined) {
    reboot(tracker, record, pendingReboot);
  }
}

/** H35, H37: a new process, told by its id or by an event: nothing of the one before is left. */
function begin(tracker: GuestTracker, at: Seconds): void {
  nextEpoch(tracker, at);
  tracker.latest = undefined;
  tracker.latestIsOfEpoch = false;
  tracker.reportsGone = false;
  tracker.stamp = Number.NaN;
  tracker.notBefore = undefined;
  tracker.doubtedSize = undefined;
  tracker.rss = undefined;
  tracker.starts += 1;
  forgetSizes(tracker.sizes);
}

/**
 * H12: the same process with a new kernel. QEMU 7.2 goes on giving the old report and the old size until the new kernel's driver
 * comes up (measured), so what the guest said before counts no more, and the size is in doubt until something renews it.
 */
function reboot(tracker: GuestTracker, record: GuestRecord, at: Instant): void {
  const { current, max } = record;
  const renewed = tracker.balloonSeenAt !== undefined && tracker.balloonSeenAt > at.monotonic;
  const inflated = tracker.latest !== undefined && isFigure(current) && isFigure(max) && current < max;
  if (tracker.latestIsOfEpoch || tracker.reports > 0) nextEpoch(tracker, at.monotonic);
  else tracker.epochBegan = at.monotonic;
  tracker.latestIsOfEpoch = false;
  tracker.notBefore = Math.max(Math.floor(at.wall), tracker.latest?.lastUpdate ?? 0);
  tracker.reboots += 1;
  tracker.doubtedSize = inflated && !renewed ? current : undefined;
  forgetSizes(tracker.sizes);
}

function nextEpoch(tracker: GuestTracker, at: Seconds): void {
  tracker.epoch += 1;
  tracker.epochBegan = at;
  tracker.reports = 0;
  forgetRates(tracker.rates);
}

/** H12: counters run since boot, so one that falls shows a boot that no event told of. */
function someCounterFell(before: Report, after: Report): boolean {
  return (
    fell(before.swapIn, after.swapIn) ||
    fell(before.swapOut, after.swapOut) ||
    fell(before.majorFaults, after.majorFaults) ||
    fell(before.minorFaults, after.minorFaults) ||
    fell(before.oomKills, after.oomKills) ||
    fell(before.allocStalls, after.allocStalls)
  );
}

function fell(before: Figure, after: Figure): boolean {
  // A comparison with NaN is false: garbage is no fall.
  return before !== undefined && after !== undefined && after < before;
}

export function isFigure(figure: Figure): figure is number {
  return figure !== undefined && !Number.isNaN(figure);
}
