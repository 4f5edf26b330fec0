import type { DomainStats, Hypervisor, HypervisorEvent } from '../../hypervisor/driver.ts';
import type { Clock, Instant, Timer } from '../../model/clock.ts';
import { isBallonetError } from '../../model/errors.ts';
import { Roster } from '../../model/roster.ts';
import type { GuestSample } from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import type { PeriodGuest, StatsPeriods } from '../stats-period.ts';
import { createBulkFlaws } from './bulk-flaws.ts';
import { createDescriptions, type Descriptions, type XmlEntry } from './descriptions.ts';
import { createJobs, type Employment } from './jobs.ts';
import { createLiveSizes } from './live-sizes.ts';
import { type GuestRecord, sizeOfEvent } from './record.ts';
import {
  type GuestContext,
  guestSample,
  heldBytes,
  missingSample,
  reportAge,
  totalShowsSize,
} from './sample.ts';
import { createSingleCalls } from './single-calls.ts';
import { forgetSizes } from './size-history.ts';
import { mapInSlices } from './slices.ts';
import { createGuestStalls } from './stalls.ts';
import {
  type GuestTracker,
  isFigure,
  type KeptEpoch,
  keepEpoch,
  newTracker,
  noteBalloon,
  noteClockSet,
  noteEnded,
  noteReboot,
  noteStarted,
  observe,
  resumeEpoch,
} from './tracker.ts';

/** A guest that ended is remembered this long, so that its epochs go on counting when it is started again. */
const REMEMBER: Seconds = 3600;
/** A guest that is missing from an answer is kept this long: longer than a tick that went wrong, and than a QEMU takes to die. */
const MISSING_FOR: Seconds = 10;
/** Difference of the two clocks' paces that means that the wall clock was set, not slewed. */
const CLOCK_STEP: Seconds = 1;

/** What this tick and those before it know of one guest; each tick writes it anew. */
interface TrackedGuest extends Mutable<PeriodGuest> {
  readonly tracker: GuestTracker;
  record: GuestRecord;
  /** Of this tick, or until it has been looked for the one before's. */
  description: ReturnType<Descriptions['of']>;
  /** What is known of it beside what the hypervisor's answer says: by its XML, its jobs and its cgroup. */
  readonly context: Mutable<GuestContext>;
  xml: XmlEntry | undefined;
  job: Employment | undefined;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface GuestCollectorOptions {
  readonly hypervisor: Hypervisor;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly problems: ProblemReporter;
  readonly periods: StatsPeriods;
  /** Epochs that an earlier daemon left, by uuid. */
  readonly epochs?: ReadonlyMap<string, KeptEpoch> | undefined;
  /** Folder that stands for `/`. */
  readonly procRoot: string;
}

interface CollectedGuests {
  readonly guests: readonly GuestSample[];
  /** What all active guests hold of a pool of fixed size; undefined when it is not known of one of them. */
  readonly heldBytes: Bytes | undefined;
}

export interface GuestCollector {
  /** @throws BallonetError of the hypervisor */
  collect(staleAfter: Seconds): Promise<CollectedGuests>;
  /** Events are hints for the next tick. */
  note(event: HypervisorEvent): void;
  /** The link is up again: events were missed, and there may be another hypervisor at the other end. */
  resync(): void;
  /** The epochs of the guests known, by uuid, for a daemon that comes after this one. */
  epochs(): ReadonlyMap<string, KeptEpoch>;
}

export function createGuestCollector({
  hypervisor,
  clock,
  timer,
  problems,
  periods,
  epochs: before,
  procRoot,
}: GuestCollectorOptions): GuestCollector {
  const known = new Roster<TrackedGuest>();
  const singleCalls = createSingleCalls(hypervisor, problems);
  const descriptions = createDescriptions(hypervisor, problems);
  const jobs = createJobs(hypervisor);
  const liveSizes = createLiveSizes(hypervisor, timer);
  const stalls = createGuestStalls(procRoot, hypervisor.local);
  const flaws = createBulkFlaws(problems);
  let bulkUnsupported = false;
  let clockOffset: Seconds | undefined;

  async function bulk(): Promise<readonly DomainStats[]> {
    if (!bulkUnsupported) {
      try {
        const stats = await hypervisor.allDomainStats({ groups: ['state', 'balloon'] });
        flaws.report(stats);
        return stats;
      } catch (error) {
        if (!isBallonetError(error, 'OPERATION_UNSUPPORTED')) throw error;
        bulkUnsupported = true;
      }
    }
    const domains = await hypervisor.domains({ active: true });
    return domains.map(({ uuid, name, id }) => ({ domain: { uuid, name, id }, params: new Map() }));
  }

  function guestOf(record: GuestRecord, place: number, now: Instant): TrackedGuest {
    const { domain, state } = record;
    const { uuid, id } = domain;
    const found = known.at(uuid, place);
    if (found !== undefined) return found;
    const kept = before?.get(uuid);
    const tracker = kept === undefined ? newTracker(uuid, id, now) : resumeEpoch(uuid, kept, now);
    const guest: TrackedGuest = {
      tracker,
      record,
      description: undefined,
      context: { description: undefined, stalls: stalls.of(domain, now.monotonic) },
      xml: undefined,
      job: undefined,
      ref: domain,
      state,
      locked: false,
      starts: tracker.starts,
      reboots: tracker.reboots,
      ageSeconds: undefined,
      device: undefined,
      configuredSeconds: undefined,
    };
    known.set(uuid, guest);
    return guest;
  }

  async function track(records: readonly GuestRecord[], now: Instant): Promise<readonly TrackedGuest[]> {
    if (clockWasSet(now)) for (const { tracker } of known.values()) noteClockSet(tracker);
    const tracked = await mapInSlices(records, (record, place) => {
      const guest = guestOf(record, place, now);
      const { tracker } = guest;
      observe(tracker, record, now, totalShowsSize(guest.description));
      guest.record = record;
      guest.ref = record.domain;
      guest.state = record.state;
      guest.locked = record.report === 'unasked';
      guest.starts = tracker.starts;
      guest.reboots = tracker.reboots;
      guest.ageSeconds = reportAge(tracker, now);
      return guest;
    });
    if (known.size > records.length) forgetVanished(now);
    return tracked;
  }

  /**
   * H30: guests that the answer is without although nothing said that they ended. A guest left out of one answer must not lose its place
   * among the others: its memory is not free.
   */
  function missing(now: Instant): TrackedGuest[] {
    const gone: TrackedGuest[] = [];
    for (const guest of known.values()) {
      const { lastRecord, lastSeen, ended } = guest.tracker;
      const absent = now.monotonic - lastSeen;
      if (lastRecord === undefined || ended || absent === 0 || absent > MISSING_FOR) continue;
      if (lastRecord.state !== 'stopped') gone.push(guest);
    }
    return gone;
  }

  function clockWasSet(now: Instant): boolean {
    const offset = now.wall - now.monotonic;
    const step = clockOffset === undefined ? 0 : Math.abs(offset - clockOffset);
    clockOffset = offset;
    return step > CLOCK_STEP;
  }

  function forgetVanished(now: Instant): void {
    for (const [uuid, { tracker, ref }] of known) {
      if (now.monotonic - tracker.lastSeen <= REMEMBER) continue;
      const { name } = ref;
      known.delete(uuid);
      singleCalls.forget(uuid, name);
      descriptions.forget(uuid, name);
      jobs.forget(uuid);
      liveSizes.forget(uuid);
      stalls.forget(uuid);
      periods.forget(uuid, name);
    }
  }

  function described(guest: TrackedGuest, now: Instant): GuestContext {
    const { description, context } = guest;
    context.description =
      description === undefined || !jobs.of(guest)
        ? description
        : { ...description, obstacles: [...description.obstacles, 'job'] };
    context.stalls = stalls.of(guest.ref, now.monotonic);
    return context;
  }

  /** What their XML says of their stats. */
  function describe(guests: readonly TrackedGuest[]): void {
    for (const guest of guests) {
      const description = descriptions.of(guest);
      guest.description = description;
      guest.device = description?.balloon.device;
      guest.configuredSeconds = description?.statsPeriodSeconds;
    }
  }

  function isPlain(uuid: string): boolean {
    return descriptions.byUuid(uuid)?.obstacles.length === 0;
  }

  return {
    async collect(staleAfter) {
      const answered = await singleCalls.complete(await bulk(), clock.now().monotonic);
      const records = await liveSizes.correct(answered, isPlain, clock.now().monotonic);
      const now = clock.now();
      const tracked = await track(records, now);
      await Promise.all([
        descriptions.refresh(tracked, now.monotonic),
        stalls.refresh(tracked, now.monotonic),
      ]);
      describe(tracked);
      periods.update(tracked, now.monotonic);
      jobs.update(tracked);
      const guests = await mapInSlices(tracked, guest =>
        guestSample(guest.tracker, guest.record, described(guest, now), staleAfter, now),
      );
      const lost = known.size > tracked.length ? missing(now) : NOBODY;
      if (lost.length === 0) return { guests, heldBytes: sumHeld(tracked) };
      describe(lost);
      const all = lost.map(guest =>
        missingSample(guest.tracker, guest.record, described(guest, now), staleAfter, now),
      );
      return { guests: [...guests, ...all], heldBytes: sumHeld([...tracked, ...lost]) };
    },

    note(event) {
      const { uuid, id } = event.domain;
      const tracker = known.get(uuid)?.tracker;
      if (tracker === undefined) return;
      const now = clock.now();
      switch (event.type) {
        case 'reboot':
          return noteReboot(tracker, now);
        case 'balloon': {
          const size = sizeOfEvent(event.actualKib);
          return isFigure(size) ? noteBalloon(tracker, size, now) : undefined;
        }
        case 'lifecycle':
          jobs.hint(uuid);
          if (event.kind === 'started') noteStarted(tracker, id, now);
          if (event.kind === 'stopped') noteEnded(tracker);
          if (event.kind === 'defined' || event.kind === 'started') descriptions.expire(uuid);
      }
    },

    resync() {
      bulkUnsupported = false;
      singleCalls.reset();
      descriptions.expireAll();
      periods.reset();
      jobs.reset();
      // H32 (R25). Epochs stay: a reboot that nobody told of shows by its counters, and a restarted libvirtd is no reboot.
      for (const { tracker } of known.values()) forgetSizes(tracker.sizes);
    },

    epochs: () => new Map([...known].map(([uuid, { tracker }]) => [uuid, keepEpoch(tracker)])),
  };
}

const NOBODY: readonly TrackedGuest[] = [];

function sumHeld(tracked: readonly TrackedGuest[]): Bytes | undefined {
  let sum = 0;
  for (const { record, tracker } of tracked) {
    const bytes = heldBytes(tracker, record);
    if (bytes !== undefined) sum += bytes;
    else if (record.state !== 'stopped') return undefined;
  }
  return sum;
}
