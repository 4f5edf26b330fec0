import { BehaviorSubject, Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { POLICIES } from '../../test/fakes/policies.ts';
import { sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import type { Actuator, Application } from '../actuators/actuator.ts';
import type { Clock } from '../model/clock.ts';
import type { Decision } from '../model/decision.ts';
import { BallonetError } from '../model/errors.ts';
import { type GuestSample, known, type Snapshot } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { decide } from '../policy/decide.ts';
import type { Order } from '../policy/orders.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { initialState } from '../policy/state.ts';
import { expression } from '../policy/testing.ts';
import { type EngineEvent, runEngine } from './engine.ts';
import { withholdShrinks } from './safety.ts';

const clock: Clock = { now: () => ({ monotonic: Date.now() / 1000, wall: Date.now() / 1000 }) };

/** A world of one guest that follows its balloon at once and reports every second. */
function world(followed = true) {
  let size = 2 * GiB;
  let reports = 10;
  const applied: Decision[] = [];
  const actuator: Actuator = {
    apply(decision: Decision, _sample: GuestSample | undefined): Promise<Application> {
      applied.push(decision);
      if (followed) size = decision.targetBytes ?? size;
      return Promise.resolve({ status: 'applied', targetBytes: decision.targetBytes ?? size });
    },
  };
  const collect = (): Promise<Snapshot> => {
    reports += 1;
    const readings = { current: known(size), total: known(size - 100 * MiB), rss: known(size) };
    return Promise.resolve(snapshotOf([sampleOf({ reportsInEpoch: reports, readings })], reports));
  };
  return { actuator, collect, applied, size: () => size };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function start(ports: Partial<Parameters<typeof runEngine>[0]>) {
  const policies = new BehaviorSubject(POLICIES);
  const state = new BehaviorSubject(initialState(clock.now().monotonic));
  const events: EngineEvent[] = [];
  const subscription = runEngine({ ...world(), policies, state, clock, ...ports }).subscribe(event =>
    events.push(event),
  );
  return { events, stop: () => subscription.unsubscribe() };
}

describe('engine', () => {
  it('brings a guest to its target step by step and then leaves it alone', async () => {
    const here = world();
    const { stop } = start(here);
    await vi.advanceTimersByTimeAsync(30_000);
    stop();
    expect(here.size()).toBe(GiB);
    // The second one takes half the slack, since the first is on probation still.
    expect(here.applied.map(decision => decision.targetBytes)).toEqual([1.5 * GiB, 1092 * MiB, GiB]);
  });

  it('never runs two ticks at once, however long one takes', async () => {
    let running = 0;
    let most = 0;
    const collect = async (): Promise<Snapshot> => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(resolve => setTimeout(resolve, 3500));
      running -= 1;
      return snapshotOf([]);
    };
    const { events, stop } = start({ collect });
    await vi.advanceTimersByTimeAsync(20_000);
    stop();
    expect(most).toBe(1);
    expect(events.filter(event => event.type === 'tick').length).toBeGreaterThanOrEqual(4);
  });

  it('goes on ticking while a call to the hypervisor hangs', async () => {
    const here = world();
    const { events, stop } = start({ ...here, actuator: { apply: () => new Promise(() => {}) } });
    await vi.advanceTimersByTimeAsync(10_000);
    stop();
    expect(events.filter(event => event.type === 'tick').length).toBeGreaterThanOrEqual(9);
  });

  it('moves nothing in a failed tick, tells of it, and goes on', async () => {
    const here = world();
    let broken = true;
    const collect = () =>
      broken ? Promise.reject(new BallonetError('HYPERVISOR_CLOSED', 'gone')) : here.collect();
    const { events, stop } = start({ ...here, collect });
    await vi.advanceTimersByTimeAsync(5_500);
    expect(here.applied).toEqual([]);
    expect(events.map(event => event.type)).toEqual([
      'tick-failed',
      'tick-failed',
      'tick-failed',
      'safety',
      'tick-failed',
      'tick-failed',
      'tick-failed',
    ]);
    broken = false;
    await vi.advanceTimersByTimeAsync(20_000);
    stop();
    expect(here.size()).toBe(GiB);
    const back = events.findIndex(event => event.type === 'safety' && !event.holding);
    const firstMove = events.findIndex(event => event.type === 'applied');
    expect(back).toBeGreaterThan(0);
    expect(firstMove).toBeGreaterThan(back);
  });

  it('survives a snapshot that makes the decision throw', async () => {
    const poison = { ...snapshotOf([]), guests: undefined } as unknown as Snapshot;
    const { events, stop } = start({ collect: () => Promise.resolve(poison) });
    await vi.advanceTimersByTimeAsync(2_000);
    stop();
    expect(events[0]?.type).toBe('tick-failed');
  });

  it('does not wait for a guest that was never asked: a refused move is forgotten', async () => {
    const here = world(false);
    let calls = 0;
    const refuse: Actuator = {
      apply: () => {
        calls += 1;
        return Promise.resolve({ status: 'refused', problem: 'test' });
      },
    };
    const { events, stop } = start({ ...here, actuator: refuse });
    await vi.advanceTimersByTimeAsync(10_000);
    stop();
    expect(calls).toBeGreaterThan(3);
    expect(
      events.some(event => event.type === 'tick' && event.tick.decisions[0]?.reason === 'MOVE_IN_FLIGHT'),
    ).toBe(false);
  });

  it('adds the word of the guard to the stages of a decision', async () => {
    const { events, stop } = start({});
    await vi.advanceTimersByTimeAsync(6_000);
    stop();
    const applied = events.find(event => event.type === 'applied');
    expect(applied?.decision.stages.at(-1)).toMatchObject({ stage: 'guard', code: 'OK', out: 1.5 * GiB });
    expect(applied?.decision.stages.map(stage => stage.stage)).toEqual([
      'demand',
      'target',
      'guarantees',
      'budget',
      'restraint',
      'guard',
    ]);
  });

  it('takes up another policy set from the next tick on, and goes on where it was', async () => {
    const here = world();
    const policies = new BehaviorSubject(POLICIES);
    const { events, stop } = start({ ...here, policies });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(here.size()).toBe(GiB);
    const roomier = POLICIES.guests.map(policy => ({ ...policy, target: expression(() => 1.5 * GiB) }));
    policies.next({ host: { ...POLICIES.host, intervalSeconds: 5 }, guests: roomier });
    const ticks = events.filter(event => event.type === 'tick').length;
    await vi.advanceTimersByTimeAsync(10_500);
    stop();
    expect(here.size()).toBe(1.5 * GiB);
    expect(events.filter(event => event.type === 'tick').length - ticks).toBe(3);
    expect(
      events.some(event => event.type === 'tick' && event.tick.decisions[0]?.reason === 'STATS_SETTLING'),
    ).toBe(true);
    expect(
      events
        .slice(-3)
        .some(event => event.type === 'tick' && event.tick.decisions[0]?.reason === 'STATS_SETTLING'),
    ).toBe(false);
  });

  it('gives the actuator what it decides where nothing is enforced, also where the state is kept', async () => {
    const here = world(false);
    const observing: PolicySet = { ...POLICIES, host: { ...POLICIES.host, mode: 'observe' } };
    const { stop } = start({
      ...here,
      policies: new BehaviorSubject(observing),
      keep: () => Promise.resolve(),
    });
    await vi.advanceTimersByTimeAsync(10_000);
    stop();
    expect(here.applied.map(({ action }) => action)).toContain('shrink');
  });

  it('tells of each tick all that it was decided from: deciding again gives the same', async () => {
    const here = world(false);
    let ticks = 0;
    const collect = () => {
      ticks += 1;
      return ticks <= 3 ? Promise.reject(new BallonetError('HYPERVISOR_CLOSED', 'gone')) : here.collect();
    };
    const { events, stop } = start({ ...here, collect });
    await vi.advanceTimersByTimeAsync(30_000);
    stop();
    const told = events.filter(event => event.type === 'tick');
    expect(told.map(({ withheld }) => withheld).slice(0, 5)).toEqual([true, true, true, false, false]);
    expect(told.some(({ tick }) => tick.decisions.some(({ action }) => action === 'shrink'))).toBe(true);
    for (const { before, snapshot, policies, now, withheld, tick } of told) {
      const again = decide(before, snapshot, policies, now);
      expect(withheld ? withholdShrinks(again) : again).toEqual(tick);
    }
  });

  it('stops everything when it is unsubscribed', async () => {
    const here = world();
    const { events, stop } = start(here);
    await vi.advanceTimersByTimeAsync(1_500);
    stop();
    const count = events.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events.length).toBe(count);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('leaves a paused guest alone from the next tick on, and moves it again when it is resumed', async () => {
    const here = world();
    const orders = new Subject<Order>();
    const { events, stop } = start({ ...here, orders });
    const { uuid } = sampleOf();
    orders.next({ type: 'pause', uuid, pause: { since: 0, reason: 'backup', by: 'alice' } });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(here.applied).toEqual([]);
    const held = events.findLast(event => event.type === 'tick')?.tick.decisions[0];
    expect(held).toMatchObject({ action: 'hold', reason: 'PAUSED' });
    orders.next({ type: 'resume', uuid, by: 'alice' });
    await vi.advanceTimersByTimeAsync(30_000);
    stop();
    expect(here.size()).toBe(GiB);
  });

  it('gives a released guest its maximum back through the actuator and then leaves it alone', async () => {
    const here = world();
    const orders = new Subject<Order>();
    const { events, stop } = start({ ...here, orders });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(here.size()).toBe(GiB);
    const { uuid } = sampleOf();
    orders.next({ type: 'release', uuid, pause: { since: 0, reason: 'incident', by: 'alice' } });
    await vi.advanceTimersByTimeAsync(30_000);
    stop();
    expect(here.size()).toBe(2 * GiB);
    const applied = events.flatMap(event => (event.type === 'applied' ? [event] : [])).at(-1);
    expect(applied?.decision).toMatchObject({ action: 'grow', reason: 'RELEASED', targetBytes: 2 * GiB });
  });

  it('H33: asks a guest for memory only when the state has been kept, or cannot be for a while', async () => {
    const [kept, hung] = [world(), world()];
    const first = start({ ...kept, keep: () => Promise.resolve() });
    const second = start({ ...hung, keep: () => new Promise(() => {}) });
    const decidedAt = () =>
      second.events.some(e => e.type === 'tick' && e.tick.decisions[0]?.action === 'shrink');
    while (!decidedAt()) await vi.advanceTimersByTimeAsync(500);
    await vi.advanceTimersByTimeAsync(2000);
    expect(kept.applied.length).toBeGreaterThan(0);
    expect(hung.applied).toEqual([]);
    await vi.advanceTimersByTimeAsync(1500);
    first.stop();
    second.stop();
    expect(hung.applied.length).toBe(1);
  });

  it('that begins in the safety hold shrinks nothing until three ticks were good', async () => {
    const { events, stop } = start({ holding: true });
    await vi.advanceTimersByTimeAsync(10_000);
    stop();
    const kinds = events.map(event => (event.type === 'applied' ? event.decision.action : event.type));
    expect(kinds.indexOf('safety')).toBeGreaterThan(1);
    expect(kinds.indexOf('shrink')).toBeGreaterThan(kinds.indexOf('safety'));
  });
});
