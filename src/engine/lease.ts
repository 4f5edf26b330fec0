/** Keeps two daemons from moving the same guest, wherever they run and whatever their state folders: H26. */
import type { DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import type { Clock } from '../model/clock.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import type { Bytes, Seconds } from '../model/units.ts';
import { OWNER_NAMESPACE, OWNER_PREFIX, type Owner, ownerElement, parseOwner } from './owner.ts';

/** A lease is renewed this often. */
const RENEW: Seconds = 60;
/** One that has not been renewed for so long has run out. It outlasts two renewals that fail. */
const EXPIRE: Seconds = 150;
/** The first renewal shows who wrote last when two daemons took the same guest at the same time. */
const CONFIRM: Seconds = 5;
const CALLS_IN_FLIGHT = 4;
/** In one round: with 2000 guests each still gets its turn before its lease runs out. */
const ROUND = 32;

export interface LeaseOptions {
  readonly hypervisor: Hypervisor;
  /** Who this daemon is. */
  readonly id: string;
  readonly host: string;
  readonly clock: Clock;
  /** Told when another owner's lease is found on a guest, once for every time. */
  readonly onTaken: (guest: DomainRef, owner: Owner) => void;
}

export interface Leases {
  /**
   * Looks for owners at the start.
   *
   * @throws BallonetError OWNED_BY_ANOTHER when one of the running guests has another owner, and its lease has not run out
   */
  claim(): Promise<void>;
  /** Who else moves this guest; undefined when nobody does. */
  ownerOf(uuid: string): Owner | undefined;
  /** A size was asked of the guest: its element says so with the next round. */
  asked(uuid: string, bytes: Bytes): void;
  /** One round of renewals. Never rejects: a lease that could not be renewed is tried again. */
  renew(guests: readonly DomainRef[]): Promise<void>;
  /** Takes our leases out again, so that another daemon may start at once. Never rejects. */
  release(): Promise<void>;
}

interface Held {
  ref: DomainRef;
  dueAt: Seconds;
  target: Bytes | undefined;
  written: boolean;
  other: Owner | undefined;
}

export function createLeases({ hypervisor, id, host, clock, onTaken }: LeaseOptions): Leases {
  const held = new Map<string, Held>();
  let supported = true;

  /** The owner of a guest, as far as its lease has not run out. */
  async function ownerOn(ref: DomainRef): Promise<Owner | undefined> {
    const domain = hypervisor.domain(ref);
    if (domain.metadata === undefined) {
      supported = false;
      return undefined;
    }
    const owner = parseOwner((await domain.metadata(OWNER_NAMESPACE)) ?? '');
    // One from the future is of a clock that is wrong: it would never run out.
    const age = owner === undefined ? Number.NaN : Math.abs(clock.now().wall - owner.renewedAt);
    return age < EXPIRE ? owner : undefined;
  }

  async function renewOne(entry: Held): Promise<void> {
    const { monotonic, wall } = clock.now();
    entry.dueAt = monotonic + (entry.written ? RENEW : CONFIRM);
    const before = entry.other;
    const owner = await ownerOn(entry.ref);
    entry.other = owner?.id === id ? undefined : owner;
    if (entry.other !== undefined) {
      entry.written = false;
      if (before?.id !== entry.other.id) onTaken(entry.ref, entry.other);
      return;
    }
    if (!supported) return;
    const element = ownerElement({ id, host, renewedAt: wall, targetBytes: entry.target });
    await hypervisor.domain(entry.ref).setMetadata?.(OWNER_NAMESPACE, OWNER_PREFIX, element);
    entry.written = true;
  }

  /** A guest that ended, is busy or is denied to us has no lease of ours; without metadata nobody has. */
  async function quietly(work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (isBallonetError(error, 'OPERATION_UNSUPPORTED')) supported = false;
    }
  }

  return {
    async claim() {
      const domains = await hypervisor.domains({ active: true });
      await eachOf(domains, async domain => {
        const owner = await ownerOn(domain).catch(error => {
          if (isBallonetError(error, 'OPERATION_UNSUPPORTED')) supported = false;
          else if (!isBallonetError(error)) throw error;
          return undefined;
        });
        if (owner === undefined) return;
        if (owner.id !== id) throw taken(domain, owner);
        // Left by a daemon of ours that was killed: it goes with us, whether we come to renew it or not.
        const { name, uuid } = domain;
        const { targetBytes: target } = owner;
        const entry = { ref: { name, uuid, id: domain.id }, target, written: true, other: undefined };
        held.set(uuid, { ...entry, dueAt: clock.now().monotonic });
      });
    },

    ownerOf: uuid => held.get(uuid)?.other,

    asked(uuid, bytes) {
      const entry = held.get(uuid);
      if (entry === undefined || entry.target === bytes) return;
      entry.target = bytes;
      entry.dueAt = Math.min(entry.dueAt, clock.now().monotonic + CONFIRM);
    },

    async renew(guests) {
      if (!supported) return;
      const present = new Set(guests.map(({ uuid }) => uuid));
      for (const uuid of held.keys()) if (!present.has(uuid)) held.delete(uuid);
      const now = clock.now().monotonic;
      const due = guests
        .map(ref => {
          const entry = held.get(ref.uuid) ?? {
            ref,
            dueAt: now,
            target: undefined,
            written: false,
            other: undefined,
          };
          held.set(ref.uuid, entry);
          entry.ref = ref;
          return entry;
        })
        .filter(({ dueAt }) => dueAt <= now)
        .slice(0, ROUND);
      await eachOf(due, entry => quietly(renewOne(entry)));
    },

    async release() {
      const ours = [...held.values()].filter(({ written }) => written);
      held.clear();
      await eachOf(ours, ({ ref }) =>
        quietly(
          hypervisor.domain(ref).setMetadata?.(OWNER_NAMESPACE, OWNER_PREFIX, undefined) ?? Promise.resolve(),
        ),
      );
    },
  };
}

function taken({ name }: DomainRef, { host, id, renewedAt }: Owner): BallonetError {
  const since = new Date(renewedAt * 1000).toISOString();
  return new BallonetError(
    'OWNED_BY_ANOTHER',
    `the balloon of '${name}' is moved by another Ballonet, on ${host} (${id}), which said so last at ${since}: stop it, ` +
      `or wait until its lease has run out, ${EXPIRE} s after that`,
  );
}

async function eachOf<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: CALLS_IN_FLIGHT }, worker));
}
