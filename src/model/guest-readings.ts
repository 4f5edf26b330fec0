/**
 * The readings of one guest, in little room: a simulation makes a million of them a second. What the guest's report brings lies in rows
 * of numbers.
 */
import type { GuestFigure, Quality, Reading, Readings } from './reading.ts';
import type { Seconds } from './units.ts';

/** Figures that the guest's own report brings, and so mostly of one age. */
type ReportFigure = Exclude<GuestFigure, 'max' | 'current' | 'rss' | 'psiSome' | 'psiFull'>;

/** In the order of a row. */
const REPORT_FIGURES = [
  'total',
  'available',
  'free',
  'cache',
  'used',
  'swapInRate',
  'swapOutRate',
  'majorFaultRate',
  'oomKills',
  'allocStalls',
] as const satisfies readonly ReportFigure[];

/** A number for each figure of a report. */
type Row = readonly [number, number, number, number, number, number, number, number, number, number];

/** In the order of the numbers that stand for them, two bits each, in a report's `qualities`: those of the first figure are the lowest. */
const QUALITIES: readonly Quality[] = ['ok', 'stale', 'absent', 'implausible'];
const OK = 0;
const STALE = 1;
const ABSENT = 2;
const IMPLAUSIBLE = 3;

const NOTHING = rowOf(() => Number.NaN);

/** A figure of a report: undefined when it was not given, NaN when what was given cannot be. */
type Figure = number | undefined;

/** What the guest's report brings, as far as it may be acted on; NaN else: a number or nothing would be an object on the heap. */
export class ReportReadings {
  readonly #trusted: Row;
  /** NaN where there is none. */
  readonly values: Row;
  readonly ages: Row;
  readonly qualities: number;

  constructor(trusted: Row, values: Row, ages: Row, qualities: number) {
    this.#trusted = trusted;
    this.values = values;
    this.ages = ages;
    this.qualities = qualities;
  }

  get total(): number {
    return this.#trusted[0];
  }
  get available(): number {
    return this.#trusted[1];
  }
  get free(): number {
    return this.#trusted[2];
  }
  get cache(): number {
    return this.#trusted[3];
  }
  get used(): number {
    return this.#trusted[4];
  }
  get swapInRate(): number {
    return this.#trusted[5];
  }
  get swapOutRate(): number {
    return this.#trusted[6];
  }
  get majorFaultRate(): number {
    return this.#trusted[7];
  }
  get oomKills(): number {
    return this.#trusted[8];
  }
  get allocStalls(): number {
    return this.#trusted[9];
  }
}

/** A figure that may be acted on, else something else. */
export function figureOr<T>(figure: number, otherwise: T): number | T {
  return Number.isNaN(figure) ? otherwise : figure;
}

function readingAt({ values, ages, qualities }: ReportReadings, place: number): Reading {
  const value = values[place] ?? Number.NaN;
  const ageSeconds = ages[place] ?? 0;
  const quality = QUALITIES[qualityAt(qualities, place)] ?? 'absent';
  return Number.isNaN(value) ? { ageSeconds, quality } : { value, ageSeconds, quality };
}

function qualityAt(qualities: number, place: number): number {
  return (qualities >> (2 * place)) & 3;
}

/** A guest's readings, each under its name; those of the report are made when they are asked for. */
export class GuestReadings implements Readings<GuestFigure> {
  readonly max: Reading;
  readonly current: Reading;
  readonly rss: Reading;
  readonly psiSome: Reading;
  readonly psiFull: Reading;
  /** Of the report: `trusted(readings.used)` is `readings.trusted.used`, which costs next to nothing. */
  readonly trusted: ReportReadings;

  constructor(
    max: Reading,
    current: Reading,
    rss: Reading,
    psiSome: Reading,
    psiFull: Reading,
    trusted: ReportReadings,
  ) {
    this.max = max;
    this.current = current;
    this.rss = rss;
    this.psiSome = psiSome;
    this.psiFull = psiFull;
    this.trusted = trusted;
  }

  get total(): Reading {
    return readingAt(this.trusted, 0);
  }
  get available(): Reading {
    return readingAt(this.trusted, 1);
  }
  get free(): Reading {
    return readingAt(this.trusted, 2);
  }
  get cache(): Reading {
    return readingAt(this.trusted, 3);
  }
  get used(): Reading {
    return readingAt(this.trusted, 4);
  }
  get swapInRate(): Reading {
    return readingAt(this.trusted, 5);
  }
  get swapOutRate(): Reading {
    return readingAt(this.trusted, 6);
  }
  get majorFaultRate(): Reading {
    return readingAt(this.trusted, 7);
  }
  get oomKills(): Reading {
    return readingAt(this.trusted, 8);
  }
  get allocStalls(): Reading {
    return readingAt(this.trusted, 9);
  }

  /** All of them, to be listed or copied. */
  all(): Record<GuestFigure, Reading> {
    return {
      max: this.max,
      current: this.current,
      rss: this.rss,
      total: this.total,
      available: this.available,
      free: this.free,
      cache: this.cache,
      used: this.used,
      swapInRate: this.swapInRate,
      swapOutRate: this.swapOutRate,
      majorFaultRate: this.majorFaultRate,
      oomKills: this.oomKills,
      allocStalls: this.allocStalls,
      psiSome: this.psiSome,
      psiFull: this.psiFull,
    };
  }

  /** The same with some of them changed. */
  with(changes: Partial<Readings<GuestFigure>>): GuestReadings {
    return guestReadings({ ...this.all(), ...changes });
  }
}

export function guestReadings(readings: Readings<GuestFigure>): GuestReadings {
  const { max, current, rss, psiSome, psiFull } = readings;
  return new GuestReadings(
    max,
    current,
    rss,
    psiSome,
    psiFull,
    reportOf(figure => readings[figure]),
  );
}

/** The same reading of all that a report could bring. */
export function uniformReport(reading: Reading): ReportReadings {
  return reportOf(() => reading);
}

function reportOf(read: (figure: ReportFigure) => Reading): ReportReadings {
  const readings = REPORT_FIGURES.map(read);
  const codes = readings.map(({ quality }) => QUALITIES.indexOf(quality));
  const values = rowOf(place => readings[place]?.value ?? Number.NaN);
  const trusted = rowOf(place => (codes[place] === OK ? (values[place] ?? Number.NaN) : Number.NaN));
  const ages = rowOf(place => readings[place]?.ageSeconds ?? 0);
  const qualities = codes.reduce((bits, code, place) => bits | (code << (2 * place)), 0);
  return new ReportReadings(trusted, values, ages, qualities);
}

function rowOf(at: (place: number) => number): Row {
  return [at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7), at(8), at(9)];
}

/**
 * What one report brings. Written out, because every guest has one in every tick.
 *
 * @param quality of the figures that are given and can be
 * @param before of the report before, whose ages are given again where they are the same
 */
export function reportReadings(
  { total, available, free, cache }: Readonly<Record<'total' | 'available' | 'free' | 'cache', Figure>>,
  used: Figure,
  rates: Readonly<Record<'swapIn' | 'swapOut' | 'majorFaults' | 'oomKills' | 'allocStalls', Figure>>,
  ageSeconds: Seconds,
  quality: 'ok' | 'stale',
  before: ReportReadings,
): ReportReadings {
  const { swapIn, swapOut, majorFaults, oomKills, allocStalls } = rates;
  const good = quality === 'ok' ? OK : STALE;
  const qualities =
    codeOf(total, good) |
    (codeOf(available, good) << 2) |
    (codeOf(free, good) << 4) |
    (codeOf(cache, good) << 6) |
    (codeOf(used, good) << 8) |
    (codeOf(swapIn, good) << 10) |
    (codeOf(swapOut, good) << 12) |
    (codeOf(majorFaults, good) << 14) |
    (codeOf(oomKills, good) << 16) |
    (codeOf(allocStalls, good) << 18);
  const values: Row = [
    total ?? Number.NaN,
    available ?? Number.NaN,
    free ?? Number.NaN,
    cache ?? Number.NaN,
    used ?? Number.NaN,
    swapIn ?? Number.NaN,
    swapOut ?? Number.NaN,
    majorFaults ?? Number.NaN,
    oomKills ?? Number.NaN,
    allocStalls ?? Number.NaN,
  ];
  // The first figure is as old as all that are given; where it is not given itself, its age is 0.
  const same = before.qualities === qualities && before.ages[0] === ageSeconds;
  const ages = same ? before.ages : agesOf(qualities, ageSeconds);
  return new ReportReadings(quality === 'ok' ? values : NOTHING, values, ages, qualities);
}

function codeOf(figure: Figure, good: number): number {
  if (figure === undefined) return ABSENT;
  return Number.isNaN(figure) ? IMPLAUSIBLE : good;
}

function agesOf(qualities: number, ageSeconds: Seconds): Row {
  return rowOf(place => (qualityAt(qualities, place) === ABSENT ? 0 : ageSeconds));
}
