import type { Hypervisor } from '../../hypervisor/driver.ts';
import type { Timer } from '../../model/clock.ts';
import { MEMORY_STAT_TAG } from '../../model/memory-stats.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import { type Figure, type GuestRecord, sizeOfEvent } from './record.ts';

/** Longer than QEMU may hold a balloon event back, and a tick. */
const MOVING_FOR: Seconds = 2;
/** Guests asked in one tick. More than a few seldom move at once, and the events tell of the others. */
const ASKED_PER_TICK = 16;
/** An answer takes a millisecond; a guest that takes longer has its event. */
const PATIENCE: Seconds = 0.05;
/** A guest that could not be asked is left alone. */
const LEAVE_ALONE: Seconds = 30;

/** What is known of one guest's size. */
export interface LiveSize {
  /** Size by the bulk answer, and the monotonic instant at which it was last seen to have changed. */
  told: Figure;
  changedAt: Seconds;
  /** Monotonic instant before which the guest is not asked: for ever while its answer is to come. */
  notBefore: Seconds;
}

/** A guest as far as its size is concerned. */
interface Sized {
  record: GuestRecord;
  /** Kept with the guest: looked for by its uuid, it would be at every tick. */
  readonly size: LiveSize;
}

/**
 * Sizes of the guests whose balloons move, from QEMU itself. The size in libvirt's bulk answer is that of the last balloon event
 * (qemuDomainGetStatsBalloon in src/qemu/qemu_driver.c), and QEMU sends at most one a second (monitor/monitor.c): what a balloon has
 * freed would be known, and given to another guest, up to a second late. virDomainMemoryStats asks (query-balloon).
 */
export interface LiveSizes {
  /** Writes the sizes of now into the records of moving guests, as far as they come at once. Never fails. */
  correct(moving: readonly Sized[], at: Seconds): Promise<void>;
}

export function newLiveSize({ current }: GuestRecord): LiveSize {
  return { told: current, changedAt: Number.NEGATIVE_INFINITY, notBefore: Number.NEGATIVE_INFINITY };
}

/**
 * Notes what the bulk answer says; true when the guest is to be asked.
 *
 * Not of a guest whose size the balloon does not make alone: query-balloon leaves out what virtio-mem gives.
 */
export function isMoving({ record, size }: Sized, at: Seconds): boolean {
  const { state, current, report } = record;
  if (size.told !== current) {
    size.told = current;
    size.changedAt = at;
  }
  // H30: one that a job holds would not answer before the job ends.
  return (
    at - size.changedAt < MOVING_FOR && at >= size.notBefore && state === 'running' && report !== 'unasked'
  );
}

export function createLiveSizes(hypervisor: Hypervisor, timer: Timer): LiveSizes {
  async function ask({ record, size }: Sized, at: Seconds): Promise<Bytes | undefined> {
    size.notBefore = Number.POSITIVE_INFINITY;
    try {
      const stats = await hypervisor.domain(record.domain).memoryStats();
      size.notBefore = at;
      const actual = stats.find(({ tag }) => tag === MEMORY_STAT_TAG.actual);
      const bytes = actual && sizeOfEvent(actual.value);
      return bytes === undefined || Number.isNaN(bytes) ? undefined : bytes;
    } catch {
      // The size of the bulk answer stands; a connection that is lost fails the next tick by itself.
      size.notBefore = at + LEAVE_ALONE;
      return undefined;
    }
  }

  return {
    async correct(moving, at) {
      let late = false;
      const asking = moving.slice(0, ASKED_PER_TICK).map(async guest => {
        const current = await ask(guest, at);
        if (current !== undefined && !late) guest.record = { ...guest.record, current };
      });
      await atMost(Promise.all(asking), PATIENCE, timer);
      late = true;
    },
  };
}

async function atMost(work: Promise<unknown>, seconds: Seconds, timer: Timer): Promise<void> {
  await new Promise<void>(resolve => {
    const callOff = timer(seconds, resolve);
    void work.finally(() => {
      callOff();
      resolve();
    });
  });
}
