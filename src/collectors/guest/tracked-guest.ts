/** What the collector keeps of one guest. */
import type { Instant } from '../../model/clock.ts';
import type { PeriodGuest } from '../stats-period.ts';
import type { Descriptions, XmlEntry } from './descriptions.ts';
import type { Employment } from './jobs.ts';
import { type LiveSize, newLiveSize } from './live-sizes.ts';
import type { GuestRecord } from './record.ts';
import { type GuestContext, reportAge } from './sample.ts';
import type { Stalls } from './stalls.ts';
import type { GuestTracker } from './tracker.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What this tick and those before it know of one guest; each tick writes it anew. */
export interface TrackedGuest extends Mutable<PeriodGuest> {
  readonly tracker: GuestTracker;
  /** Of the last answer that it was in. */
  record: GuestRecord;
  /** Of this tick, or until it has been looked for the one before's. */
  description: ReturnType<Descriptions['of']>;
  /** What is known of it beside what the hypervisor's answer says: by its XML, its jobs and its cgroup. */
  readonly context: Mutable<GuestContext>;
  readonly size: LiveSize;
  xml: XmlEntry | undefined;
  job: Employment | undefined;
}

export function newGuest(tracker: GuestTracker, record: GuestRecord, stalls: Stalls): TrackedGuest {
  return {
    tracker,
    record,
    description: undefined,
    context: { description: undefined, stalls },
    size: newLiveSize(record),
    xml: undefined,
    job: undefined,
    ref: record.domain,
    state: record.state,
    locked: false,
    starts: tracker.starts,
    reboots: tracker.reboots,
    ageSeconds: undefined,
    device: undefined,
    configuredSeconds: undefined,
    period: undefined,
  };
}

/** Takes over what its record and its tracker say. */
export function refreshGuest(guest: TrackedGuest, now: Instant): void {
  const { tracker, record } = guest;
  guest.ref = record.domain;
  guest.state = record.state;
  guest.locked = record.report === 'unasked';
  guest.starts = tracker.starts;
  guest.reboots = tracker.reboots;
  guest.ageSeconds = reportAge(tracker, now);
}
