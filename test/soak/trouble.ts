/** Trouble for a daemon, drawn from a seed; what must be told of it; and what its journal tells. */
import { setTimeout as sleep } from 'node:timers/promises';
import { deriveSeed, randomAt } from '../../src/hypervisor/simulated/random.ts';
import { readJournal } from '../../src/journal/reader.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NOTICES } from '../../src/model/notice.ts';
import type { Seconds } from '../../src/model/units.ts';

/** One of these notices, of this guest, with one of these reasons where there are some. */
export interface Wanted {
  readonly events: readonly (keyof typeof NOTICES)[];
  readonly uuid?: string;
  readonly reasons?: readonly string[];
}

export const held = (uuid: string, ...reasons: string[]): Wanted => ({
  events: ['GUEST_HELD'],
  uuid,
  reasons,
});
export const ended = (uuid: string): Wanted => ({ events: ['GUEST_GONE', 'GUEST_HELD'], uuid });
export const begun = (uuid: string): Wanted => ({ events: ['GUEST_APPEARED', 'GUEST_RESTARTED'], uuid });

/** A size that somebody else might set, as a share of the maximum: far from this one, and enough for what the guests use. */
export function otherShare(share: number): number {
  return share > 0.85 ? 0.75 : 0.95;
}

export interface Trouble {
  readonly kind: string;
  /** Name of the guest that it befalls; undefined for the host. */
  readonly guest: string | undefined;
  readonly from: Seconds;
  readonly until: Seconds;
  readonly wanted: readonly Wanted[];
  /** Nothing can be told of guests, or kept of it, while it lasts. */
  readonly blinds: boolean;
}

/** What is done, how long it lasts, and what must be told of it. */
export interface Deed {
  readonly wanted: readonly Wanted[];
  readonly blinds?: boolean;
}

/** Numbers from a seed. */
export interface Draw {
  /** 0 <= x < 1 */
  ratio(): number;
  between(least: number, most: number): number;
  oneOf<T>(items: readonly T[]): T;
}

export interface Mischief {
  readonly guests: Readonly<Record<string, (name: string, draw: Draw) => Promise<Deed>>>;
  readonly host: Readonly<Record<string, (draw: Draw) => Promise<Deed>>>;
}

export interface Pace {
  readonly seconds: Seconds;
  /** Between two troubles of guests, on average. */
  readonly guestEvery: Seconds;
  readonly hostEvery: Seconds;
  /** How long a guest is left in peace after trouble: what is told of one must not be taken for another's. */
  readonly rest: Seconds;
}

function drawFrom(seed: number): Draw {
  let index = 0;
  const ratio = (): number => {
    index += 1;
    return randomAt(seed, index);
  };
  return {
    ratio,
    between: (least, most) => least + ratio() * (most - least),
    oneOf(items) {
      const item = items[Math.floor(ratio() * items.length)];
      if (item === undefined) throw new RangeError('nothing to draw from');
      return item;
    },
  };
}

/** Troubles at random, each kind in its turn, several at once; resolves when the last one is over. */
export async function makeTrouble(
  { guests, host }: Mischief,
  names: readonly string[],
  pace: Pace,
  seed: number,
): Promise<readonly Trouble[]> {
  const troubles: Trouble[] = [];
  const started = now();
  const failures: unknown[] = [];
  const calm = new Set(names);

  async function befall(kind: string, guest: string | undefined, act: () => Promise<Deed>): Promise<void> {
    const from = now();
    const { wanted, blinds = false } = await act();
    troubles.push({ kind, guest, from, until: now(), wanted, blinds });
  }

  async function guestTroubles(draw: Draw): Promise<void> {
    const under: Promise<void>[] = [];
    const kinds = Object.keys(guests);
    for (let turn = 0; now() - started < pace.seconds && failures.length === 0; turn++) {
      await sleep(draw.between(0, 2 * pace.guestEvery) * 1000);
      if (calm.size === 0) continue;
      const name = draw.oneOf([...calm]);
      const kind = kinds[turn % kinds.length] ?? '';
      const own = drawFrom(deriveSeed(seed, `${kind} ${turn}`));
      calm.delete(name);
      under.push(
        befall(kind, name, async () => (await guests[kind]?.(name, own)) ?? { wanted: [] })
          .catch((error: unknown) => void failures.push(new Error(`${kind} of ${name}`, { cause: error })))
          .then(() => {
            setTimeout(() => calm.add(name), pace.rest * 1000).unref();
          }),
      );
    }
    await Promise.all(under);
  }

  async function hostTroubles(draw: Draw): Promise<void> {
    const kinds = Object.entries(host);
    for (let turn = 0; failures.length === 0; turn++) {
      await sleep(draw.between(0.5, 1.5) * pace.hostEvery * 1000);
      if (now() - started >= pace.seconds) return;
      const [kind, act] = kinds[turn % kinds.length] ?? [];
      if (kind === undefined || act === undefined) return;
      await befall(kind, undefined, () => act(draw)).catch(
        (error: unknown) => void failures.push(new Error(kind, { cause: error })),
      );
    }
  }

  await Promise.all([
    guestTroubles(drawFrom(deriveSeed(seed, 'guests'))),
    hostTroubles(drawFrom(deriveSeed(seed, 'host'))),
  ]);
  if (failures.length > 0) throw failures[0];
  return troubles;
}

interface Told {
  readonly at: Seconds;
  readonly event: string;
  readonly uuid: string | undefined;
  readonly reason: unknown;
}

export interface Journal {
  readonly told: readonly Told[];
  /** When the daemon looked at its guests. */
  readonly ticks: readonly Seconds[];
}

/** The journal's events and ticks, on the monotonic clock. */
export async function toldIn(folder: string): Promise<Journal> {
  const told: Told[] = [];
  const ticks: Seconds[] = [];
  for await (const record of readJournal(folder)) {
    if (record.type === 'flaw' && !record.torn)
      throw new Error(`${record.file}:${record.line}: ${record.problem}`);
    if (record.type === 'tick') ticks.push(record.at.monotonic);
    if (record.type !== 'event') continue;
    const { at, event, uuid, detail } = record;
    told.push({ at: at.monotonic, event, uuid, reason: detail?.reason });
  }
  return { told, ticks };
}

/** Most that lies between what happens and the tick that tells of it, on a busy machine. */
const LATE: Seconds = 8;

/**
 * What was told, and what should have been and was not. Of what happened close to something that blinds, nothing is demanded.
 */
export function judge(
  troubles: readonly Trouble[],
  { told, ticks }: Journal,
): { readonly told: number; readonly untold: readonly string[] } {
  const blind = troubles.filter(({ blinds }) => blinds);
  const demanded = ({ guest, from, until }: Trouble): boolean =>
    guest === undefined || !blind.some(dark => from < dark.until + LATE && until + LATE > dark.from);
  const missing = troubles.map(trouble => ({
    trouble,
    lacks: trouble.wanted.filter(wanted => !told.some(one => isTold(trouble, wanted, one))),
  }));
  return {
    told: missing.filter(({ trouble: { wanted }, lacks }) => wanted.length > 0 && lacks.length === 0).length,
    untold: missing.flatMap(({ trouble, lacks }) =>
      demanded(trouble) ? lacks.map(wanted => describe(trouble, wanted, { told, ticks })) : [],
    ),
  };
}

function isTold(
  { from, until }: Trouble,
  { events, uuid, reasons }: Wanted,
  { at, event, uuid: of, reason }: Told,
): boolean {
  return (
    at >= from - 0.1 &&
    at <= until + LATE &&
    events.some(one => one === event) &&
    (uuid === undefined || of === uuid) &&
    (reasons === undefined || reasons.includes(String(reason)))
  );
}

/** What was told instead, and how often the daemon looked: a machine that left it no time is no fault of its own. */
function describe({ kind, guest, from, until }: Trouble, wanted: Wanted, { told, ticks }: Journal): string {
  const about = told
    .filter(({ at, uuid }) => at >= from - LATE && at <= until + 2 * LATE && uuid === wanted.uuid)
    .map(({ at, event, reason = '' }) => `${event} ${String(reason)} after ${(at - from).toFixed(1)} s`);
  const { events, reasons = [] } = wanted;
  const looks = ticks.filter(at => at >= from && at <= until).length;
  return `${kind} of ${guest ?? 'the host'} for ${(until - from).toFixed(1)} s and ${looks} ticks: no ${[...events, ...reasons].join('/')}, but ${about.join(', ')}`;
}

function now(): Seconds {
  return systemClock.now().monotonic;
}
