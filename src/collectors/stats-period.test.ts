import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { balloonParams, driverlessParams } from '../../test/fakes/balloon-params.ts';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
import { createFakeHypervisor, domainXml } from '../../test/fakes/fake-hypervisor.ts';
import { BallonetError, type ErrorCode } from '../model/errors.ts';
import type { Problem } from './problems.ts';
import { createCollector } from './snapshot.ts';
import { periodFor } from './stats-period.ts';

interface Setting {
  readonly arm?: boolean;
  readonly readOnly?: boolean;
  readonly intervalSeconds?: number;
}

function setUp({ arm = true, readOnly = false, intervalSeconds = 1 }: Setting = {}) {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ readOnly });
  const settings = {
    pool: { kind: 'size', bytes: 2 ** 32 } as const,
    staleAfterSeconds: 10,
    intervalSeconds,
  };
  const collector = createCollector({ hypervisor, clock, arm, ...settings });
  const problems: Problem[] = [];
  collector.problems.subscribe(problem => problems.push(problem));
  const fresh = () => balloonParams({ lastUpdate: clock.now().wall });
  return {
    clock,
    hypervisor,
    collector,
    settings,
    problems,
    fresh,
    add: (name: string, xml = domainXml()) => hypervisor.add(name, { balloon: fresh(), xml }),
    /** One tick, and the calls that it started. */
    tick: async () => {
      await collector.collect();
      await setImmediate();
    },
    /** Name and seconds of the calls since the last time. */
    calls: () => hypervisor.calls.periods.splice(0).map(({ name, seconds }) => `${name} ${seconds}`),
  };
}

const failure = (code: ErrorCode) => new BallonetError(code, 'no');

describe('the stats period', () => {
  it('is set live, once, on every guest that runs', async () => {
    const { add, tick, hypervisor, calls, fresh, clock } = setUp();
    const guests = ['a', 'b', 'c', 'd', 'e', 'f'].map(name => add(name));

    await tick();
    const affects = hypervisor.calls.periods.map(({ affect }) => affect);
    const first = calls();
    clock.advance(1);
    for (const guest of guests) guest.balloon = fresh();
    await tick();

    expect(first).toEqual(['a 1', 'b 1', 'c 1', 'd 1', 'e 1', 'f 1']);
    expect(new Set(affects)).toEqual(new Set(['live']));
    expect(calls()).toEqual([]);
  });

  it.each([
    [0.25, 1],
    [1, 1],
    [1.5, 2],
    [30, 30],
  ])('for ticks of %d s is %d s', (interval, period) => {
    expect(periodFor(interval)).toBe(period);
  });

  it('is not set on a paused guest or on one without a balloon, but when it goes on', async () => {
    const { add, tick, calls } = setUp();
    const guest = add('paused');
    guest.state = 'paused';
    add('bare', domainXml({ model: 'none' }));

    await tick();
    const before = calls();
    guest.state = 'running';
    await tick();

    expect(before).toEqual([]);
    expect(calls()).toEqual(['paused 1']);
  });

  it('is set again on a guest that was started again', async () => {
    const { add, tick, calls } = setUp();
    const guest = add('web');
    await tick();
    calls();

    guest.ref = { ...guest.ref, id: 99 };
    guest.balloon = driverlessParams();
    await tick();

    expect(calls()).toEqual(['web 1']);
  });

  it('is taken away and set again when reports stop, at most once a minute', async () => {
    const { add, tick, calls, clock } = setUp();
    add('web');
    await tick();
    calls();

    clock.advance(61);
    await tick();
    const stopped = calls();
    clock.advance(30);
    await tick();
    const soon = calls();
    clock.advance(31);
    await tick();

    expect(stopped).toEqual(['web 0', 'web 1']);
    expect(soon).toEqual([]);
    expect(calls()).toEqual(['web 0', 'web 1']);
  });

  it('that somebody takes away soon after it was set is set again as soon as the report is stale', async () => {
    const { add, tick, calls, clock } = setUp();
    add('web');
    await tick();
    calls();

    clock.advance(10);
    await tick();
    const atLimit = calls();
    clock.advance(0.5);
    await tick();

    expect(atLimit).toEqual([]);
    expect(calls()).toEqual(['web 0', 'web 1']);
  });

  it('is renewed after a reboot though the reports look fresh', async () => {
    const { add, tick, calls, clock, hypervisor, fresh } = setUp();
    const guest = add('web');
    await tick();
    calls();
    clock.advance(61);
    guest.balloon = fresh();

    hypervisor.events.next({ type: 'reboot', domain: guest.ref });
    await tick();

    expect(calls()).toEqual(['web 0', 'web 1']);
  });

  it('is not left away for a minute when setting it after taking it away failed', async () => {
    const { add, tick, calls, clock, hypervisor } = setUp();
    const guest = add('web');
    await tick();
    calls();
    clock.advance(61);
    const domain = hypervisor.domain.bind(hypervisor);
    hypervisor.domain = ref => ({
      ...domain(ref),
      setMemoryStatsPeriod: async seconds => {
        hypervisor.calls.periods.push({ name: ref.name, seconds, affect: 'live' });
        if (seconds > 0) throw failure('OPERATION_BUSY');
      },
    });
    await tick();
    const broken = calls();
    hypervisor.domain = domain;
    clock.advance(1);
    await tick();

    expect(guest.state).toBe('running');
    expect(broken).toEqual(['web 0', 'web 1']);
    expect(calls()).toEqual(['web 1']);
  });

  it('is given up on a domain whose driver has no such thing, until it is started again', async () => {
    const { add, tick, calls, clock, problems } = setUp();
    const guest = add('web');
    guest.period = failure('OPERATION_UNSUPPORTED');

    for (let i = 0; i < 4; i++) {
      await tick();
      clock.advance(100);
    }

    expect(calls()).toEqual(['web 1']);
    expect(problems.map(({ source }) => source)).toContain('guest:web:stats-period');
  });

  it('is tried again a minute after a failure, which is told once and so is its end', async () => {
    const { add, tick, calls, clock, problems, fresh } = setUp();
    const guest = add('web');
    guest.period = failure('OPERATION_BUSY');
    await tick();
    clock.advance(30);
    await tick();
    const early = calls();
    clock.advance(31);
    await tick();
    const second = calls();
    guest.period = undefined;
    clock.advance(61);
    guest.balloon = fresh();
    await tick();

    expect([early, second, calls()]).toEqual([['web 1'], ['web 1'], ['web 1']]);
    expect(
      problems.filter(({ source }) => source === 'guest:web:stats-period').map(({ error }) => error?.code),
    ).toEqual(['OPERATION_BUSY', undefined]);
  });

  it('is not tried on every guest when the right is missing for all', async () => {
    const { add, tick, calls, clock, problems } = setUp();
    for (let i = 0; i < 50; i++) add(`g${i}`).period = failure('OPERATION_DENIED');

    await tick();
    clock.advance(100);
    await tick();

    expect(calls().length).toBeLessThanOrEqual(4);
    expect(problems.map(({ source, error }) => [source, error?.code])).toEqual([
      ['stats-period', 'OPERATION_DENIED'],
    ]);
  });

  it('H32: is set anew on all guests after a reconnection, and when the policy asks for another', async () => {
    const { add, tick, calls, hypervisor, collector, settings } = setUp();
    add('web');
    await tick();
    calls();

    hypervisor.link.next({ up: false, error: failure('HYPERVISOR_CLOSED') });
    hypervisor.link.next({ up: true });
    await tick();
    const reconnected = calls();
    collector.configure({ ...settings, intervalSeconds: 5 });
    await tick();

    expect(reconnected).toEqual(['web 1']);
    expect(calls()).toEqual(['web 5']);
  });

  it('does not hold up a tick whose guest does not answer', async () => {
    const { add, collector, hypervisor } = setUp();
    add('web');
    const domain = hypervisor.domain.bind(hypervisor);
    hypervisor.domain = ref => ({ ...domain(ref), setMemoryStatsPeriod: () => new Promise(() => undefined) });

    expect((await collector.collect()).guests).toHaveLength(1);
  });
});

describe('where nothing may be changed', () => {
  it.each([{ readOnly: true }, { arm: false }])('with %j no period is set', async setting => {
    const { add, tick, calls } = setUp(setting);
    add('web');

    await tick();

    expect(calls()).toEqual([]);
  });

  it('guests without a period are named, once', async () => {
    const { add, tick, clock, problems, hypervisor, fresh } = setUp({ readOnly: true });
    add('armed', domainXml({ period: 5 }));
    add('frozen');
    const other = add('by-hand');
    clock.advance(20);
    other.balloon = fresh();

    await tick();
    await tick();
    const first = problems.splice(0);
    hypervisor.add('late', { balloon: driverlessParams() });
    await tick();
    await tick();

    expect(first.map(({ source, error }) => [source, error?.code])).toEqual([
      ['stats-period', 'OPERATION_DENIED'],
    ]);
    expect(first[0]?.error?.message).toContain('frozen');
    expect(first[0]?.error?.message).not.toMatch(/armed|by-hand/);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.error?.message).toMatch(/frozen, late/);
  });
});
