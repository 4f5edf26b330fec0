import type { DomainStats, Hypervisor, HypervisorEvent } from '../../hypervisor/driver.ts';
import type { Clock, Instant, Timer } from '../../model/clock.ts';
import { isBallonetError } from '../../model/errors.ts';
import { Roster } from '../../model/roster.ts';
import type { GuestSample } from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import type { ProblemReporter } from '../problems.ts';
import type { StatsPeriods } from '../stats-period.ts';
import { createBulkFlaws } from './bulk-flaws.ts';
import { createDescriptions } from './descriptions.ts';
import { createJobs } from './jobs.ts';
import { createLiveSizes, isMoving } from './live-sizes.ts';
import { type GuestRecord, sizeOfEvent } from './record.ts';
import { type GuestContext, guestSample, heldBytes, missingSample, totalShowsSize } from './sample.ts';
import { createSingleCalls } from './single-calls.ts';
import { forgetSizes } from './size-history.ts';
import { eachInSlices, mapInSlices } from './slices.ts';
import { createGuestStalls } from './stalls.ts';
import { newGuest, refreshGuest, type TrackedGuest } from './tracked-guest.ts';
import {
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

  function adopted(record: GuestRecord, place: number, now: Instant): TrackedGuest {
    const { domain } = record;
    const { uuid, id } = domain;
    const found = known.at(uuid, place);
    if (found !== undefined) {
      found.record = record;
      return found;
    }
    const kept = before?.get(uuid);
    const tracker = kept === undefined ? newTracker(uuid, id, now) : resumeEpoch(uuid, kept, now);
    const guest = newGuest(tracker, record, stalls.of(domain, now.monotonic));
    known.set(uuid, guest);
    return guest;
  }

  /** The guests of an answer, those whose balloons move with their sizes of now. */
  async function answering(): Promise<readonly TrackedGuest[]> {
    const records = await singleCalls.complete(await bulk(), clock.now().monotonic);
    const now = clock.now();
    const guests = await mapInSlices(records, (record, place) => adopted(record, place, now));
    const moving = guests.filter(guest => isMoving(guest, now.monotonic) && isPlain(guest));
    if (moving.length > 0) await liveSizes.correct(moving, now.monotonic);
    return guests;
  }

  async function track(guests: readonly TrackedGuest[], now: Instant): Promise<void> {
    if (clockWasSet(now)) for (const { tracker } of known.values()) noteClockSet(tracker);
    await eachInSlices(guests, guest => {
      observe(guest.tracker, guest.record, now, totalShowsSize(guest.description));
      refreshGuest(guest, now);
    });
    if (known.size > guests.length) forgetVanished(now);
  }

  /**
   * H30: guests that the answer is without although nothing said that they ended. A guest left out of one answer must not lose its place
   * among the others: its memory is not free.
   */
  function missing(now: Instant): TrackedGuest[] {
    const gone: TrackedGuest[] = [];
    for (const guest of known.values()) {
      const { lastSeen, ended } = guest.tracker;
      const absent = now.monotonic - lastSeen;
      if (ended || absent === 0 || absent > MISSING_FOR) continue;
      if (guest.record.state !== 'stopped') gone.push(guest);
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
      stalls.forget(uuid);
      periods.forget(uuid, name);
    }
  }

  function contextOf(guest: TrackedGuest, now: Instant): GuestContext {
    const { description, context } = guest;
    context.description =
      description === undefined || !jobs.of(guest)
        ? description
        : { ...description, obstacles: [...description.obstacles, 'job'] };
    if (hypervisor.local) context.stalls = stalls.of(guest.ref, now.monotonic);
    return context;
  }

  /** What their XML says. */
  function describe(guests: readonly TrackedGuest[]): void {
    for (const guest of guests) {
      const description = descriptions.of(guest);
      if (guest.description === description) continue;
      guest.description = description;
      guest.device = description?.balloon.device;
      guest.configuredSeconds = description?.statsPeriodSeconds;
    }
  }

  function isPlain(guest: TrackedGuest): boolean {
    return descriptions.of(guest)?.obstacles.length === 0;
  }

  return {
    async collect(staleAfter) {
      const tracked = await answering();
      const now = clock.now();
      await track(tracked, now);
      await Promise.all([
        descriptions.refresh(tracked, now.monotonic),
        stalls.refresh(tracked, now.monotonic),
      ]);
      describe(tracked);
      periods.update(tracked, now.monotonic);
      jobs.update(tracked);
      const guests = await mapInSlices(tracked, guest =>
        guestSample(guest.tracker, guest.record, contextOf(guest, now), guest.ageSeconds, staleAfter, now),
      );
      const lost = known.size > tracked.length ? missing(now) : NOBODY;
      if (lost.length === 0) return { guests, heldBytes: sumHeld(tracked) };
      describe(lost);
      const all = lost.map(guest =>
        missingSample(guest.tracker, guest.record, contextOf(guest, now), staleAfter, now),
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
