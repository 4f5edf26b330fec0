/** What QEMU's replies say. Each reader throws BallonetError PROTOCOL for a reply of another shape than QEMU's schema has. */
import { BallonetError } from '../../model/errors.ts';
import type { Kib, Seconds } from '../../model/units.ts';
import { type Figure, readCount, readKib, tooLarge } from './amounts.ts';
import { fieldOf, isObject, type Json } from './json.ts';
import { type RunState, runStateOf } from './run-state.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** qapi/control.json, `VersionInfo`: `7.2.22`. */
export function readVersion(info: Json | undefined): string {
  const qemu = fieldOf(info, 'qemu');
  const numbers = ['major', 'minor', 'micro'].map(name => readCount(fieldOf(qemu, name), 'its version'));
  if (numbers.includes('too-large')) throw malformed('a version that is no number of releases');
  return numbers.join('.');
}

/** qapi/misc.json, `NameInfo`: a QEMU without -name has none. */
export function readName(reply: Json): string | undefined {
  const name = fieldOf(reply, 'name');
  if (name === undefined && isObject(reply)) return undefined;
  return text(name, 'the name');
}

/** qapi/machine.json, `UuidInfo`: all zeros without -uuid. */
export function readUuid(reply: Json): string {
  const uuid = text(fieldOf(reply, 'UUID'), 'the UUID').toLowerCase();
  if (!UUID.test(uuid)) throw malformed('a UUID that is none');
  return uuid;
}

/** qapi/run-state.json, `StatusInfo`. */
export function readStatus(reply: Json): RunState {
  return runStateOf(text(fieldOf(reply, 'status'), 'the status'));
}

/** qapi/migration.json, `MigrationStatus`: there was no migration, or it has ended. All others are steps on the way. */
const NOT_MIGRATING: ReadonlySet<string> = new Set(['none', 'completed', 'failed', 'cancelled']);

/** qapi/migration.json, `MigrationInfo`: without a status when there was none since QEMU's start. */
export function readMigrating(reply: Json): boolean {
  const status = fieldOf(reply, 'status');
  if (status === undefined && isObject(reply)) return false;
  return !NOT_MIGRATING.has(text(status, 'the status of a migration'));
}

/**
 * qapi/machine.json, `MemoryInfo`: the size at the start and what was plugged in since. QEMUs whose target has no memory
 * devices leave the latter out.
 */
export function readMemorySize(reply: Json): Kib {
  const base = readKib(fieldOf(reply, 'base-memory'), 'base-memory');
  const plugged = readKib(fieldOf(reply, 'plugged-memory') ?? 0, 'plugged-memory');
  if (typeof base !== 'number' || typeof plugged !== 'number') throw tooLarge("the guest's memory size");
  return base + plugged;
}

/** qapi/machine.json, `BalloonInfo`: the driver in the guest writes what it comes from, so it can be anything. */
export function readActual(reply: Json): Exclude<Figure, undefined> {
  return readKib(fieldOf(reply, 'actual'), 'actual') ?? 'too-large';
}

/** qapi/machine.json, `CpuInfoFast`: the thread of each virtual processor, by QEMU's own process namespace. */
export function readThreads(reply: Json): number[] {
  if (!Array.isArray(reply)) throw malformed('processors that are no list');
  return reply.map((cpu: Json) => {
    const thread = readCount(fieldOf(cpu, 'thread-id'), 'thread-id');
    if (typeof thread !== 'number') throw malformed('a thread that is no number');
    return thread;
  });
}

export interface QomProperty {
  readonly name: string;
  readonly type: string;
}

/** qapi/qom.json, `ObjectPropertyInfo`. */
export function readProperties(reply: Json): QomProperty[] {
  if (!Array.isArray(reply)) throw malformed('properties that are no list');
  return reply.map((property: Json) => ({
    name: text(fieldOf(property, 'name'), "a property's name"),
    type: text(fieldOf(property, 'type'), "a property's type"),
  }));
}

export function readBoolean(reply: Json): boolean {
  if (typeof reply !== 'boolean') throw malformed('a switch that is neither on nor off');
  return reply;
}

export function readSeconds(reply: Json): Seconds {
  const seconds = readCount(reply, 'an interval');
  if (typeof seconds !== 'number') throw malformed('an interval that is no number');
  return seconds;
}

function text(value: Json | undefined, what: string): string {
  if (typeof value !== 'string') throw malformed(`${what} that is no text`);
  return value;
}

function malformed(what: string): BallonetError {
  return new BallonetError('PROTOCOL', `QEMU gave ${what}`);
}
