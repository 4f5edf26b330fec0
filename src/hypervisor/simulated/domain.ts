/** A handle on one simulated domain, with the refusals of a real libvirt. */
import { BallonetError, type ErrorCode } from '../../model/errors.ts';
import { MEMORY_STATS_MAX, type MemoryStat } from '../../model/memory-stats.ts';
import { bytesToKib, type Kib, kibToBytes, type Seconds } from '../../model/units.ts';
import type { Affect, Domain, DomainInfo, DomainRef, MemoryStatsOptions } from '../driver.ts';
import type { SimulatedGuest } from './guest.ts';
import { memoryStatsOf } from './stats.ts';
import { domainXmlOf, metadataElement } from './xml.ts';

/** `virErrorNumber`, include/libvirt/virterror.h. */
const VIR_ERR = {
  noSupport: 3,
  invalidArgument: 8,
  operationDenied: 29,
  noDomain: 42,
  operationInvalid: 55,
  operationTimeout: 68,
} as const;

/** libvirt's stats period is an int. */
const PERIOD_MAX: Seconds = 2 ** 31 - 1;

const FLAGS_MAX = 2 ** 32 - 1;

/** What a domain handle needs of its connection. */
export interface DomainHome {
  readonly readOnly: boolean;
  /** Figures above 2^53-1 are handed over as they are. */
  readonly raw: boolean;
  /** Resolves when a hung guest answers again. @throws BallonetError HYPERVISOR_TIMEOUT, HYPERVISOR_CLOSED */
  answers(guest: SimulatedGuest): Promise<void>;
  /** The guest behind a reference, with the model brought up to now. @throws BallonetError DOMAIN_NOT_FOUND, HYPERVISOR_CLOSED */
  guest(ref: DomainRef): SimulatedGuest;
}

export function createDomain(home: DomainHome, ref: DomainRef): Domain {
  return {
    name: ref.name,
    uuid: ref.uuid,
    id: ref.id,
    memoryStats: async options => {
      await whileHung(home, ref);
      return memoryStats(home, home.guest(ref), options);
    },
    setMemory: async kib => {
      await whileHung(home, ref);
      setMemory(home, home.guest(ref), kib);
    },
    setMemoryStatsPeriod: async (seconds, options) => {
      await whileHung(home, ref);
      setPeriod(home, home.guest(ref), seconds, options?.affect);
    },
    info: async () => info(home.guest(ref)),
    job: async () => {
      let guest = home.guest(ref);
      // Asked every tick of many guests, and so not waited for without need.
      if (guest.hung) {
        await home.answers(guest);
        guest = home.guest(ref);
      }
      mustBeActive(guest);
      return guest.fault('job') !== undefined;
    },
    xml: async () => domainXmlOf(home.guest(ref)),
    metadata: async namespace => {
      const guest = home.guest(ref);
      mustBeActive(guest);
      const entry = guest.metadata.get(namespace);
      return entry && metadataElement(namespace, entry);
    },
    setMetadata: async (namespace, prefix, element) => {
      mustBeWritable(home);
      const guest = home.guest(ref);
      mustBeActive(guest);
      if (element === undefined) guest.metadata.delete(namespace);
      else guest.metadata.set(namespace, { prefix, element });
    },
  };
}

/** @throws BallonetError DOMAIN_NOT_FOUND always */
export function noDomain(what: string): never {
  return refuse('DOMAIN_NOT_FOUND', `no domain with ${what}`, VIR_ERR.noDomain);
}

/** Calls that ask QEMU wait for it; the others are answered from what libvirt knows. */
function whileHung(home: DomainHome, ref: DomainRef): Promise<void> | undefined {
  const guest = home.guest(ref);
  return guest.hung ? home.answers(guest) : undefined;
}

function memoryStats(
  home: DomainHome,
  guest: SimulatedGuest,
  { maxStats = MEMORY_STATS_MAX, flags = 0 }: MemoryStatsOptions = {},
): MemoryStat[] {
  if (!Number.isInteger(flags) || flags < 0 || flags > FLAGS_MAX)
    refuse('VALUE_OUT_OF_RANGE', `the flags word is ${flags}`, VIR_ERR.invalidArgument);
  if (!Number.isInteger(maxStats) || maxStats < 0 || maxStats > MEMORY_STATS_MAX) {
    refuse(
      'VALUE_OUT_OF_RANGE',
      `maxStats is ${maxStats}, not 0 to ${MEMORY_STATS_MAX}`,
      VIR_ERR.invalidArgument,
    );
  }
  // As virDomainMemoryStats: to want none is to ask nothing.
  if (maxStats === 0) return [];
  if (flags !== 0)
    refuse('OPERATION_REFUSED', `unsupported flags (0x${flags.toString(16)})`, VIR_ERR.invalidArgument);
  mustBeActive(guest);
  const stats = memoryStatsOf(guest).slice(0, maxStats);
  const tooLarge = home.raw ? undefined : stats.find(({ value }) => value > Number.MAX_SAFE_INTEGER);
  if (tooLarge) throw tooLargeFigure(`memory statistic ${tooLarge.tag} of ${guest.name}`);
  return stats;
}

/** What a driver says of a figure that it cannot give exactly; a guest can bring that about. */
export function tooLargeFigure(what: string): BallonetError {
  return new BallonetError('VALUE_OUT_OF_RANGE', `${what} is above 2^53-1 and was not taken`);
}

function setMemory(home: DomainHome, guest: SimulatedGuest, kib: Kib): void {
  mustBeWritable(home);
  if (!Number.isSafeInteger(kib) || kib <= 0) {
    refuse(
      'VALUE_OUT_OF_RANGE',
      `memory is ${kib} KiB; a whole number above zero is wanted`,
      VIR_ERR.invalidArgument,
    );
  }
  mustBeActive(guest);
  if (kib > bytesToKib(guest.parameters.maximum)) {
    refuse('VALUE_OUT_OF_RANGE', 'cannot set memory higher than max memory', VIR_ERR.invalidArgument);
  }
  mustHaveBalloon(guest);
  mustBeFree(guest);
  guest.balloon.setTarget(kibToBytes(kib));
}

function setPeriod(
  home: DomainHome,
  guest: SimulatedGuest,
  seconds: Seconds,
  affect: Affect = 'current',
): void {
  mustBeWritable(home);
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > PERIOD_MAX) {
    refuse(
      'VALUE_OUT_OF_RANGE',
      `the period is ${seconds}; whole seconds from 0 are wanted`,
      VIR_ERR.invalidArgument,
    );
  }
  const live = affect === 'live' || (affect === 'current' && guest.active);
  if (live) mustBeActive(guest);
  mustHaveBalloon(guest);
  mustBeFree(guest);
  if (live) guest.setLivePeriod(seconds);
  else guest.configPeriod = seconds;
}

function info(guest: SimulatedGuest): DomainInfo {
  const vcpus = guest.spec.vcpus ?? 1;
  return {
    state: guest.state,
    maxMemKib: bytesToKib(guest.parameters.maximum),
    memoryKib: guest.balloon.cachedKib,
    vcpus,
    // The model has no processors: each is taken to be busy a tenth of the time.
    cpuTimeNs: BigInt(Math.round(guest.runSeconds * vcpus * 1e8)),
  };
}

function mustBeWritable({ readOnly }: DomainHome): void {
  if (readOnly)
    refuse('OPERATION_DENIED', 'operation forbidden for read only access', VIR_ERR.operationDenied);
}

function mustBeActive(guest: SimulatedGuest): void {
  if (!guest.active) refuse('OPERATION_REFUSED', 'domain is not running', VIR_ERR.operationInvalid);
}

function mustHaveBalloon(guest: SimulatedGuest): void {
  if (!guest.hasBalloon) {
    refuse('OPERATION_UNSUPPORTED', `domain '${guest.name}' has no balloon device`, VIR_ERR.operationInvalid);
  }
}

/** libvirt waits 30 s for a job to end before it says so; nothing is gained by waiting for it here. */
function mustBeFree(guest: SimulatedGuest): void {
  if (guest.fault('job')) {
    refuse(
      'OPERATION_BUSY',
      `cannot acquire state change lock of '${guest.name}' (held by a job)`,
      VIR_ERR.operationTimeout,
    );
  }
}

function refuse(code: ErrorCode, message: string, hypervisorCode: number): never {
  throw new BallonetError(code, message, { hypervisorCode });
}
