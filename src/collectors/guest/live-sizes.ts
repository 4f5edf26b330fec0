import type { DomainRef, Hypervisor } from '../../hypervisor/driver.ts';
import type { Timer } from '../../model/clock.ts';
import { MEMORY_STAT_TAG } from '../../model/memory-stats.ts';
import { Roster } from '../../model/roster.ts';
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

interface Entry {
  /** Size by the bulk answer, and the monotonic instant at which it was last seen to have changed. */
  told: Figure;
  changedAt: Seconds;
  /** Monotonic instant before which the guest is not asked: for ever while its answer is to come. */
  notBefore: Seconds;
}

/**
 * Sizes of the guests whose balloons move, from QEMU itself. The size in libvirt's bulk answer is that of the last balloon event
 * (qemuDomainGetStatsBalloon in src/qemu/qemu_driver.c), and QEMU sends at most one a second (monitor/monitor.c): what a balloon has
 * freed would be known, and given to another guest, up to a second late. virDomainMemoryStats asks (query-balloon).
 */
export interface LiveSizes {
  /**
   * The records, those of moving guests with the size of now as far as it comes at once. Never fails.
   *
   * @param plain whether the balloon alone makes the guest's size: query-balloon leaves out what virtio-mem gives
   */
  correct(
    records: readonly GuestRecord[],
    plain: (uuid: string) => boolean,
    at: Seconds,
  ): Promise<readonly GuestRecord[]>;
  forget(uuid: string): void;
}

export function createLiveSizes(hypervisor: Hypervisor, timer: Timer): LiveSizes {
  const entries = new Roster<Entry>();

  /** Notes what the bulk answer says; true when the guest is to be asked. */
  function note({ domain, state, current, report }: GuestRecord, place: number, at: Seconds): boolean {
    const entry = entries.at(domain.uuid, place);
    if (entry === undefined) {
      const never = Number.NEGATIVE_INFINITY;
      entries.set(domain.uuid, { told: current, changedAt: never, notBefore: never });
      return false;
    }
    if (entry.told !== current) {
      entry.told = current;
      entry.changedAt = at;
    }
    // H30: one that a job holds would not answer before the job ends.
    const answers = state === 'running' && report !== 'unasked';
    return answers && at - entry.changedAt < MOVING_FOR && at >= entry.notBefore;
  }

  async function ask(domain: DomainRef, at: Seconds): Promise<Bytes | undefined> {
    const entry = entries.get(domain.uuid);
    if (entry === undefined) return undefined;
    entry.notBefore = Number.POSITIVE_INFINITY;
    try {
      const stats = await hypervisor.domain(domain).memoryStats();
      entry.notBefore = at;
      const actual = stats.find(({ tag }) => tag === MEMORY_STAT_TAG.actual);
      const size = actual && sizeOfEvent(actual.value);
      return size === undefined || Number.isNaN(size) ? undefined : size;
    } catch {
      // The size of the bulk answer stands; a connection that is lost fails the next tick by itself.
      entry.notBefore = at + LEAVE_ALONE;
      return undefined;
    }
  }

  return {
    async correct(records, plain, at) {
      const moving = records.filter((record, place) => note(record, place, at) && plain(record.domain.uuid));
      if (moving.length === 0) return records;
      const sizes = new Map<string, Bytes | undefined>();
      const asking = moving.slice(0, ASKED_PER_TICK).map(async ({ domain }) => {
        sizes.set(domain.uuid, await ask(domain, at));
      });
      await atMost(Promise.all(asking), PATIENCE, timer);
      return records.map(record => {
        const current = sizes.get(record.domain.uuid);
        return current === undefined ? record : { ...record, current };
      });
    },
    forget: uuid => entries.delete(uuid),
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
