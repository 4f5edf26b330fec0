import { describe, expect, it } from 'vitest';
import type { Explanation } from '../../model/explanation.ts';
import { GiB, MiB } from '../../model/units.ts';
import { deepFreeze } from '../testing.ts';
import { explain } from './explain.ts';
import { decisionAt, type Moment } from './moment.ts';
import { renderExplanation } from './render.ts';
import { CALM, firstGuest, momentOf, POLICY, TIGHT } from './testing.ts';

const lineOf = (text: string) => POLICY.split('\n').findIndex(line => line.includes(text)) + 1;
const columnOf = (text: string) => (POLICY.split('\n')[lineOf(text) - 1] ?? '').indexOf(text) + 1;

function explained(moment: Moment): Explanation {
  return explain(moment, firstGuest(moment), { search: false });
}

describe('an explanation', () => {
  it('carries the decision that decide() makes, and points at the stage that made it', () => {
    const moment = momentOf(TIGHT, POLICY, 17);
    const { decision, decidedBy, at } = explained(deepFreeze(moment));

    expect(decision).toEqual(decisionAt(moment, firstGuest(moment)));
    expect(decision).toMatchObject({ action: 'hold', reason: 'COOLDOWN' });
    expect(decision.stages[decidedBy ?? -1]).toMatchObject({ stage: 'restraint', code: 'COOLDOWN' });
    expect(at).toBe(moment.now.wall);
  });

  it('names the field that sets a limit which bit, where it is written: of a layer before the policy itself', () => {
    const { limits } = explained(momentOf(TIGHT, POLICY, 17));
    expect(limits).toContainEqual({
      code: 'COOLDOWN',
      field: 'behavior.shrink.cooldown',
      source: { file: 'p.yaml', line: lineOf('cooldown: 20s'), column: columnOf('cooldown: 20s') },
    });
    const low = explained(momentOf('series: {host.available: 10GiB, vm-1.used: 300MiB}', POLICY, 17));
    expect(low.limits).toContainEqual({
      code: 'GUARANTEE_MIN',
      field: 'guarantees.min',
      source: { file: 'p.yaml', line: lineOf('{min: 2GiB}'), column: columnOf('min: 2GiB') },
    });
    expect(renderExplanation(low)).toMatch(/GUARANTEE_MIN \(guarantees\.min,\s+p\.yaml:29\)/);
    expect(lineOf('{min: 2GiB}')).toBe(29);
  });

  it('names the field of the host policy that shares a shortage, where it is written', () => {
    const policy = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  reserve: {bytes: 0B}
  shortage: share
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec: {match: {}}
`;
    const moment = momentOf(
      `guests: [{name: large, max: 8GiB, current: 6GiB}, {name: small, max: 8GiB, current: 2GiB}]
series:
  host.available: 0GiB
  large.used: 5.95GiB
  small.used: 1.99GiB
  large.swap_out_rate: 1MiB/sx3 0.1MiB/sx30
  small.swap_out_rate: 2MiB/s`,
      policy,
      20,
    );
    const explanation = explained(moment);
    expect(explanation.decision.reason).toBe('SHORTAGE_SHARED');
    expect(explanation.limits).toContainEqual({
      code: 'SHORTAGE_SHARED',
      field: 'shortage',
      source: { file: 'p.yaml', line: 6, column: 3 },
    });
    const deciding = explanation.decision.stages[explanation.decidedBy ?? -1];
    expect(deciding?.source).toEqual({ file: 'p.yaml', line: 6, column: 13 });
  });

  it('says of a limit that the policy leaves out that it is a default', () => {
    const bare = POLICY.replace(', cooldown: 20s', '');
    const limits = explained(momentOf(TIGHT, bare, 17)).limits;
    expect(limits.filter(({ isDefault }) => isDefault)).toMatchObject([
      { code: 'COOLDOWN', field: 'behavior.shrink.cooldown', source: { line: 13 } },
    ]);
  });

  it('names the governing policy and says of each other why it does not govern, the nearest first', () => {
    const { policy, others } = explained(momentOf(CALM, POLICY, 5));

    expect(policy).toEqual({
      ...{ name: 'all', description: 'Everything.', precedence: 100, mode: 'enforce' },
      source: { file: 'p.yaml', line: 13, column: 18 },
    });
    expect(others).toMatchObject([
      { name: 'last', precedence: 1, because: 'outranked', fields: [] },
      {
        ...{ name: 'large', precedence: 400, because: 'no-match' },
        fields: [{ field: 'match.expression', wants: 'guest.max > 32 * GiB', trace: { value: false } }],
      },
      {
        ...{ name: 'databases', because: 'excluded' },
        fields: [{ field: 'exclude.name', wants: 'vm-1', has: 'vm-1', holds: true }],
      },
      {
        ...{ name: 'gold', because: 'no-match' },
        fields: [
          { field: 'match.tags.tier', wants: 'gold', holds: false },
          { field: 'match.memory', wants: 'at least 16GiB', has: 8 * GiB, holds: false },
        ],
      },
    ]);
  });

  it('lists schedules and exceptions with whether they are in force', () => {
    expect(explained(momentOf(CALM, POLICY, 5)).layers).toMatchObject([
      { kind: 'schedule', name: 'night', inForce: false },
      {
        kind: 'exception',
        name: 'trial',
        inForce: true,
        reason: 'CHG-1',
        expiresAt: Date.UTC(2031, 0, 2) / 1000,
      },
    ]);
    const night = explained(momentOf(`start: 2026-01-05T23:00:00Z\n${CALM}`, POLICY, 5));
    expect(night.layers).toMatchObject([{ name: 'night', inForce: true }, { name: 'trial' }]);
  });

  it('says which level the host is at and since when, and what each level waits for', () => {
    const { host } = explained(momentOf(TIGHT, POLICY, 20));

    expect(host).toMatchObject({ mode: 'enforce', level: 'soft', policy: { name: 'host' } });
    // Three ticks before the first of the test the condition held already.
    expect(host.levelSeconds).toBe(8);
    expect(host.levels).toMatchObject([
      {
        name: 'hard',
        entered: false,
        heldSeconds: 23,
        forSeconds: 0,
        keepForSeconds: 30,
        trace: { value: false },
      },
      { name: 'soft', entered: true, heldSeconds: 23, forSeconds: 15, trace: { value: true } },
    ]);
    expect(host.budget?.totalBytes).toBeGreaterThan(0);
  });

  it('gives the truth tree of each condition and the parts of each quantity, as this tick evaluated them', () => {
    const { protectors, quantities } = explained(momentOf(TIGHT, POLICY, 20));

    expect(protectors).toMatchObject([
      {
        ...{ kind: 'veto', name: 'swapping', inForce: false },
        trace: { value: false, parts: [{ text: 'guest.swap_out_rate', value: 0, unit: 'bytes/s' }] },
      },
      { kind: 'relief', inForce: false, trace: { value: false } },
    ]);
    expect(quantities).toMatchObject([
      { name: 'vars.headroom', trace: { value: 256 * MiB } },
      {
        name: 'target',
        trace: {
          value: 2.25 * GiB,
          parts: [
            { text: 'guest.demand', value: 2 * GiB },
            { text: 'vars.headroom', value: 256 * MiB },
          ],
        },
      },
    ]);
  });

  it('tells a veto that only its hold time keeps from one whose condition holds', () => {
    const swaps = (until: number) =>
      `series: {host.available: 10GiB, vm-1.used: 2GiB, vm-1.swap_out_rate: 1MiB/sx${until} 0MiB/sx99}`;
    const [held] = explained(momentOf(swaps(20), POLICY, 30)).protectors;
    expect(held).toMatchObject({ name: 'swapping', inForce: true, secondsLeft: 50, trace: { value: false } });
    const [holds] = explained(momentOf(swaps(20), POLICY, 10)).protectors;
    expect(holds).toMatchObject({ inForce: true, trace: { value: true } });
    expect(holds).not.toHaveProperty('secondsLeft');
  });

  it('says what was not come to, of a guest that is held before its policy is asked', () => {
    const { decision, quantities, protectors } = explained(
      momentOf('series: {host.available: 10GiB, vm-1.used: _}', POLICY, 5),
    );

    expect(decision.reason).toBe('STATS_ABSENT');
    expect(quantities.map(({ trace }) => trace)).toEqual([undefined, undefined]);
    expect(protectors).toMatchObject([{ inForce: false }, { inForce: false }]);
  });

  it('explains an unmanaged guest by what every policy misses', () => {
    const guests = POLICY.replace(/match: \{\}/g, 'match: {name: [other]}');
    const { policy, decision, others, layers, quantities } = explained(momentOf(CALM, guests, 5));

    expect(policy).toBeUndefined();
    expect(decision.reason).toBe('UNMANAGED');
    expect([layers, quantities]).toEqual([[], []]);
    expect(others.map(({ fields }) => fields.length)).toEqual([1, 1, 1, 1, 2]);
  });

  it('is plain data, the same every time', () => {
    const moment = momentOf(TIGHT, POLICY, 20);
    const explanation = explain(moment, firstGuest(moment));
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
    expect(explain(moment, firstGuest(moment))).toEqual(explanation);
  });

  it('refuses a guest that the tick does not know', () => {
    expect(() => explain(momentOf(CALM, POLICY, 5), 'nobody')).toThrow(
      expect.objectContaining({ code: 'DOMAIN_NOT_FOUND' }),
    );
  });
});
