/**
 * The world of a policy test: figures as the test's series give them, sensible ones where it gives none, and guests that stand
 * at their targets one tick after a decision.
 */
import type { Decision } from '../../model/decision.ts';
import { guestReadings } from '../../model/guest-readings.ts';
import {
  ABSENT,
  type GuestFigure,
  type GuestSample,
  type HostFigure,
  known,
  type Quality,
  type Reading,
  type Readings,
  type Snapshot,
} from '../../model/snapshot.ts';
import type { Bytes, Seconds } from '../../model/units.ts';
import { DEFAULT_USE } from '../schema/policy-test.ts';
import type { PolicyTest, TestGuest } from './policy-test.ts';
import { type Sample, type Series, sampleAt } from './series.ts';

/** What guests have been up for when a test starts; no policy takes them for booting. */
const UPTIME: Seconds = 3600;

/** A report above its guest's maximum by more than this contradicts itself; the collector judges by the same share. */
const TOTAL_SLACK = 1.02;

type ReportFigure = Exclude<GuestFigure, 'max' | 'current' | 'rss'>;

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
  'psiSome',
  'psiFull',
] as const satisfies readonly ReportFigure[];

interface Report {
  readonly figures: Readings<ReportFigure>;
  readonly at: Seconds;
  readonly epoch: number;
}

interface Body {
  readonly guest: TestGuest;
  size: Bytes;
  report: Report | undefined;
  reports: number;
  epoch: number;
  epochBegan: Seconds;
  /** Last value of each figure that the hypervisor gives, and when it was given. */
  readonly last: Map<string, { readonly value: number; readonly at: Seconds }>;
}

/** The world of one run of a test. */
export interface Plant {
  /** The world at a tick; a tick under 0 is before the test, and looks like its first. Ticks go forward. */
  snapshotAt(tick: number): Snapshot;
  /** Lets guests follow what was decided, where the policies enforce it. */
  follow(decisions: readonly Decision[]): void;
}

export function createPlant(test: PolicyTest): Plant {
  const { interval, host, policies } = test;
  const begin = Number.NEGATIVE_INFINITY;
  const bodies = test.guests.map(
    (guest): Body => ({
      guest,
      size: guest.current,
      report: undefined,
      reports: 0,
      epoch: numberAt(guest.series.get('boots'), 0) ?? 1,
      epochBegan: begin,
      last: new Map(),
    }),
  );
  const byUuid = new Map(bodies.map(body => [body.guest.uuid, body]));
  const hostLast: Body['last'] = new Map();

  function hostReadings(tick: number, at: Seconds, guests: readonly GuestSample[]): Readings<HostFigure> {
    const resident = guests.reduce((sum, { readings }) => sum + (readings.rss.value ?? 0), 0);
    const others = numberAt(host.series.get('others'), tick) ?? host.others;
    const given = (figure: HostFigure, fallback: Reading): Reading =>
      sourceReading(hostLast, figure, host.series.get(figure), tick, at) ?? fallback;
    const total = given('total', known(host.memory));
    const left = total.value === undefined ? ABSENT : known(Math.max(0, total.value - others - resident));
    const available = given('available', left);
    const still = known(0);
    return {
      total,
      available,
      free: given('free', available),
      swapUsed: given('swapUsed', still),
      swapInRate: given('swapInRate', still),
      swapOutRate: given('swapOutRate', still),
      committed: given('committed', ABSENT),
      psiSomeAvg10: given('psiSomeAvg10', still),
      psiSomeAvg60: given('psiSomeAvg60', still),
      psiSomeAvg300: given('psiSomeAvg300', still),
      psiFullAvg10: given('psiFullAvg10', still),
      psiFullAvg60: given('psiFullAvg60', still),
      psiFullAvg300: given('psiFullAvg300', still),
    };
  }

  return {
    snapshotAt(tick) {
      const at = tick * interval;
      const guests = bodies.map((body, index) =>
        guestSample(body, index, Math.max(0, tick), at, policies.host.staleAfterSeconds),
      );
      const readings = hostReadings(Math.max(0, tick), at, guests);
      return { sequence: tick, host: { readings, source: 'test' }, guests };
    },
    follow(decisions) {
      if (policies.host.mode !== 'enforce') return;
      for (const { uuid, action, targetBytes } of decisions) {
        const body = byUuid.get(uuid);
        if (body !== undefined && action !== 'hold' && targetBytes !== undefined) body.size = targetBytes;
      }
    },
  };
}

function guestSample(body: Body, index: number, tick: number, at: Seconds, staleAfter: Seconds): GuestSample {
  const { guest, last } = body;
  const { series } = guest;
  const epoch = numberAt(series.get('boots'), tick) ?? 1;
  if (epoch !== body.epoch) Object.assign(body, { epoch, epochBegan: at, reports: 0 });
  const max = sourceReading(last, 'max', series.get('max'), tick, at) ?? known(guest.max);
  const current = sourceReading(last, 'current', series.get('current'), tick, at) ?? known(body.size);
  const size = current.value ?? body.size;
  const rss = sourceReading(last, 'rss', series.get('rss'), tick, at) ?? known(size);

  if (!REPORT_FIGURES.some(figure => sampleOf(series.get(figure), tick) === 'stale')) {
    body.report = { figures: newReport(guest, tick, size, max.value), at, epoch };
    body.reports += 1;
  }
  const { report } = body;
  const age = report === undefined ? undefined : at - report.at;
  const stale = age !== undefined && (age > staleAfter || report?.epoch !== epoch);
  return {
    uuid: guest.uuid,
    name: guest.name,
    id: index + 1,
    ...(guest.title === undefined ? {} : { title: guest.title }),
    ...(guest.tags === undefined ? {} : { tags: guest.tags }),
    ...(guest.os === undefined ? {} : { os: guest.os }),
    balloon: { device: 'virtio', autodeflate: false },
    state: 'running',
    readings: guestReadings({ max, current, rss, ...aged(report, age ?? 0, stale) }),
    ...(age === undefined ? {} : { statsAgeSeconds: age }),
    epoch,
    reportsInEpoch: body.reports,
    uptimeSeconds: numberAt(series.get('uptime'), tick) ?? Math.min(UPTIME + at, at - body.epochBegan),
  };
}

/** What the guest says of itself: as given, else by what is given, else as a guest that uses half of what it started with. */
function newReport(
  { series, current }: TestGuest,
  tick: number,
  size: Bytes,
  max?: Bytes,
): Readings<ReportFigure> {
  const given = (figure: ReportFigure, fallback: number | undefined): number | undefined => {
    const sample = sampleOf(series.get(figure), tick);
    if (sample === undefined) return fallback;
    return typeof sample === 'number' ? sample : undefined;
  };
  const total = given('total', size);
  // A guest cannot use more than it has: what its load wants beyond that is swapped out or waits.
  const within = (use: number | undefined) =>
    use === undefined || total === undefined ? use : Math.min(use, total);
  const byUse = series.has('used') || !series.has('available');
  const load = byUse ? within(given('used', DEFAULT_USE * current)) : undefined;
  const available = given('available', difference(total, load));
  const used = byUse ? load : within(difference(total, available));
  const figures = { total, available, used, free: given('free', available), cache: given('cache', 0) };
  const plausible = isPlausible(figures, max);
  const level = (value: number | undefined): Reading =>
    value === undefined ? ABSENT : plausible ? known(value) : { ageSeconds: 0, quality: 'implausible' };
  const rate = (value: number | undefined): Reading => (value === undefined ? ABSENT : known(value));
  return {
    total: level(total),
    available: level(available),
    used: level(used),
    free: level(figures.free),
    cache: level(figures.cache),
    swapInRate: rate(given('swapInRate', 0)),
    swapOutRate: rate(given('swapOutRate', 0)),
    majorFaultRate: rate(given('majorFaultRate', 0)),
    oomKills: rate(given('oomKills', undefined)),
    allocStalls: rate(given('allocStalls', undefined)),
    psiSome: rate(given('psiSome', undefined)),
    psiFull: rate(given('psiFull', undefined)),
  };
}

type Figures = Readonly<Partial<Record<'total' | 'available' | 'free' | 'used', number | undefined>>>;

/** As the collector judges reports: one that contradicts itself or its guest's size is not believed. */
function isPlausible({ total, available = 0, free = 0, used = 0 }: Figures, max?: Bytes): boolean {
  if (used < 0) return false;
  if (total === undefined) return true;
  return (
    total > 0 && available <= total && free <= total && (max === undefined || total <= max * TOTAL_SLACK)
  );
}

function difference(whole: number | undefined, part: number | undefined): number | undefined {
  return whole === undefined || part === undefined ? undefined : whole - part;
}

function aged(report: Report | undefined, age: Seconds, stale: boolean): Readings<ReportFigure> {
  const of = (figure: ReportFigure): Reading => {
    const reading = report?.figures[figure];
    if (reading === undefined) return ABSENT;
    const quality: Quality = stale && reading.quality === 'ok' ? 'stale' : reading.quality;
    return { ...reading, ageSeconds: age, quality };
  };
  return {
    total: of('total'),
    available: of('available'),
    used: of('used'),
    free: of('free'),
    cache: of('cache'),
    swapInRate: of('swapInRate'),
    swapOutRate: of('swapOutRate'),
    majorFaultRate: of('majorFaultRate'),
    oomKills: of('oomKills'),
    allocStalls: of('allocStalls'),
    psiSome: of('psiSome'),
    psiFull: of('psiFull'),
  };
}

/** A figure that is read from its source in each tick; undefined when the test gives no series for it. */
function sourceReading(
  last: Body['last'],
  figure: string,
  series: Series | undefined,
  tick: number,
  at: Seconds,
): Reading | undefined {
  const sample = sampleOf(series, tick);
  if (sample === undefined) return undefined;
  if (typeof sample === 'number') {
    last.set(figure, { value: sample, at });
    return known(sample);
  }
  const before = sample === 'stale' ? last.get(figure) : undefined;
  return before === undefined
    ? ABSENT
    : { value: before.value, ageSeconds: at - before.at, quality: 'stale' };
}

function sampleOf(series: Series | undefined, tick: number): Sample | undefined {
  return series === undefined ? undefined : sampleAt(series, tick);
}

function numberAt(series: Series | undefined, tick: number): number | undefined {
  const sample = sampleOf(series, tick);
  return typeof sample === 'number' ? sample : undefined;
}
