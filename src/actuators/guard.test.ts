import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { absoluteReserve, SHARED_STEP } from '../model/floor.ts';
import { ABSENT, known } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { guard } from './guard.ts';

describe('guard', () => {
  it('lets a shrink pass that leaves the guarantee and the need of the guest alone', () => {
    expect(guard(decisionOf(), sampleOf())).toEqual({ kind: 'pass', targetBytes: 1.5 * GiB });
  });

  it('raises a shrink to what the guest uses, its kernel and an absolute reserve', () => {
    const need = 500 * MiB + 100 * MiB + absoluteReserve(2 * GiB);
    expect(guard(decisionOf({ targetBytes: 600 * MiB }), sampleOf())).toEqual({
      kind: 'clamped',
      targetBytes: need,
      code: 'GUARD_FLOOR',
    });
  });

  it('raises a shrink to the guarantee', () => {
    const decision = decisionOf({ targetBytes: 900 * MiB, guarantees: { minBytes: GiB, maxBytes: 2 * GiB } });
    expect(guard(decision, sampleOf())).toMatchObject({ kind: 'clamped', targetBytes: GiB });
  });

  it('refuses a shrink of a guest that is already at its floor, and never turns it into a growth', () => {
    const sample = sampleOf({ readings: { current: known(640 * MiB), total: known(540 * MiB) } });
    expect(guard(decisionOf({ targetBytes: 600 * MiB }), sample)).toMatchObject({ kind: 'refused' });
  });

  it('H6: lets a shared shortage take of what is in use, but little at once, and never of the guarantee', () => {
    const readings = { current: known(1.2 * GiB), total: known(1.1 * GiB), used: known(1.05 * GiB) };
    const shared = (targetBytes: number, minBytes = GiB / 2) =>
      guard(
        decisionOf({
          reason: 'SHORTAGE_SHARED',
          currentBytes: 1.2 * GiB,
          targetBytes,
          guarantees: { minBytes, maxBytes: 2 * GiB },
        }),
        sampleOf({ readings }),
      );
    const lowest = 1.2 * GiB - SHARED_STEP * 2 * GiB;
    expect(shared(1.15 * GiB)).toEqual({ kind: 'pass', targetBytes: 1.15 * GiB });
    expect(shared(GiB)).toEqual({ kind: 'clamped', targetBytes: lowest, code: 'GUARD_FLOOR' });
    expect(shared(GiB, 1.18 * GiB)).toMatchObject({ kind: 'clamped', targetBytes: 1.18 * GiB });
    const unknown = sampleOf({ readings: { ...readings, used: ABSENT } });
    expect(guard(decisionOf({ reason: 'SHORTAGE_SHARED', targetBytes: 1.15 * GiB }), unknown).kind).toBe(
      'refused',
    );
  });

  it('H6: lets cold memory be taken of what is in use, but little at once, and never of the guarantee', () => {
    const cold = (targetBytes: number, minBytes = 256 * MiB) =>
      guard(
        decisionOf({ reason: 'COLD_TAKEN', targetBytes, guarantees: { minBytes, maxBytes: 2 * GiB } }),
        sampleOf(),
      );
    const lowest = 500 * MiB + 100 * MiB - SHARED_STEP * 2 * GiB;
    expect(cold(lowest)).toEqual({ kind: 'pass', targetBytes: lowest });
    expect(cold(lowest - MiB)).toEqual({ kind: 'clamped', targetBytes: lowest, code: 'GUARD_FLOOR' });
    expect(cold(lowest, 550 * MiB)).toMatchObject({ kind: 'clamped', targetBytes: 550 * MiB });
  });

  it.each(['used', 'total', 'current', 'max'] as const)('refuses a shrink when %s is not known', figure => {
    expect(guard(decisionOf(), sampleOf({ readings: { [figure]: ABSENT } })).kind).toBe('refused');
  });

  it('refuses a shrink on a stale report', () => {
    const stale = { value: 500 * MiB, ageSeconds: 60, quality: 'stale' } as const;
    expect(guard(decisionOf(), sampleOf({ readings: { used: stale } })).kind).toBe('refused');
  });

  it('refuses a shrink without a guarantee', () => {
    const { guarantees: _, ...decision } = decisionOf();
    expect(guard(decision, sampleOf()).kind).toBe('refused');
  });

  it('lowers a growth to the maximum', () => {
    expect(guard(decisionOf({ action: 'grow', targetBytes: 3 * GiB }), sampleOf())).toEqual({
      kind: 'clamped',
      targetBytes: 2 * GiB,
      code: 'GUARD_CEILING',
    });
  });

  it('lets a guest grow whose report is stale: giving back needs no fresh figures', () => {
    const sample = sampleOf({ readings: { used: ABSENT, current: known(GiB) } });
    expect(guard(decisionOf({ action: 'grow', targetBytes: 2 * GiB }), sample).kind).toBe('pass');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 0, -1])('refuses a target of %d', targetBytes => {
    expect(guard(decisionOf({ targetBytes }), sampleOf()).kind).toBe('refused');
    expect(guard(decisionOf({ action: 'grow', targetBytes }), sampleOf()).kind).toBe('refused');
  });

  it('refuses a sample of another guest, a guest that does not run, and no sample', () => {
    expect(guard(decisionOf(), sampleOf({ uuid: 'other' })).kind).toBe('refused');
    expect(guard(decisionOf(), sampleOf({ state: 'paused' })).kind).toBe('refused');
    expect(guard(decisionOf(), undefined).kind).toBe('refused');
  });

  it('never lets anything through that breaks a limit', () => {
    const size = fc.integer({ min: 0, max: 4 * GiB });
    fc.assert(
      fc.property(
        size,
        size,
        size,
        size,
        size,
        fc.constantFrom('shrink' as const, 'grow' as const),
        (target, current, used, total, min, action) => {
          const max = 4 * GiB;
          const sample = sampleOf({
            readings: { max: known(max), current: known(current), used: known(used), total: known(total) },
          });
          const verdict = guard(
            decisionOf({ action, targetBytes: target, guarantees: { minBytes: min, maxBytes: max } }),
            sample,
          );
          if (verdict.kind === 'refused') return;
          expect(verdict.targetBytes).toBeGreaterThan(0);
          expect(verdict.targetBytes).toBeLessThanOrEqual(max);
          if (action === 'grow') expect(verdict.targetBytes).toBeGreaterThanOrEqual(current);
          else {
            expect(verdict.targetBytes).toBeLessThan(current);
            expect(verdict.targetBytes).toBeGreaterThanOrEqual(
              Math.min(max, Math.max(min, used + absoluteReserve(max))),
            );
          }
        },
      ),
    );
  });
});
