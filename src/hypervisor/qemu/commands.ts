/** The QMP commands that the driver gives. Source: QEMU 7.2 to 10.2, qapi/*.json. */
import type { Bytes, Kib, Seconds } from '../../model/units.ts';
import type { Figure } from './amounts.ts';
import { type GuestStats, readGuestStats } from './guest-stats.ts';
import type { Json } from './json.ts';
import type { QmpError } from './qmp-error.ts';
import {
  type QomProperty,
  readActual,
  readBoolean,
  readMemorySize,
  readMigrating,
  readName,
  readProperties,
  readSeconds,
  readStatus,
  readThreads,
  readUuid,
} from './replies.ts';
import type { RunState } from './run-state.ts';

export interface Command<T> {
  readonly execute: string;
  readonly args?: Readonly<Record<string, string | number>>;
  /** @throws BallonetError PROTOCOL, VALUE_OUT_OF_RANGE */
  readonly read: (value: Json) => T;
  /** For errors that are an answer. Left out, or undefined: an error of QEMU's is an error. */
  readonly refused?: (error: QmpError) => { readonly value: T } | undefined;
}

/** Ends the greeting; nothing optional is switched on. */
export function negotiate(): Command<void> {
  return { execute: 'qmp_capabilities', read: nothing };
}

export function queryName(): Command<string | undefined> {
  return { execute: 'query-name', read: readName };
}

export function queryUuid(): Command<string> {
  return { execute: 'query-uuid', read: readUuid };
}

export function queryStatus(): Command<RunState> {
  return { execute: 'query-status', read: readStatus };
}

export function queryMemorySize(): Command<Kib> {
  return { execute: 'query-memory-size-summary', read: readMemorySize };
}

/** Whether a migration is under way; saving a guest to a file is one too. */
export function queryMigrating(): Command<boolean> {
  return { execute: 'query-migrate', read: readMigrating };
}

export function queryThreads(): Command<readonly number[]> {
  return { execute: 'query-cpus-fast', read: readThreads };
}

/** The size that the balloon leaves the guest; undefined without a balloon device. */
export function queryBalloon(): Command<Figure> {
  return {
    execute: 'query-balloon',
    read: readActual,
    refused: error => (error.class === 'DeviceNotActive' ? { value: undefined } : undefined),
  };
}

/** Asks the guest to become this size. QEMU says yes whether or not a driver in the guest hears of it. */
export function setBalloon(bytes: Bytes): Command<void> {
  return { execute: 'balloon', args: { value: bytes }, read: nothing };
}

/** Undefined when there is no such object. */
export function listProperties(path: string): Command<readonly QomProperty[] | undefined> {
  return {
    execute: 'qom-list',
    args: { path },
    read: readProperties,
    refused: error => (error.class === 'DeviceNotFound' ? { value: undefined } : undefined),
  };
}

/** Undefined when there is no such object any more: the device was unplugged. */
export function getGuestStats(path: string): Command<GuestStats | undefined> {
  return {
    ...get(path, 'guest-stats', readGuestStats),
    refused: error => (error.class === 'DeviceNotFound' ? { value: undefined } : undefined),
  };
}

/** How often QEMU asks the guest for statistics; 0: not at all. */
export function getPollingInterval(path: string): Command<Seconds> {
  return get(path, 'guest-stats-polling-interval', readSeconds);
}

export function setPollingInterval(path: string, seconds: Seconds): Command<void> {
  return {
    execute: 'qom-set',
    args: { path, property: 'guest-stats-polling-interval', value: seconds },
    read: nothing,
  };
}

export function getDeflateOnOom(path: string): Command<boolean> {
  return get(path, 'deflate-on-oom', readBoolean);
}

export function getFreePageReporting(path: string): Command<boolean> {
  return get(path, 'free-page-reporting', readBoolean);
}

/** Whether the guest's memory is encrypted: the machine links to what does it. Other machines have no such property. */
export function getConfidentialSupport(): Command<boolean> {
  return {
    ...get('/machine', 'confidential-guest-support', reply => reply !== ''),
    refused: () => ({ value: false }),
  };
}

function get<T>(path: string, property: string, read: (value: Json) => T): Command<T> {
  return { execute: 'qom-get', args: { path, property }, read };
}

function nothing(): void {}
