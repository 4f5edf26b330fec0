import { ABSENT, type HostFigure, type HostSample, type Reading, type Snapshot } from '../model/snapshot.ts';
import { type Cells, COLUMNS, newCells, readCells } from './cells.ts';
import { decodeColumn } from './column.ts';
import { type GuestFacts, HOST_FIGURES, type HostFacts, QUALITIES } from './figures.ts';
import type { ReadFrame } from './frame.ts';

export interface FrameDecoder {
  /** The snapshot, exactly; or a sentence that says why there is none. After that only a full frame gives one again. */
  decode(frame: ReadFrame): Snapshot | { readonly problem: string };
  /** The guest at a place, after a frame that gave a snapshot. */
  guestAt(place: number): GuestFacts | undefined;
  /** Says that a frame is missing. */
  lose(): void;
}

interface Memory {
  readonly places: number;
  readonly host: Map<HostFigure, Reading>;
  hostFacts: HostFacts | undefined;
  /** By place. */
  readonly facts: GuestFacts[];
  order: readonly number[];
  before: Cells;
  now: Cells;
}

export function createFrameDecoder(): FrameDecoder {
  let memory: Memory | undefined;
  return {
    decode(frame) {
      if (frame.places !== undefined) memory = newMemory(frame.places);
      const snapshot =
        memory === undefined
          ? { problem: 'the ticks before it are missing' }
          : advance(memory, frame, new Float64Array(memory.places));
      if ('problem' in snapshot) memory = undefined;
      return snapshot;
    },
    guestAt: place => memory?.facts[place],
    lose() {
      memory = undefined;
    },
  };
}

function newMemory(places: number): Memory {
  return {
    places,
    host: new Map(HOST_FIGURES.map(figure => [figure, ABSENT])),
    hostFacts: undefined,
    facts: [],
    order: [],
    before: newCells(places),
    now: newCells(places),
  };
}

function advance(memory: Memory, frame: ReadFrame, foreseen: Float64Array) {
  memory.hostFacts = frame.hostFacts ?? memory.hostFacts;
  memory.order = frame.order ?? memory.order;
  for (const [place, facts] of frame.guests ?? []) memory.facts[place] = facts;
  const { order, before, now, places } = memory;
  if (order.some(slot => slot >= places)) return { problem: 'a guest has a place that there is none of' };
  const host = hostSample(memory, frame);
  if (host === undefined) return { problem: 'the host is not whole' };
  for (const [index, { name, kind, foresee }] of COLUMNS.entries()) {
    const [was, is] = [before[index], now[index]];
    if (was === undefined || is === undefined) continue;
    foresee?.(order, before, now, foreseen);
    const expected = foresee === undefined ? was : foreseen;
    const column = frame.columns?.[name];
    if (column === undefined) for (const slot of order) is[slot] = expected[slot] ?? Number.NaN;
    else if (!decodeColumn(kind, column, order, is, expected))
      return { problem: `column ${name} is not whole` };
  }
  const guests = order.flatMap(slot => {
    const facts = memory.facts[slot];
    return (facts && readCells(now, slot, facts)) ?? [];
  });
  if (guests.length < order.length) return { problem: 'a guest is not whole' };
  [memory.before, memory.now] = [now, before];
  return { sequence: frame.sequence, host, guests };
}

function hostSample({ host, hostFacts }: Memory, frame: ReadFrame): HostSample | undefined {
  for (const figure of HOST_FIGURES) {
    const entry = frame.host?.[figure];
    if (entry === undefined) continue;
    const [value, ageSeconds, kind] = entry;
    const quality = QUALITIES[kind];
    if (quality === undefined) return undefined;
    host.set(figure, value === null ? { ageSeconds, quality } : { value, ageSeconds, quality });
  }
  const of = (figure: HostFigure): Reading => host.get(figure) ?? ABSENT;
  return (
    hostFacts && {
      ...hostFacts,
      readings: {
        total: of('total'),
        available: of('available'),
        free: of('free'),
        swapUsed: of('swapUsed'),
        swapInRate: of('swapInRate'),
        swapOutRate: of('swapOutRate'),
        committed: of('committed'),
        psiSomeAvg10: of('psiSomeAvg10'),
        psiSomeAvg60: of('psiSomeAvg60'),
        psiSomeAvg300: of('psiSomeAvg300'),
        psiFullAvg10: of('psiFullAvg10'),
        psiFullAvg60: of('psiFullAvg60'),
        psiFullAvg300: of('psiFullAvg300'),
      },
    }
  );
}
