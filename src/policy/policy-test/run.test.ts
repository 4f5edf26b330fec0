import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import { createPlant } from './plant.ts';
import { runPolicyTest } from './run.ts';
import { failuresOf, POLICY, soundTest, testText } from './testing.ts';

function decisionsOf(body: string, policy: string = POLICY) {
  const rows: string[] = [];
  runPolicyTest(soundTest(testText(body), policy), ({ decisions, state }) => {
    const texts = decisions.map(
      ({ action, reason, currentBytes = 0, targetBytes = 0 }) =>
        `${action} ${reason} ${currentBytes / MiB}->${targetBytes / MiB}`,
    );
    rows.push([state.pressure.level, ...texts].join(' '));
  });
  return rows;
}

describe('runPolicyTest', () => {
  it('begins with guests that have settled and a host that has shown nothing yet', () => {
    const rows = decisionsOf(
      'series: {host.available: 9GiB, vm-1.used: 2GiB}\nduration: 1s\nalways: ["true"]',
    );

    expect(rows[0]).toBe('soft shrink SHRINK 8192->2304');
  });

  it('lets the time that a level must hold begin at time 0', () => {
    const slow = POLICY.replace('keepFor: 5s', 'for: 3s, keepFor: 5s');
    const rows = decisionsOf('series: {host.available: 9GiBx4, vm-1.used: 2GiB}\nalways: ["true"]', slow);

    expect(rows.map(row => row.split(' ')[0])).toEqual(['none', 'none', 'none', 'soft', 'soft']);
  });

  it('lets no level be entered before time 0, whatever it looks at', () => {
    const absolute = POLICY.replace('host.available_ratio < 0.2,', 'host.available < 10 * GiB, for: 3s,');
    const rows = decisionsOf('series: {host.available: 9GiBx4}\nalways: ["true"]', absolute);

    expect(rows.map(row => row.split(' ')[0])).toEqual(['none', 'none', 'none', 'soft', 'soft']);
  });

  it('has a guest at its target one tick after the decision', () => {
    const rows = decisionsOf('series: {host.available: 9GiBx2, vm-1.used: 2GiB}\nalways: ["true"]');

    expect(rows[1]).toBe('soft hold WITHIN_TOLERANCE 2304->2304');
  });

  it('moves nothing where the policies only observe', () => {
    const observing = POLICY.replace('mode: enforce', 'mode: observe');
    const rows = decisionsOf(
      'series: {host.available: 9GiBx2, vm-1.used: 2GiB}\nalways: ["true"]',
      observing,
    );

    expect(rows.at(-1)).toBe('soft shrink SHRINK 8192->2304');
  });

  it('runs the schedule of ticks that interval and duration say', () => {
    expect(decisionsOf('interval: 5s\nduration: 1m\nalways: ["true"]')).toHaveLength(13);
    expect(decisionsOf('interval: 100ms\nexpect: [{at: 300ms, level: none}]')).toHaveLength(4);
    expect(decisionsOf('series: {host.free: 1GiBx9}\nexpect: [{at: 4s, level: none}]')).toHaveLength(10);
  });

  it('passes when all is as expected', () => {
    const body = `series: {host.available: 30GiBx9 9GiBx20 30GiB, vm-1.used: 2GiB}
expect:
  - {at: 9s, level: none, guest: vm-1, action: hold, reason: LEVEL_FORBIDS, target: 8GiB, policy: all}
  - {at: 10s, level: soft, guest: vm-1, action: shrink, target: 2304MiB}
  - {at: 20s, within: 20s, level: none}
always: [vm-1.target >= vm-1.used + 256 * MiB]
never: [{action: grow}, {guest: vm-1, reason: EXPRESSION_FAILED}, {level: none, action: shrink}]`;

    expect(failuresOf(body)).toEqual([]);
  });

  it.each([
    ['{at: 1s, level: none}', 'soft'],
    ['{at: 1s, guest: vm-1, action: grow}', 'hold'],
    ['{at: 0s, guest: vm-1, target: 8GiB}', 2304 * MiB],
    ['{at: 0s, guest: vm-1, target: {atLeast: 2305MiB}}', 2304 * MiB],
    ['{at: 0s, guest: vm-1, target: {atMost: 2303MiB}}', 2304 * MiB],
    ['{at: 0s, guest: vm-1, reason: OK}', 'SHRINK'],
    ['{at: 0s, guest: vm-1, policy: other}', 'all'],
    ['{at: 0s, within: 9s, guest: vm-1, action: grow}', 'hold'],
  ])('fails at %s, with what was there instead', (expectation, got) => {
    const other = POLICY.split('---\n')[1]?.replace('name: all', 'name: other').replace('{}', '{name: [x]}');
    const policy = `${POLICY}---\n${other?.replace('match:', 'precedence: 1\n  match:')}`;
    const failures = failuresOf(
      `series: {host.available: 9GiBx20, vm-1.used: 2GiB}\nexpect: [${expectation}]`,
      policy,
    );

    expect(failures.map(failure => [...failure.got.values()])).toEqual([[got]]);
  });

  it('shows the stages of the guest that an expectation is about', () => {
    const [failure] = failuresOf(
      'series: {host.available: 9GiB, vm-1.used: 2GiB}\nexpect: [{at: 0s, guest: vm-1, action: grow}]',
    );

    expect(failure?.stages.map(({ stage }) => stage)).toEqual([
      'demand',
      'target',
      'guarantees',
      'budget',
      'restraint',
    ]);
    expect(failure?.source).toEqual({ file: 'p.test.yaml', line: 8, column: 10 });
  });

  it('counts the ticks in which a condition did not hold, and shows the first', () => {
    const [failure] = failuresOf(
      'series: {host.available: 30GiBx3 9GiBx5, vm-1.used: 2GiB}\nalways: [vm-1.target > 4 * GiB]',
    );

    expect(failure).toMatchObject({ kind: 'always', at: 4, more: 5, guest: 'vm-1' });
    expect(failure?.got.get('vm-1.target')).toBe(2304 * MiB);
  });

  it('takes a condition that cannot be told for one that does not hold', () => {
    const [failure] = failuresOf('series: {vm-1.cache: 1GiB _}\nalways: [vm-1.cache > 0]');

    expect(failure?.problem).toContain('cache');
    expect(failure?.at).toBe(1);
  });

  it('fails at a decision that must not be made, of any guest', () => {
    const [failure] = failuresOf(
      'series: {host.available: 30GiBx3 9GiBx5, vm-1.used: 2GiB}\nnever: [{action: shrink, level: soft}]',
    );

    expect(failure).toMatchObject({ kind: 'never', at: 4, more: 0, guest: 'vm-1' });
  });

  it('gives the same result each time', () => {
    const available = fc.array(fc.integer({ min: 0, max: 64 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(available, fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }), (host, used) => {
        const body = `series: {host.available: ${host.map(gib => `${gib}GiB`).join(' ')}, vm-1.used: ${used.map(gib => `${gib}GiB`).join(' ')}}\nalways: [vm-1.target >= 2 * GiB && vm-1.target <= vm-1.max]`;
        const test = soundTest(testText(body));

        expect(runPolicyTest(test)).toEqual(runPolicyTest(test));
        expect(runPolicyTest(test).failures).toEqual([]);
      }),
      { numRuns: 25 },
    );
  });
});

describe('the world of a test', () => {
  function worldOf(body: string) {
    const plant = createPlant(soundTest(testText(`${body}\nalways: ["true"]`)));
    return (tick: number) => {
      const { host, guests } = plant.snapshotAt(tick);
      const [guest] = guests;
      if (guest === undefined) throw new Error('there is one guest');
      return { host: host.readings, guest };
    };
  }

  it('has a guest that uses half of its size, all of it resident, on a host without anybody else', () => {
    const { host, guest } = worldOf('')(0);

    expect(guest.readings.used.value).toBe(4 * GiB);
    expect(guest.readings.available.value).toBe(4 * GiB);
    expect(guest.readings.total.value).toBe(8 * GiB);
    expect(host.available.value).toBe(56 * GiB);
    expect(host.psiFullAvg10).toMatchObject({ value: 0, quality: 'ok' });
    expect(host.committed.quality).toBe('absent');
  });

  it('derives what is not given from what is', () => {
    const { guest } = worldOf('series: {vm-1.available: 7GiB}')(0);

    expect(guest.readings.used.value).toBe(GiB);
  });

  it('lets no guest use more than it has', () => {
    const { guest } = worldOf('series: {vm-1.used: 9GiB}')(0);

    expect(guest.readings.used.value).toBe(8 * GiB);
    expect(guest.readings.available.value).toBe(0);
  });

  it('has no reading for a missing sample', () => {
    const world = worldOf('series: {vm-1.used: 1GiB _, host.available: 9GiB _}');
    world(0);
    const { guest, host } = world(1);

    expect(guest.readings.used.quality).toBe('absent');
    expect(guest.readings.available.quality).toBe('absent');
    expect(host.available.quality).toBe('absent');
    expect(guest.statsAgeSeconds).toBe(0);
  });

  it('lets the whole report age while one of its figures is stale, and a fresh one end it', () => {
    const world = worldOf('series: {vm-1.used: 1GiB stalex12 2GiB}');
    const samples = Array.from({ length: 14 }, (_, tick) => world(tick).guest);

    expect(samples.map(({ statsAgeSeconds }) => statsAgeSeconds)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0,
    ]);
    expect(samples.map(({ readings }) => readings.available.quality === 'stale').indexOf(true)).toBe(11);
    expect(samples.at(-1)?.readings.used.value).toBe(2 * GiB);
    expect(new Set(samples.map(({ reportsInEpoch }) => reportsInEpoch)).size).toBe(2);
  });

  it('does not believe a report that contradicts itself', () => {
    expect(worldOf('series: {vm-1.available: 9GiB}')(0).guest.readings.used.quality).toBe('implausible');
    expect(worldOf('series: {vm-1.total: 9GiB}')(0).guest.readings.total.quality).toBe('implausible');
  });

  it('begins a new epoch when boots changes', () => {
    const world = worldOf('series: {vm-1.boots: 1x4 2x4}');
    const samples = Array.from({ length: 8 }, (_, tick) => world(tick).guest);

    expect(samples.map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1, 1, 2, 2, 2]);
    expect(samples.map(({ uptimeSeconds }) => uptimeSeconds).slice(4)).toEqual([3604, 0, 1, 2]);
    expect(samples[5]?.reportsInEpoch).toBe(1);
  });

  it('does not believe figures of before a boot', () => {
    const world = worldOf('series: {vm-1.boots: 1x2 2, vm-1.used: 1GiBx2 stale 2GiB}');
    const samples = Array.from({ length: 5 }, (_, tick) => world(tick).guest);

    expect(samples.map(({ readings }) => readings.used.quality)).toEqual(['ok', 'ok', 'ok', 'stale', 'ok']);
  });

  it('writes UUIDs as libvirt does', () => {
    const uuid = '6D1B7C1E-3A2F-4C55-9D0A-000000000001';
    const text = testText('always: ["true"]').replace('name: vm-1', `name: vm-1, uuid: ${uuid}`);

    expect(soundTest(text).guests[0]?.uuid).toBe(uuid.toLowerCase());
  });

  it('lets the host have more when guests give and others are given', () => {
    const test = soundTest(
      testText('series: {vm-1.used: 1GiB}\nalways: ["true"]').replace(
        'memory: 64GiB',
        'memory: 9GiB, others: 512MiB',
      ),
    );
    const seen: number[] = [];
    const plant = createPlant(test);
    for (const tick of [0, 1]) {
      const { host, guests } = plant.snapshotAt(tick);
      seen.push(host.readings.available.value ?? 0);
      const uuid = guests[0]?.uuid ?? '';
      plant.follow([{ ...SHRINK, uuid, targetBytes: 2 * GiB }]);
    }

    expect(seen).toEqual([512 * MiB, 6.5 * GiB]);
  });
});

const SHRINK = {
  name: 'vm-1',
  level: 'soft',
  action: 'shrink',
  reason: 'SHRINK',
  currentBytes: undefined,
  wantedBytes: undefined,
  stages: [],
} as const;
