/** A handle on one guest, with the refusals of libvirt's qemu driver. */
import { BallonetError, isConnectionLost } from '../../model/errors.ts';
import { MEMORY_STATS_MAX } from '../../model/memory-stats.ts';
import type { Domain, DomainRef } from '../driver.ts';
import type { QemuGuest } from './guest.ts';

/** The stats period is an int in libvirt, so that a policy's limits are those of every driver. */
const PERIOD_MAX = 2 ** 31 - 1;

/** What a handle needs of its connection. */
export interface DomainHome {
  readonly readOnly: boolean;
  /** @throws BallonetError DOMAIN_NOT_FOUND, HYPERVISOR_CLOSED, HYPERVISOR_UNREACHABLE */
  guest(ref: DomainRef): QemuGuest;
}

export function createDomain(home: DomainHome, { name, uuid, id }: DomainRef): Domain {
  const ref = { name, uuid, id };
  const ask = <T>(question: (guest: QemuGuest) => Promise<T>): Promise<T> => withGuest(home, ref, question);

  function change(order: (guest: QemuGuest) => Promise<void>): Promise<void> {
    if (home.readOnly) throw new BallonetError('OPERATION_DENIED', 'the connection is read-only');
    return ask(order);
  }

  return {
    ...ref,
    async memoryStats({ maxStats = MEMORY_STATS_MAX, flags = 0 } = {}) {
      requireWhole(maxStats, 0, MEMORY_STATS_MAX, 'the number of statistics');
      requireWhole(flags, 0, 2 ** 32 - 1, 'the flags word');
      // As virDomainMemoryStats: to want none is to ask nothing.
      if (maxStats === 0) return [];
      if (flags !== 0)
        throw new BallonetError('OPERATION_REFUSED', `unsupported flags (0x${flags.toString(16)})`);
      return (await ask(guest => guest.memoryStats())).slice(0, maxStats);
    },
    /** `options` is there to be said by the caller; every change of a balloon is live. */
    async setMemory(kib, _options) {
      requireWhole(kib, 1, Number.MAX_SAFE_INTEGER, 'the amount of KiB');
      await change(guest => guest.setMemory(kib));
    },
    async setMemoryStatsPeriod(seconds, { affect = 'current' } = {}) {
      requireWhole(seconds, 0, PERIOD_MAX, 'the period in seconds');
      await change(guest => {
        if (affect === 'config')
          throw new BallonetError('OPERATION_UNSUPPORTED', `QEMU keeps no configuration of '${name}'`);
        return guest.setStatsPeriod(seconds);
      });
    },
    info: async () => ask(guest => guest.info()),
    job: async () => ask(guest => guest.job()),
    xml: async () => ask(guest => guest.xml()),
  };
}

/**
 * One guest's connection is not the hypervisor's: when it ends, this domain is gone and the others are as they were. So its
 * loss must not pass for the loss of all.
 */
async function withGuest<T>(
  home: DomainHome,
  ref: DomainRef,
  question: (guest: QemuGuest) => Promise<T>,
): Promise<T> {
  const guest = home.guest(ref);
  try {
    return await question(guest);
  } catch (error) {
    if (!isConnectionLost(error)) throw error;
    throw new BallonetError('DOMAIN_NOT_FOUND', `the QEMU of '${ref.name}' is gone`, { cause: error });
  }
}

function requireWhole(value: number, min: number, max: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new BallonetError(
      'VALUE_OUT_OF_RANGE',
      `${what} is ${value}; it must be a whole number in ${min}..${max}`,
    );
  }
}
