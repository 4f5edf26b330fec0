import { describe, expect, it } from 'vitest';
import { missedIn } from './testing.ts';

/** Whatever protects guests, changes policies for a while or limits the host as a whole. */
const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
  surplus: return
  shortage: share
  limits: {reclaimRate: 1GiB/min, concurrentMoves: 1, guestsPerTick: 1}
  foreignChange: {yieldFor: 1m}
  pressure: [{name: soft, when: host.available_ratio < 0.2, keepFor: 5s}]
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  estimate: {window: 2s}
  behavior:
    shrink: {step: {max: 100%}, stabilization: 30s, cooldown: 0s}
  vetoes:
    - {name: swapping, when: guest.swap_out_rate > 256 * KiB, hold: 10s}
    - {name: young, when: guest.uptime < 120}
  relief: {when: guest.distress}
  schedules:
    - {name: night, from: "22:00", to: "06:00", set: {guarantees: {min: 50%}, target: guest.demand, behavior: {shrink: {rate: 1GiB/min}}}}
  exceptions:
    - {name: vm, match: {name: [vm-9]}, reason: CHG-1, expires: 2026-06-01, set: {behavior: {shrink: {at: []}}}}
  guarantees: {min: 25%}
`;

const missedBy = (...bodies: string[]) => missedIn(POLICY, bodies);

const ONE = 'guests: [{name: vm-1, max: 8GiB}]';
const TWO = 'guests: [{name: vm-1, max: 8GiB}, {name: vm-2, max: 8GiB}]';
const IDLE = `${ONE}\nseries: {host.available: 30GiBx2, vm-1.used: 7.7GiB}`;

describe('coverage of what protects guests', () => {
  it('names vetoes, relief, layers and host limits that did nothing in any test, by their places', () => {
    expect(missedBy(IDLE)).toEqual([
      '7:3 no surplus was ever returned',
      '8:3 no shortage was ever shared',
      '9:12 limits.reclaimRate never limited anything',
      '9:35 limits.concurrentMoves never limited anything',
      '9:55 limits.guestsPerTick never limited anything',
      '10:3 no guest was ever left to somebody else',
      "11:21 level 'soft' was never entered",
      "20:33 behavior.shrink.stabilization of policy 'all' never limited anything",
      "22:14 veto 'swapping' of policy 'all' was never in force",
      "23:14 veto 'young' of policy 'all' was never in force",
      "24:3 the relief of policy 'all' never relieved a guest",
      "26:14 schedule 'night' of policy 'all' was never in force",
      "26:68 guarantees.min of schedule 'night' of policy 'all' never limited anything",
      "26:79 the target of schedule 'night' of policy 'all' was never evaluated",
      "26:121 behavior.shrink.rate of schedule 'night' of policy 'all' never limited anything",
      "28:14 exception 'vm' of policy 'all' was never in force",
      "28:103 behavior.shrink.at of exception 'vm' of policy 'all' never limited anything",
      "29:16 guarantees.min of policy 'all' never limited anything",
    ]);
  });

  it.each([
    ['no surplus', `guests: [{name: vm-1, max: 8GiB, current: 4GiB}]\nseries: {vm-1.used: 1GiBx9}`],
    [
      'no shortage',
      'guests: [{name: vm-1, max: 8GiB, current: 6GiB}, {name: vm-2, max: 8GiB, current: 2GiB}]\nseries: {host.available: 0GiB, vm-1.used: 5.95GiB, vm-2.used: 1.99GiB, vm-1.swap_out_rate: 1MiB/sx3 0.1MiB/sx30, vm-2.swap_out_rate: 2MiB/s}',
    ],
    ['reclaimRate', `${ONE}\nseries: {host.available: 9GiBx60, vm-1.used: 1GiB}`],
    ['concurrentMoves', `${TWO}\nseries: {host.available: 9GiBx5, vm-1.used: 1GiB, vm-1.current: 8GiB}`],
    ['guestsPerTick', `${TWO}\nseries: {host.available: 9GiBx5}`],
    ['somebody else', `${ONE}\nseries: {vm-1.current: 8GiBx9 6GiBx9, vm-1.used: 1GiB}`],
    ["level 'soft'", 'series: {host.available: 9GiBx5}'],
    ['stabilization', `${ONE}\nseries: {host.available: 30GiBx5 9GiBx5, vm-1.used: 6GiBx5 1GiBx5}`],
    ["veto 'swapping'", `${ONE}\nseries: {vm-1.swap_out_rate: 1MiB/s}`],
    ["veto 'young'", `${ONE}\nseries: {vm-1.uptime: 5s+1sx9}`],
    ['the relief', `${ONE}\nseries: {vm-1.available: 4GiBx5 64MiBx5}`],
    ["schedule 'night' of policy 'all' was never in force", `${ONE}\nstart: 2026-01-05T23:00:00Z`],
    ['guarantees.min of schedule', `${ONE}\nstart: 2026-01-05T23:00:00Z\nseries: {vm-1.used: 1GiB}`],
    ['the target of schedule', `${ONE}\nstart: 2026-01-05T23:00:00Z`],
    [
      'shrink.rate of schedule',
      `${ONE}\nstart: 2026-01-05T23:00:00Z\nseries: {host.available: 9GiBx99, vm-1.used: 1GiB}`,
    ],
    ["exception 'vm' of policy 'all' was never in force", 'guests: [{name: vm-9, max: 8GiB}]'],
    [
      'shrink.at of exception',
      'guests: [{name: vm-9, max: 8GiB}]\nseries: {host.available: 9GiBx9, vm-9.used: 1GiB}',
    ],
  ])('counts what a test reaches: %s', (part, body) => {
    const before = missedBy(IDLE);

    expect(before.filter(line => line.includes(part)).length).toBe(1);
    expect(missedBy(IDLE, body).filter(line => line.includes(part))).toEqual([]);
  });

  it('lays what a layer sets to the layer, and not to the policy under it', () => {
    const night = `${ONE}\nstart: 2026-01-05T23:00:00Z\nseries: {vm-1.used: 1GiB}`;
    const day = night.replace('T23', 'T12');
    const missed = (body: string) => missedBy(body).filter(line => line.includes('guarantees.min'));

    expect(missed(night)).toEqual(["29:16 guarantees.min of policy 'all' never limited anything"]);
    expect(missed(day)).toEqual([
      "26:68 guarantees.min of schedule 'night' of policy 'all' never limited anything",
    ]);
  });

  it('counts an exception that has expired when the test runs as never in force', () => {
    const late = 'guests: [{name: vm-9, max: 8GiB}]\nstart: 2026-07-01T12:00:00Z';

    expect(missedBy(late)).toContain("28:14 exception 'vm' of policy 'all' was never in force");
  });
});
