/** What the daemon journals is enough to decide every tick again, to the byte. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BehaviorSubject, Subject } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createBalloonActuator } from '../../src/actuators/balloon.ts';
import { findScenario } from '../../src/cli/connect.ts';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { collectorSettings } from '../../src/cli/reload.ts';
import { createCollector } from '../../src/collectors/snapshot.ts';
import { compareWith } from '../../src/engine/compare.ts';
import { runEngine, type TickEvent } from '../../src/engine/engine.ts';
import { createJournalist } from '../../src/engine/journalist.ts';
import { type PastRecord, type PastTick, replay, unlike } from '../../src/engine/replay.ts';
import { tickAt } from '../../src/engine/tick-at.ts';
import { createSimulatedHypervisor } from '../../src/hypervisor/simulated/hypervisor.ts';
import { openFolder } from '../../src/journal/folder.ts';
import { createJournal, JOURNAL_LIMITS } from '../../src/journal/journal.ts';
import { readJournal } from '../../src/journal/reader.ts';
import { BallonetError } from '../../src/model/errors.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { Order } from '../../src/policy/orders.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { initialState } from '../../src/policy/state.ts';
import { encodeState } from '../../src/policy/state-json.ts';
import { fakeClock } from '../fakes/simulated-bench.ts';

const SECONDS = 300;

vi.setConfig({ testTimeout: 60_000 });

function policies(name: string): PolicySet {
  return requirePolicySet(loadPolicySet([`policies/${name}.yaml`], hostPolicyFiles));
}

let folder: string;
const lived: TickEvent[] = [];
const past: PastRecord[] = [];

/** A daemon on the simulated host: reloads, pauses, refused and failed moves, failed ticks, all of it journalled. */
async function live(): Promise<void> {
  vi.useFakeTimers();
  const clock = fakeClock();
  const hypervisor = createSimulatedHypervisor({
    scenario: findScenario('overcommitted', undefined).scenario,
    clock,
  });
  const standard = policies('standard');
  const collector = createCollector({ hypervisor, clock, ...collectorSettings(standard), arm: true });
  const inForce = new BehaviorSubject(standard);
  const orders = new Subject<Order>();
  const troubles: unknown[] = [];
  const journal = createJournal({
    folder: openFolder(folder),
    origin: { ballonet: '1.2.3', uri: 'sim:///overcommitted' },
    limits: { ...JOURNAL_LIMITS, segmentSeconds: 90 },
    onTrouble: error => troubles.push(error),
  });
  const journalist = createJournalist(journal, clock);
  const actuator = createBalloonActuator(hypervisor);
  let broken = false;
  let calls = 0;
  const running = runEngine({
    collect: () =>
      broken ? Promise.reject(new BallonetError('HYPERVISOR_CLOSED', 'gone')) : collector.collect(),
    actuator: {
      async apply(decision, sample) {
        calls++;
        if (calls % 5 === 0) return { status: 'refused', problem: 'every fifth' };
        if (calls % 7 === 0) return { status: 'failed', error: new Error('every seventh') };
        return actuator.apply(decision, sample);
      },
    },
    policies: inForce,
    state: new BehaviorSubject(initialState(clock.now().monotonic)),
    clock,
    orders,
  }).subscribe(event => {
    if (event.type === 'tick') lived.push(event);
    journalist.event(event);
  });
  for (let second = 0; second < SECONDS; second++) {
    if (second === 120) inForce.next(policies('dense'));
    if (second === 150) {
      const [, guest] = lived.at(-1)?.snapshot.guests ?? [];
      orders.next({
        type: 'pause',
        uuid: guest?.uuid ?? '',
        pause: { reason: 'a test', by: 'me', since: clock.now().wall },
      });
    }
    broken = second >= 200 && second < 205;
    clock.seconds += 1 + (second % 7) / 2 ** 20;
    hypervisor.control.sync();
    await vi.advanceTimersByTimeAsync(1000);
  }
  running.unsubscribe();
  vi.useRealTimers();
  await journal.close();
  collector.close();
  await hypervisor.close();
  expect(troubles).toEqual([]);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'journal-'));
  await live();
  for await (const record of replay(readJournal(folder))) past.push(record);
}, 120_000);
afterAll(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const ticks = (): PastTick[] => past.filter(record => record.type === 'tick');

describe('replay of a journal', () => {
  it('was given something to show: moves, refusals, orders, other policies, the safety hold', () => {
    const outcomes = past.filter(record => record.type === 'outcome').map(({ status }) => status);
    expect(new Set(outcomes)).toEqual(new Set(['applied', 'refused', 'failed']));
    expect(ticks().filter(({ record }) => record.patch !== undefined).length).toBeGreaterThan(10);
    expect(new Set(lived.map(({ policies: set }) => set.host.name)).size).toBe(2);
    expect(lived.filter(({ withheld }) => withheld).length).toBeGreaterThan(0);
    expect(past.filter(record => record.type === 'segment').length).toBeGreaterThanOrEqual(4);
    expect(past.filter(record => record.type === 'flaw' || record.type === 'unknown')).toEqual([]);
  });

  it('gives back the snapshot and the state of every tick, and decides all of it again to the byte', () => {
    expect(ticks()).toHaveLength(lived.length);
    for (const [i, { moment, tick }] of ticks().entries()) {
      const event = lived[i];
      expect(moment?.snapshot).toStrictEqual(event?.snapshot);
      expect(moment?.now).toEqual(event?.now);
      expect(moment && encodeState(moment.state)).toEqual(event && encodeState(event.before));
      expect(JSON.stringify(tick?.decisions)).toBe(JSON.stringify(event?.tick.decisions));
    }
  });

  it('finds nothing unlike what was recorded, which has every move', () => {
    let moves = 0;
    for (const [i, { record, tick }] of ticks().entries()) {
      expect(unlike(record.decisions, tick?.decisions ?? [])).toEqual([]);
      const made = lived[i]?.tick.decisions.filter(({ action }) => action !== 'hold') ?? [];
      expect(record.decisions.filter(({ action }) => action !== 'hold')).toEqual(made);
      moves += made.length;
    }
    expect(moves).toBeGreaterThan(20);
  });

  it('tells a decision that would come out otherwise', () => {
    const recorded = ticks().find(({ record }) => record.decisions.some(({ action }) => action !== 'hold'));
    const decisions = recorded?.record.decisions ?? [];
    const changed = decisions.map(decision => ({ ...decision, wantedBytes: 1 }));
    expect(unlike(changed, recorded?.tick?.decisions ?? [])).toHaveLength(decisions.length);
  });
});

describe('another policy on a journal', () => {
  const compare = (set: PolicySet) => {
    const comparer = compareWith(set);
    const differences = ticks().map(past => comparer.tick(past));
    return { differences, result: comparer.result() };
  };

  it('that is the same one makes no difference, though its moves are never made', () => {
    const upToReload = ticks().filter(({ moment }) => moment?.policies.host.name === 'standard');
    const comparer = compareWith(policies('standard'));
    expect(upToReload.flatMap(past => comparer.tick(past))).toEqual([]);
    const { recorded, replayed, different } = comparer.result();
    expect(different).toBe(0);
    expect(replayed).toEqual(recorded);
    expect(recorded.shrinks + recorded.grows).toBeGreaterThan(0);
  });

  it('differs where it would have moved otherwise, with both reasons and sizes', () => {
    const { differences, result } = compare(policies('gentle'));
    expect(result).toMatchObject({ ticks: lived.length, different: differences.flat().length });
    expect(result.different).toBeGreaterThan(0);
    for (const { recorded, replayed } of differences.flat()) {
      expect([recorded?.action, recorded?.targetBytes]).not.toEqual([replayed.action, replayed.targetBytes]);
      expect(recorded?.uuid).toBe(replayed.uuid);
    }
  });

  it('decides on guests as they really were: each of its targets is for the size that was recorded', () => {
    const { differences } = compare(policies('dense'));
    for (const [i, found] of differences.entries()) {
      const sizes = new Map(
        lived[i]?.snapshot.guests.map(({ uuid, readings }) => [uuid, readings.current.value]),
      );
      for (const { replayed } of found) expect(replayed.currentBytes).toBe(sizes.get(replayed.uuid));
    }
  });

  it('can be tried where nothing was decided: what it would move is told', () => {
    const comparer = compareWith(policies('dense'));
    const found = ticks().flatMap(({ record }) =>
      comparer.tick({ type: 'tick', record: { ...record, decisions: [] } }),
    );
    expect(found.length).toBeGreaterThan(0);
    expect(
      found.every(({ recorded, replayed }) => recorded === undefined && replayed.action !== 'hold'),
    ).toBe(true);
    expect(comparer.result().compared).toBe(0);
  });
});

describe('a tick of an earlier time', () => {
  it('is found with all that it was decided from, wherever in its segment it lies', async () => {
    for (const i of [2, 3, 88, 89, 90, 121, 160, 260, lived.length - 1]) {
      const event = lived[i];
      const wall = event?.now.wall ?? 0;
      for (const time of [wall, wall + 0.4]) {
        const { moment, past } = await tickAt(folder, time);
        expect(past.record.snapshot.sequence).toBe(event?.snapshot.sequence);
        expect(moment.now).toEqual(event?.now);
        expect(encodeState(moment.state)).toEqual(event && encodeState(event.before));
        expect(moment.policies.host.name).toBe(event?.policies.host.name);
      }
    }
  });

  it('is refused where there is none in the minute before', async () => {
    const [first, last] = [lived[0]?.now.wall ?? 0, lived.at(-1)?.now.wall ?? 0];
    await expect(tickAt(folder, first - 1)).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
    await expect(tickAt(folder, last + 61)).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
    await expect(tickAt(folder, last + 59)).resolves.toBeDefined();
  });
});
