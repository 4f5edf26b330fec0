import type { GuestSample, HostFigure, HostSample, Snapshot } from '../model/snapshot.ts';
import { type Cells, COLUMNS, newCells, writeCells } from './cells.ts';
import { type Column, encodeColumn } from './column.ts';
import { type GuestFacts, HOST_FIGURES, QUALITIES } from './figures.ts';
import { type Frame, GUEST_FACTS, guestFacts, HOST_FACTS, type HostReading, hostFacts } from './frame.ts';

/** After so many ticks a frame stands for itself again: a damaged line costs no more than that. */
export const FULL_EVERY = 60;

export interface FrameEncoder {
  /**
   * Codes the next snapshot. The guests of a snapshot have different uuids, and its numbers are finite.
   *
   * @param full whether the frame must stand for itself, as the first one does
   */
  encode(snapshot: Snapshot, full: boolean): Frame;
  /** The place of a guest of the last snapshot. */
  placeOf(uuid: string): number | undefined;
}

interface Memory {
  readonly slots: Map<string, number>;
  /** By place. */
  readonly samples: GuestSample[];
  readonly places: number;
  host: HostSample | undefined;
  order: readonly number[];
  before: Cells;
  now: Cells;
  frames: number;
}

export function createFrameEncoder(): FrameEncoder {
  let memory = newMemory(0);
  let foreseen = new Float64Array(0);

  function start(snapshot: Snapshot): void {
    // Room for guests that come later: a guest that finds none makes the next full frame come early.
    memory = newMemory(snapshot.guests.length + 16 + (snapshot.guests.length >> 2));
    foreseen = new Float64Array(memory.places);
  }

  return {
    encode(snapshot, full) {
      const fresh = full || memory.frames % FULL_EVERY === 0 || !hasRoom(memory, snapshot);
      if (fresh) start(snapshot);
      const { guests, order } = placeGuests(memory, snapshot);
      const columns = encodeColumns(memory, foreseen);
      const host = hostChanges(snapshot.host, memory.host);
      const factsStand = memory.host !== undefined && sameIn(HOST_FACTS, memory.host, snapshot.host);
      memory.host = snapshot.host;
      [memory.before, memory.now] = [memory.now, memory.before];
      memory.frames++;
      return {
        sequence: snapshot.sequence,
        ...(fresh && { places: memory.places }),
        ...(host.length > 0 && { host: Object.fromEntries(host) }),
        ...(!factsStand && { hostFacts: hostFacts.parse(snapshot.host) }),
        ...(guests.length > 0 && { guests }),
        ...(order !== undefined && { order }),
        ...(columns.length > 0 && { columns: Object.fromEntries(columns) }),
      };
    },
    placeOf: uuid => memory.slots.get(uuid),
  };
}

function newMemory(places: number): Memory {
  return {
    slots: new Map(),
    samples: [],
    places,
    host: undefined,
    order: [],
    before: newCells(places),
    now: newCells(places),
    frames: 0,
  };
}

function hasRoom({ slots, samples, places }: Memory, { guests }: Snapshot): boolean {
  if (samples.length + guests.length - slots.size <= places && guests.length <= slots.size) return true;
  const newcomers = guests.filter(({ uuid }) => !slots.has(uuid)).length;
  return samples.length + newcomers <= places;
}

/** Finds each guest's place and writes its numbers there; gives what is new of the guests and of their order. */
function placeGuests(memory: Memory, { guests }: Snapshot) {
  const changed: [number, GuestFacts][] = [];
  const order = guests.map(sample => {
    const known = memory.slots.get(sample.uuid);
    const slot = known ?? memory.samples.length;
    const before = memory.samples[slot];
    if (before === undefined || !sameIn<GuestFacts>(GUEST_FACTS, before, sample))
      changed.push([slot, guestFacts.parse(sample)]);
    memory.slots.set(sample.uuid, slot);
    memory.samples[slot] = sample;
    writeCells(memory.now, slot, sample);
    return slot;
  });
  const same = order.length === memory.order.length && order.every((slot, i) => slot === memory.order[i]);
  if (same) return { guests: changed, order: undefined };
  // A guest that has gone gives up its place for good, so that nothing is foreseen from numbers of long ago.
  const present = new Set(order);
  for (const [uuid, slot] of memory.slots) if (!present.has(slot)) memory.slots.delete(uuid);
  memory.order = order;
  return { guests: changed, order };
}

function encodeColumns({ order, before, now }: Memory, foreseen: Float64Array): [string, Column][] {
  const columns: [string, Column][] = [];
  for (const [index, { name, kind, foresee }] of COLUMNS.entries()) {
    const [was, is] = [before[index], now[index]];
    if (was === undefined || is === undefined) continue;
    foresee?.(order, before, now, foreseen);
    const column = encodeColumn(kind, order, is, foresee === undefined ? was : foreseen);
    if (column !== undefined) columns.push([name, column]);
  }
  return columns;
}

function hostChanges({ readings }: HostSample, before: HostSample | undefined): [HostFigure, HostReading][] {
  return HOST_FIGURES.flatMap((figure): [HostFigure, HostReading][] => {
    const { value, ageSeconds, quality } = readings[figure];
    const was = before?.readings[figure];
    if (was?.value === value && was?.ageSeconds === ageSeconds && was.quality === quality) return [];
    return [[figure, [value ?? null, ageSeconds, QUALITIES.indexOf(quality)]]];
  });
}

/** True when both say the same under every key; the values are what JSON can hold. */
function sameIn<T extends object>(keys: readonly (keyof T)[], a: T, b: T): boolean {
  for (const key of keys) {
    if (a[key] !== b[key] && JSON.stringify(a[key]) !== JSON.stringify(b[key])) return false;
  }
  return true;
}
