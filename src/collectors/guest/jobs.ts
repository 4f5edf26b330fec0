import type { Domain, DomainRef, Hypervisor } from '../../hypervisor/driver.ts';
import { isBallonetError } from '../../model/errors.ts';
import type { GuestState } from '../../model/snapshot.ts';

/** Guests asked in one tick, by turns: up to this many are all asked every tick, and of 1000 each is every half minute. */
const ASKED_PER_TICK = 32;
/** Questions under way at once: a call that comes to wait for a job must not use up the connection. */
const CALLS_AT_ONCE = 2;
/** Ticks in a row in which the hypervisor did not ask a guest, or did not answer for it, that make a job of it. */
const TICKS_HELD = 2;

/** A guest as far as its jobs are concerned. */
interface Employed {
  readonly ref: DomainRef;
  readonly state: GuestState;
  /** The hypervisor did not ask it this tick, because a job of another call holds the domain. */
  readonly locked: boolean;
  /** What is known of its jobs, kept with the guest: looked for by its uuid, it would be twice a tick. */
  job: Employment | undefined;
}

/** What is known of one guest's jobs. */
export interface Employment {
  /** As last seen. */
  ref: DomainRef;
  /** Of `ref`: kept, because it is asked again and again. */
  domain: Pick<Domain, 'job'> | undefined;
  job: boolean;
  /** Ticks in a row in which something held it. */
  ticksHeld: number;
  /** Its question is out. */
  asking: boolean;
  /** Asked before its turn. */
  hinted: boolean;
  /** Count of the round in which it was last asked. */
  asked: number;
}

/**
 * Which guests have a long job (migration, save, snapshot, backup) under way (H31): libvirt lets a call that moves a balloon
 * wait 30 s for its end and then fail (src/qemu/qemu_domainjob.c), and what is freed during a migration is sent all the same.
 *
 * Nothing is awaited: an answer counts from the next tick on.
 */
export interface Jobs {
  /** As far as is known. */
  of(guest: Pick<Employed, 'job'>): boolean;
  /** Looks at every active guest once a tick and starts the questions that are due. */
  update(guests: readonly Employed[]): void;
  /** Something happened to the guest that a job may have brought about: it is asked next. */
  hint(uuid: string): void;
  /** After a reconnection. */
  reset(): void;
  forget(uuid: string): void;
}

export function createJobs(hypervisor: Hypervisor): Jobs {
  const entries = new Map<string, Employment>();
  let queue: Employment[] = [];
  let unsupported = false;
  let workers = 0;
  let round = 0;
  /** Place of the guest whose turn it was last. */
  let turn = -1;

  function entryOf(guest: Employed): Employment {
    const { ref } = guest;
    if (guest.job === undefined) {
      guest.job = {
        ref,
        domain: undefined,
        job: false,
        ticksHeld: 0,
        asking: false,
        hinted: true,
        asked: 0,
      };
      entries.set(ref.uuid, guest.job);
    }
    if (guest.job.ref !== ref) {
      guest.job.ref = ref;
      guest.job.domain = undefined;
    }
    return guest.job;
  }

  /** One after another, so that what waits behind a slow answer costs no more than its turn. */
  async function work(): Promise<void> {
    workers += 1;
    for (let entry = queue.shift(); entry !== undefined && !unsupported; entry = queue.shift()) {
      entry.asking = true;
      try {
        entry.domain ??= hypervisor.domain(entry.ref);
        entry.job = await entry.domain.job();
      } catch (error) {
        // What it was stands until it can be asked again; a connection that is lost fails the tick by itself.
        if (isBallonetError(error, 'OPERATION_UNSUPPORTED')) unsupported = true;
        if (isBallonetError(error, 'OPERATION_BUSY')) entry.job = true;
      }
      entry.asking = false;
    }
    workers -= 1;
  }

  /** Takes in how the guests stand, and gives those that are not to wait for their turn. */
  function lookAt(guests: readonly Employed[]): Employment[] {
    const urgent: Employment[] = [];
    for (const guest of guests) {
      const { state, locked } = guest;
      const entry = entryOf(guest);
      // A question that has no answer waits for the job that holds the domain: measured at the begin of a snapshot.
      entry.ticksHeld = locked || entry.asking ? entry.ticksHeld + 1 : 0;
      if (state !== 'running') entry.job = false;
      else if ((entry.job || entry.hinted) && entry.ticksHeld === 0) urgent.push(entry);
    }
    return urgent;
  }

  /** Those to ask now: what is urgent, and then whose turn it is of those that can answer. */
  function mostDue(guests: readonly Employed[], urgent: readonly Employment[]): Employment[] {
    const due = urgent.slice(0, ASKED_PER_TICK);
    round += 1;
    for (const entry of due) entry.asked = round;
    for (let looks = guests.length; looks > 0 && due.length < ASKED_PER_TICK; looks--) {
      turn = turn + 1 < guests.length ? turn + 1 : 0;
      const { state, job: entry } = guests[turn] ?? {};
      if (entry === undefined || state !== 'running' || entry.ticksHeld > 0 || entry.asked === round)
        continue;
      entry.asked = round;
      due.push(entry);
    }
    for (const entry of due) entry.hinted = false;
    return due;
  }

  return {
    of({ job }) {
      return job !== undefined && (job.job || job.ticksHeld >= TICKS_HELD);
    },
    update(guests) {
      const urgent = lookAt(guests);
      if (unsupported || workers >= CALLS_AT_ONCE) return;
      queue = mostDue(guests, urgent);
      for (let i = workers; i < CALLS_AT_ONCE; i++) void work();
    },
    hint(uuid) {
      const entry = entries.get(uuid);
      if (entry !== undefined) entry.hinted = true;
    },
    reset() {
      unsupported = false;
      for (const entry of entries.values()) entry.hinted = true;
    },
    forget: uuid => entries.delete(uuid),
  };
}
