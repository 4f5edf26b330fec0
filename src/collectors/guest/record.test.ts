import { describe, expect, it } from 'vitest';
import { bench } from '../../../test/fakes/simulated-bench.ts';
import { DOMAIN_STATES, type DomainInfo, type StatValue } from '../../hypervisor/driver.ts';
import { BallonetError } from '../../model/errors.ts';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { fromBulk, fromSingleCalls } from './record.ts';

const domain = { name: 'g', uuid: '00000000-0000-0000-0000-000000000001', id: 1 };
const bulk = (params: Record<string, StatValue>, error?: BallonetError) =>
  fromBulk({ domain, params: new Map(Object.entries(params)), ...(error === undefined ? {} : { error }) });

describe('a bulk record', () => {
  it("translates libvirt's names: available is MemTotal, usable is MemAvailable, unused is MemFree", () => {
    const record = bulk({
      'state.state': 1,
      'balloon.current': 2 * MiB,
      'balloon.maximum': 4 * MiB,
      'balloon.swap_in': 1,
      'balloon.swap_out': 2,
      'balloon.major_fault': 3,
      'balloon.minor_fault': 4,
      'balloon.unused': 5,
      'balloon.available': 6,
      'balloon.usable': 7,
      'balloon.last-update': 8,
      'balloon.disk_caches': 9,
      'balloon.rss': 10,
    });

    expect(record).toEqual({
      domain,
      state: 'running',
      max: 4 * GiB,
      current: 2 * GiB,
      rss: 10 * KiB,
      report: {
        lastUpdate: 8,
        total: 6 * KiB,
        available: 7 * KiB,
        free: 5 * KiB,
        cache: 9 * KiB,
        swapIn: KiB,
        swapOut: 2 * KiB,
        majorFaults: 3,
        minorFaults: 4,
      },
    });
  });

  it('leaves absent what is not in it', () => {
    const { report } = bulk({ 'balloon.last-update': 8 });

    expect(report).toEqual({ lastUpdate: 8 });
  });

  it.each([
    ["QEMU has never heard of the guest's driver", { 'balloon.last-update': 0, 'balloon.rss': 1 }, 'none'],
    ['the domain has no balloon device', { 'balloon.current': 1, 'balloon.rss': 1 }, 'none'],
    ['a job holds the domain', { 'balloon.current': 1, 'balloon.maximum': 1 }, 'unasked'],
  ])('tells that %s', (_, params, report) => {
    expect(bulk(params).report).toBe(report);
  });

  it.each<[string, StatValue]>([
    ['a failed query of Windows', 18014398509481980],
    ['a PiB', 2 ** 40],
    ['a negative amount', -1],
    ['a fraction', 0.5],
    ['text', '12'],
    ['no number', Number.NaN],
  ])('keeps %s apart from an amount', (_, value) => {
    const record = bulk({ 'balloon.last-update': 8, 'balloon.current': value, 'balloon.usable': value });

    expect(record.current).toBeNaN();
    expect(record.report).toMatchObject({ available: Number.NaN });
  });

  it('takes a figure that the driver had to leave out for nonsense, not for absent', () => {
    const params = { 'balloon.last-update': 8, 'balloon.available': 100 };

    const { report } = bulk(params, new BallonetError('VALUE_OUT_OF_RANGE', 'usable'));

    expect(report).toMatchObject({ total: 100 * KiB, available: Number.NaN });
  });

  it('says nothing of a guest when its part of the bulk call failed', () => {
    expect(bulk({}, new BallonetError('HYPERVISOR_TIMEOUT', 'late'))).toEqual({
      domain,
      state: 'unknown',
      max: undefined,
      current: undefined,
      rss: undefined,
      report: 'unasked',
    });
  });

  it("has a state for each of libvirt's, and unknown for one to come", () => {
    const states = [...DOMAIN_STATES.keys(), 99].map(number => bulk({ 'state.state': number }).state);

    expect(states).toEqual([
      'unknown',
      'running',
      'running',
      'paused',
      'stopped',
      'stopped',
      'crashed',
      'paused',
      'unknown',
    ]);
  });
});

describe('a record out of single calls', () => {
  const info: DomainInfo = {
    state: 'running',
    maxMemKib: 4 * MiB,
    memoryKib: 3 * MiB,
    vcpus: 1,
    cpuTimeNs: 0n,
  };

  it("is what the tags say, with the maximum from the domain's info", () => {
    const stats = [
      { tag: 5, value: 7 },
      { tag: 8, value: 8 },
      { tag: 4, value: 4 },
      { tag: 9, value: 9 },
      { tag: 6, value: 6 },
    ];

    const record = fromSingleCalls(domain, info, stats);

    expect(record).toMatchObject({ state: 'running', max: 4 * GiB, current: 6 * KiB });
    expect(record.report).toMatchObject({ total: 7 * KiB, available: 8 * KiB, free: 4 * KiB, lastUpdate: 9 });
  });

  it('has the size of the info when the driver gives no statistics', () => {
    expect(fromSingleCalls(domain, info, [])).toMatchObject({ current: 3 * GiB, report: 'none' });
  });
});

describe('a bulk record with its figures beside its parameters', () => {
  it.each([
    ['that has not loaded its driver', {}, 3],
    ['that reports', { statsPeriod: 1 }, 30],
    ['without a balloon', { balloon: 'none' as const }, 30],
  ])('of a guest %s reads as by their names', async (_, spec, seconds) => {
    const { hypervisor, pass } = await bench(spec);
    pass(seconds);
    const [record] = await hypervisor.allDomainStats();
    expect(record?.figures).toBeDefined();
    if (record === undefined) return;
    expect(fromBulk(record)).toEqual(fromBulk({ domain: record.domain, params: new Map(record.params) }));
  });
});
