import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UNKNOWN } from '../../../test/fakes/fake-qemu.ts';
import { isBallonetError } from '../../model/errors.ts';
import { memoryStatsToRecord } from '../../model/memory-stats.ts';
import { readGuestStats } from './guest-stats.ts';
import { parseJson } from './json.ts';

function read(stats: Readonly<Record<string, string>>, lastUpdate = '1700000000') {
  const fields = Object.entries(stats).map(([name, value]) => `"${name}": ${value}`);
  const result = readGuestStats(parseJson(`{"stats": {${fields.join(', ')}}, "last-update": ${lastUpdate}}`));
  return { ...result, record: memoryStatsToRecord(result.stats) };
}

describe('guest-stats', () => {
  it('become KiB, counts and seconds under the names of libvirt', () => {
    const { record } = read({
      'stat-swap-in': '4096',
      'stat-swap-out': '8192',
      'stat-major-faults': '5',
      'stat-minor-faults': '6',
      'stat-free-memory': '1048576',
      'stat-total-memory': '1073741824',
      'stat-available-memory': '536870912',
      'stat-disk-caches': '2097152',
      'stat-htlb-pgalloc': '7',
      'stat-htlb-pgfail': '8',
    });

    expect(record).toEqual({
      swap_in: 4,
      swap_out: 8,
      major_fault: 5,
      minor_fault: 6,
      unused: 1024,
      available: 1_048_576,
      usable: 524_288,
      last_update: 1_700_000_000,
      disk_caches: 2048,
      hugetlb_pgalloc: 7,
      hugetlb_pgfail: 8,
    });
  });

  it.each([UNKNOWN, '-1'])('that are %s are absent, not zero and not rounded', marker => {
    const { record, tooLarge } = read(
      { 'stat-total-memory': marker, 'stat-major-faults': marker, 'stat-oom-kills': marker },
      '0',
    );
    expect(record).toEqual({ last_update: 0 });
    expect(tooLarge).toEqual([]);
  });

  it('that are beyond 2^53-1 are refused one by one', () => {
    const { record, tooLarge } = read({
      // What Windows' driver sends when its query failed: -1 times the page size.
      'stat-available-memory': '18446744073709547520',
      'stat-minor-faults': '9007199254740992',
      'stat-total-memory': '1073741824',
    });
    expect(record).toEqual({ available: 1_048_576, last_update: 1_700_000_000 });
    expect(tooLarge.toSorted()).toEqual(['stat-available-memory', 'stat-minor-faults']);
  });

  it('that are implausible and representable pass as they are', () => {
    expect(read({ 'stat-total-memory': String(2n ** 62n) }).record.available).toBe(2 ** 52);
  });

  it('of a newer QEMU are kept for bulk records and out of the list', () => {
    const { extra, stats } = read({
      'stat-oom-kills': '1',
      'stat-alloc-stalls': '2',
      'stat-async-scans': '3',
      'stat-direct-scans': '4',
      'stat-async-reclaims': '5',
      'stat-direct-reclaims': '6',
      'stat-of-tomorrow': '7',
    });
    expect(Object.fromEntries(extra)).toEqual({
      'balloon.oom_kills': 1,
      'balloon.alloc_stalls': 2,
      'balloon.async_scans': 3,
      'balloon.direct_scans': 4,
      'balloon.async_reclaims': 5,
      'balloon.direct_reclaims': 6,
    });
    expect(stats.map(({ tag }) => tag)).toEqual([9]);
  });

  it.each([
    '[]',
    '{}',
    '{"stats": {}}',
    '{"stats": [], "last-update": 0}',
    '{"stats": {"stat-swap-in": "1"}, "last-update": 0}',
    '{"stats": {"stat-swap-in": 1.5}, "last-update": 0}',
  ])('of another shape are refused: %s', text => {
    try {
      readGuestStats(parseJson(text));
      expect.unreachable();
    } catch (error) {
      expect(isBallonetError(error, 'PROTOCOL')).toBe(true);
    }
  });

  it('give an amount rounded down to KiB for every unsigned 64-bit figure that can be represented', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }), bytes => {
        const { record, tooLarge } = read({ 'stat-free-memory': String(bytes) });
        const kib = bytes / 1024n;
        if (kib > Number.MAX_SAFE_INTEGER) expect(tooLarge).toEqual(['stat-free-memory']);
        else expect(record.unused).toBe(Number(kib));
      }),
    );
  });
});
