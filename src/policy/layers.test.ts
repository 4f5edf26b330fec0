import { describe, expect, it } from 'vitest';
import type { GuestSample } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { compilePolicies } from './compile.ts';
import { decide } from './decide.ts';
import { layeredPolicy } from './layers.ts';
import { requirePolicySet } from './load.ts';
import type { PolicySet } from './policy-set.ts';
import { guestSample, snapshot, stateOf } from './testing.ts';

function compiled(spec: string): PolicySet {
  const content = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec: {mode: enforce, reserve: {bytes: 0B}, pressure: [{name: soft, when: "true"}]}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: guests}
spec:
  match: {}
  behavior: {shrink: {step: {max: 100%}}}
${spec}`;
  return requirePolicySet(compilePolicies([{ file: 'p.yaml', content }]));
}

const at = (text: string): number => Date.parse(text) / 1000;

function priorityAt(set: PolicySet, when: string, guest: GuestSample = guestSample()): number | undefined {
  const [policy] = set.guests;
  return policy && layeredPolicy(policy, guest, { wall: at(when) }).policy.priority;
}

function decisionAt(set: PolicySet, when: string, guest: GuestSample = guestSample()) {
  const now = snapshot({ guests: [guest] });
  const { decisions, state } = decide(stateOf(now), now, set, { monotonic: 0, wall: at(when) });
  return { decision: decisions[0], memory: state.guests.get(guest.uuid) };
}

const NIGHT = `  schedules:
    - {name: night, days: [mon-fri], from: "22:00", to: "06:00", timezone: Europe/Rome, set: {priority: 50}}
`;

describe('a schedule', () => {
  it.each([
    ['2026-01-05T20:59:00Z', 100, 'Monday 21:59'],
    ['2026-01-05T21:00:00Z', 50, 'Monday 22:00'],
    ['2026-01-06T04:59:00Z', 50, 'Tuesday 05:59'],
    ['2026-01-06T05:00:00Z', 100, 'Tuesday 06:00'],
    ['2026-01-09T21:30:00Z', 50, 'Friday 22:30'],
    ['2026-01-10T03:00:00Z', 50, 'Saturday 04:00, which Friday began'],
    ['2026-01-10T21:30:00Z', 100, 'Saturday 22:30'],
    ['2026-01-12T03:00:00Z', 100, 'Monday 04:00, which Sunday did not begin'],
    ['2026-07-06T20:00:00Z', 50, 'Monday 22:00 in summer'],
    ['2026-07-06T19:59:00Z', 100, 'Monday 21:59 in summer'],
    ['2026-07-07T04:00:00Z', 100, 'Tuesday 06:00 in summer'],
  ])('that runs over midnight gives at %s priority %d: %s', (when, priority) => {
    expect(priorityAt(compiled(NIGHT), when)).toBe(priority);
  });

  it('follows the change to summer time and back', () => {
    const set = compiled(`  timezone: Europe/Rome
  schedules: [{name: early, from: "02:00", to: "04:00", set: {priority: 1}}]
`);
    const active = (when: string) => priorityAt(set, when) === 1;

    // 02:00 to 03:00 does not exist on 29 March: an hour is left.
    expect(['00:59', '01:00', '01:59', '02:00'].map(time => active(`2026-03-29T${time}:00Z`))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    // 02:00 to 03:00 comes twice on 25 October: three hours.
    expect(
      ['23:59', '00:00', '01:30', '02:59', '03:00'].map((time, i) =>
        active(`2026-10-${i === 0 ? '24' : '25'}T${time}:00Z`),
      ),
    ).toEqual([false, true, true, true, false]);
  });

  it('lasts all day where no hours are given, and to midnight with 24:00', () => {
    const set = compiled(`  schedules:
    - {name: sunday, days: [sun], set: {priority: 7}}
    - {name: late, days: [mon], from: "23:00", to: "24:00", set: {priority: 8}}
`);
    expect(priorityAt(set, '2026-01-04T00:00:00Z')).toBe(7);
    expect(priorityAt(set, '2026-01-04T23:59:59Z')).toBe(7);
    expect(priorityAt(set, '2026-01-05T22:59:59Z')).toBe(100);
    expect(priorityAt(set, '2026-01-05T23:59:59Z')).toBe(8);
    expect(priorityAt(set, '2026-01-06T00:00:00Z')).toBe(100);
  });

  it('takes ranges of days over the end of the week', () => {
    const set = compiled('  schedules: [{name: long, days: [fri-mon], set: {priority: 7}}]\n');
    const days = ['05', '06', '07', '08', '09', '10', '11'];

    expect(days.map(day => priorityAt(set, `2026-01-${day}T12:00:00Z`))).toEqual([7, 100, 100, 100, 7, 7, 7]);
  });

  it('sets what it names and leaves the rest; later ones go over earlier ones', () => {
    const set = compiled(`  priority: 300
  guarantees: {min: 50%, reserve: 512MiB}
  schedules:
    - {name: a, set: {priority: 1, guarantees: {min: 10%}, behavior: {shrink: {step: {max: 5%}}}}}
    - {name: b, set: {priority: 2, behavior: {shrink: {at: []}}}}
`);
    const [policy] = set.guests;
    const now = policy && layeredPolicy(policy, guestSample(), { wall: 0 }).policy;

    expect(now?.priority).toBe(2);
    expect(now?.guarantees).toEqual({ min: { ratio: 0.1 }, max: { ratio: 1 }, reserve: 512 * 2 ** 20 });
    expect(now?.shrink).toMatchObject({ stepMax: { ratio: 0.05 }, at: new Set(), cooldownSeconds: 15 });
  });

  it('stands in the stages of the decision with its line', () => {
    const { decision } = decisionAt(compiled(NIGHT), '2026-01-05T22:00:00Z');

    expect(decision?.stages[0]).toMatchObject({
      stage: 'policy',
      code: 'SCHEDULED',
      inputs: { schedule: 'night' },
      source: { file: 'p.yaml', line: 13 },
    });
  });

  it('may set another target', () => {
    const set = compiled('  schedules: [{name: all, set: {target: guest.max}}]\n');

    expect(decisionAt(set, '2026-01-05T22:00:00Z').decision).toMatchObject({
      action: 'hold',
      targetBytes: 4 * GiB,
    });
  });
});

const EXCEPTION = `  timezone: Europe/Rome
  schedules: [{name: always, set: {mode: enforce, priority: 7}}]
  exceptions:
    - {name: migration, match: {name: [db-*]}, reason: CHG-1, expires: 2026-06-30, set: {mode: observe}}
`;

describe('an exception', () => {
  const db = guestSample({ name: 'db-1' });

  it('goes over schedules, for its guests alone, and moves nothing in mode observe', () => {
    const set = compiled(EXCEPTION);
    const { decision, memory } = decisionAt(set, '2026-06-01T00:00:00Z', db);

    expect(decision).toMatchObject({ action: 'hold', reason: 'OBSERVE_ONLY' });
    expect(decision?.stages.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['SCHEDULED', 'EXCEPTED', 'DEMAND', 'TARGET', 'OBSERVE_ONLY']),
    );
    expect(memory?.move).toBeUndefined();
    expect(decisionAt(set, '2026-06-01T00:00:00Z').decision).toMatchObject({ action: 'shrink' });
  });

  it('covers the day of its date to its end in the zone of the policy, and does nothing after it', () => {
    const set = compiled(EXCEPTION);

    expect(decisionAt(set, '2026-06-30T21:59:59Z', db).decision?.reason).toBe('OBSERVE_ONLY');
    expect(decisionAt(set, '2026-06-30T22:00:00Z', db).decision?.action).toBe('shrink');
  });

  it('may end at an instant', () => {
    const set = compiled(EXCEPTION.replace('2026-06-30', '"2026-06-30T12:00:00+02:00"'));

    expect(decisionAt(set, '2026-06-30T09:59:59Z', db).decision?.reason).toBe('OBSERVE_ONLY');
    expect(decisionAt(set, '2026-06-30T10:00:00Z', db).decision?.action).toBe('shrink');
  });

  it('keeps what its guest has been promised out of what others get', () => {
    const set = compiled(EXCEPTION);
    const guests = [db, guestSample({ uuid: 'b', name: 'web', current: 2 * GiB, used: 1.95 * GiB })];
    const now = snapshot({ guests, total: 6 * GiB });
    const { decisions } = decide(stateOf(now), now, set, { monotonic: 0, wall: at('2026-06-01T00:00:00Z') });

    expect(decisions.map(({ action }) => action)).toEqual(['hold', 'hold']);
  });
});

describe('now', () => {
  it('is the hour and ISO weekday in the zone of the policy', () => {
    const set = compiled(`  timezone: Asia/Tokyo
  target: 'now.weekday == 2.0 && now.hour == 7.0 ? guest.max : 1.5 * GiB'
`);
    expect(decisionAt(set, '2026-01-05T22:30:00Z').decision?.wantedBytes).toBe(4 * GiB);
    expect(decisionAt(set, '2026-01-05T21:30:00Z').decision?.wantedBytes).toBe(1.5 * GiB);
  });
});
