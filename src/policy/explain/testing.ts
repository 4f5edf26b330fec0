/** Worlds of policy tests to explain: what the explanation says of them is tried by letting them run on. */
import { decide, type Tick } from '../decide.ts';
import { createPlant } from '../policy-test/plant.ts';
import type { PolicyTest } from '../policy-test/policy-test.ts';
import { soundTest, testText } from '../policy-test/testing.ts';
import { initialState } from '../state.ts';
import type { Moment } from './moment.ts';

/** One tick of a world, and what was decided on it. */
interface Lived {
  readonly moment: Moment;
  readonly tick: Tick;
}

/** The ticks of a policy test from its first to one some seconds in; see `testText` for what a test is given. */
function live(body: string, policy: string, seconds: number): readonly Lived[] {
  return liveTest(soundTest(testText(`${body}\nnever: [{reason: OK}]`), policy), seconds);
}

function liveTest(test: PolicyTest, seconds: number): readonly Lived[] {
  const { policies, interval, start } = test;
  const plant = createPlant(test);
  let state = initialState(-3 * interval);
  const lived: Lived[] = [];
  for (let index = -3; index * interval <= seconds; index++) {
    const now = { monotonic: index * interval, wall: start + index * interval };
    const moment = { policies, snapshot: plant.snapshotAt(index), state, now };
    const tick = decide(state, moment.snapshot, policies, now);
    plant.follow(tick.decisions);
    state = tick.state;
    lived.push({ moment, tick });
  }
  return lived.slice(3);
}

/** The last tick of a world. */
export function momentOf(body: string, policy: string, seconds: number): Moment {
  const last = live(body, policy, seconds).at(-1);
  if (last === undefined) throw new Error('the world has no tick');
  return last.moment;
}

/** The second at which the guest first moves, from one on; undefined when it does not within the next three minutes. */
export function firstMove(body: string, policy: string, from: number): number | undefined {
  const lived = live(body, policy, from + 180);
  const { now } = lived[0]?.moment ?? { now: { monotonic: 0 } };
  const mover = lived.find(
    ({ moment, tick }) =>
      moment.now.monotonic >= from && tick.decisions.some(({ action }) => action !== 'hold'),
  );
  return mover === undefined ? undefined : mover.moment.now.monotonic - now.monotonic;
}

/** The uuid of the world's first guest. */
export function firstGuest({ snapshot }: Moment): string {
  return snapshot.guests[0]?.uuid ?? '';
}

/** A host that knows two levels, and one guest policy beside two that the guest of the tests does not match. */
export const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
  pressure:
    - {name: hard, when: has(host.psi.full.avg10) && host.psi.full.avg10 > 10 || host.available < 1 * GiB, keepFor: 30s}
    - {name: soft, when: host.available_ratio < 0.2, for: 15s, keepFor: 30s}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all, description: Everything.}
spec:
  match: {}
  guarantees: {min: 1GiB, reserve: 256MiB}
  variables:
    - {name: headroom, expression: "max(guarantees.reserve, guest.demand * 0.1)"}
  target: guest.demand + vars.headroom
  behavior:
    tolerance: {percent: 0, bytes: 16MiB}
    shrink: {at: [soft, hard], step: {max: 10%, min: 1MiB}, cooldown: 20s}
  vetoes:
    - {name: swapping, when: guest.swap_out_rate > 256 * KiB, hold: 1m}
  relief: {when: guest.available < 64 * MiB}
  schedules:
    - {name: night, days: [mon-sun], from: "22:00", to: "06:00", timezone: UTC, set: {priority: 50}}
  exceptions:
    - {name: trial, match: {name: [vm-1]}, reason: CHG-1, expires: 2031-01-01, set: {guarantees: {min: 2GiB}}}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: gold}
spec:
  precedence: 200
  match: {tags: {tier: [gold]}, memory: {min: 16GiB}}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: databases}
spec:
  precedence: 300
  match: {name: [vm-*]}
  exclude: {name: [vm-1]}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: large}
spec:
  precedence: 400
  match: {expression: guest.max > 32 * GiB}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: last}
spec: {precedence: 1, match: {}}
`;

export const CALM = 'series: {host.available: 30GiB, vm-1.used: 2GiB}';
export const TIGHT = 'series: {host.available: 10GiB, vm-1.used: 2GiB}';
