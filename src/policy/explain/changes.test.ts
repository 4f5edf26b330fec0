import { describe, expect, it } from 'vitest';
import type { Change } from '../../model/explanation.ts';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { explain } from './explain.ts';
import { firstGuest, firstMove, momentOf } from './testing.ts';

const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
  pressure: [{name: soft, when: host.available_ratio < 0.2, for: 15s, keepFor: 30s}]
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: 1GiB}
  estimate: {window: 1m, quantile: 1, growth: 0s}
  target: guest.demand + 512 * MiB
  behavior:
    tolerance: {percent: 0, bytes: 16MiB}
    shrink: {at: [soft], step: {max: 10%, min: 64MiB}, cooldown: 20s}
  vetoes: [{name: swapping, when: guest.swap_out_rate > 256 * KiB, hold: 1m}]
`;

function changesAt(body: string, seconds: number, policy = POLICY): readonly Change[] {
  const moment = momentOf(body, policy, seconds);
  return explain(moment, firstGuest(moment)).changes ?? [];
}

function only(changes: readonly Change[], kind: Change['kind']): Change {
  const [change, ...more] = changes.filter(candidate => candidate.kind === kind);
  if (change === undefined || more.length > 0) throw new Error(`not one change of kind ${kind}`);
  return change;
}

const series = (host: string, rest = 'vm-1.used: 2GiB') => `series: {host.available: ${host}, ${rest}}`;

describe('what would make a guest move', () => {
  it('is time, where a cooldown is all that holds it: as many seconds later it moves, and not before', () => {
    const { seconds } = only(changesAt(series('10GiB'), 17), 'wait');

    // The first shrink was at 12, when the level had held since three ticks before the test.
    expect(seconds).toBe(15);
    expect(firstMove(series('10GiB'), POLICY, 17)).toBe(17 + seconds);
  });

  it('is what the host has available, where its level forbids the move: lowered so far the guest moves, by a step less it does not', () => {
    const { figures, seconds, level, outcome } = only(changesAt(series('30GiB'), 30), 'host');

    expect(level).toBe('soft');
    expect(outcome).toMatchObject({ action: 'shrink', reason: 'STEP_LIMITED' });
    expect(figures.map(({ name, from }) => [name, from])).toEqual([
      ['host.available', 30 * GiB],
      ['host.available_ratio', 30 / 64],
    ]);
    const to = (figures[0]?.to ?? 0) / MiB;
    const lowered = (mib: number) => series(`30GiBx30 ${mib}MiBx600`);
    expect(firstMove(lowered(to), POLICY, 30)).toBe(30 + seconds);
    expect(firstMove(lowered(to + 1), POLICY, 30)).toBeUndefined();
  });

  it('is demand, where the target is as good as reached: with so much more or less used it moves, with a step less it does not', () => {
    const changes = changesAt(series('10GiB'), 300).filter(({ kind }) => kind === 'demand');
    const differences = changes.map(({ figures: [figure] }) => ((figure?.to ?? 0) - 2 * GiB) / MiB);
    const [less = 0, more = 0] = differences.toSorted((a, b) => a - b);
    const movesWith = (mib: number) =>
      firstMove(series('10GiB', `vm-1.used: 2GiBx300 ${2048 + mib}MiBx600`), POLICY, 301) !== undefined;

    expect([less < 0, more > 0]).toEqual([true, true]);
    expect([movesWith(less), movesWith(less + 1)]).toEqual([true, false]);
    expect([movesWith(more), movesWith(more - 1)]).toEqual([true, false]);
  });

  it('is the figure that a veto reads, and then the time that the veto is kept', () => {
    const swaps = (rate: string) => series('10GiB', `vm-1.used: 2GiB, vm-1.swap_out_rate: ${rate}`);
    const { figures, seconds } = only(changesAt(swaps('1MiB/s'), 30), 'guest');
    const to = figures[0]?.to ?? 0;
    const lowered = (bytes: number) => swaps(`1MiB/sx30 ${bytes / KiB}KiB/sx600`);

    expect(figures).toEqual([{ name: 'guest.swap_out_rate', unit: 'bytes/s', from: MiB, to: 256 * KiB }]);
    expect(firstMove(lowered(to), POLICY, 30)).toBe(30 + seconds);
    expect(firstMove(lowered(to + KiB), POLICY, 30)).toBeUndefined();
  });

  it('is a field of the policy, with the line of the policy', () => {
    const fields = (changes: readonly Change[]) => changes.flatMap(({ field }) => field?.name ?? []);
    const calm = changesAt(series('30GiB'), 30).filter(({ kind }) => kind === 'policy');
    expect(calm).toMatchObject([
      { field: { name: 'behavior.shrink.at', to: 'soft, none', source: { file: 'p.yaml' } }, seconds: 1 },
    ]);
    const opened = POLICY.replace('at: [soft]', 'at: [soft, none]');
    expect(firstMove(series('30GiB'), opened, 0)).toBeDefined();
    expect(firstMove(series('30GiB'), POLICY, 0)).toBeUndefined();

    const observing = POLICY.replace('match: {}', 'match: {}\n  mode: observe');
    expect(fields(changesAt(series('10GiB'), 30, observing))).toEqual(['mode']);
  });

  it('is the end of the move under way', () => {
    // The balloon stays where it is, whatever it has been told.
    const stuck = series('10GiB', 'vm-1.used: 2GiB, vm-1.current: 8GiB');
    const { decision, changes } = (() => {
      const moment = momentOf(stuck, POLICY, 14);
      return explain(moment, firstGuest(moment));
    })();
    expect(decision.reason).toBe('MOVE_IN_FLIGHT');
    expect(only(changes ?? [], 'arrive').outcome.action).toBe('shrink');
  });

  it('is nothing for a guest that moves, and for one that no policy governs', () => {
    expect(changesAt(series('10GiB'), 12)).toEqual([]);
    expect(changesAt(series('10GiB'), 30, POLICY.replace('match: {}', 'match: {name: [other]}'))).toEqual([]);
  });

  it('comes with what is decided then, the shortest wait first', () => {
    const changes = changesAt(series('30GiB'), 30);
    const waits = changes.map(({ seconds }) => seconds);
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    for (const { outcome } of changes)
      expect(outcome).toMatchObject({ action: 'shrink', targetBytes: Math.ceil(7.2 * 1024) * MiB });
  });
});
