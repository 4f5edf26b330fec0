import { describe, expect, it } from 'vitest';
import { PARAM_TYPE } from '../../src/hypervisor/libvirt/bulk-stats.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FakeDaemon } from './fake-daemon.ts';
import { MAX_KIB } from './fake-host.ts';
import { codeOf, refusing, wireTest } from './harness.ts';

function bulkCalls(daemon: FakeDaemon): readonly FakeCall[] {
  return daemon.calls.filter(call => call.procedure === PROCEDURE.getAllDomainStats);
}

/** The flags and groups words that end a bulk request. */
function words(call: FakeCall | undefined): readonly (number | undefined)[] {
  return [
    call?.payload.readUInt32BE(call.payload.length - 8),
    call?.payload.readUInt32BE(call.payload.length - 4),
  ];
}

describe('bulk statistics', () => {
  it('come in chunks, at most four at once, as one list in the domains’ order', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 300 });
    const hypervisor = await connect();
    // Answers come late and out of order.
    daemon.intercept = call => {
      setTimeout(() => call.answer(), (call.serial * 7) % 5);
      return true;
    };

    const records = await hypervisor.allDomainStats();

    expect(records.map(({ domain }) => domain.name)).toEqual(daemon.host.domains.map(({ name }) => name));
    expect(
      records.every(({ params }) => params.size === 16 && params.get('balloon.maximum') === MAX_KIB),
    ).toBe(true);
    expect(records[7]?.params.get('balloon.unused')).toBe(MAX_KIB - 8);
    expect(bulkCalls(daemon)).toHaveLength(Math.ceil(300 / Math.ceil(300 / 16)));
    expect(daemon.clients[0]?.mostUnanswered).toBe(4);
  });

  it('ask not to wait for a domain that a job holds, and pass over those that are no longer active', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [domain] = await hypervisor.domains();
    if (!domain) throw new Error('a domain was asked for');

    await hypervisor.allDomainStats();
    await hypervisor.allDomainStats({ groups: ['balloon'], nowait: false });
    await hypervisor.allDomainStats({ groups: ['state'], domains: [domain] });

    const [state, balloon, active, nowait] = [1, 4, 1, 2 ** 29];
    expect(bulkCalls(daemon).map(words)).toEqual([
      [state | balloon, nowait | active],
      [balloon, active],
      [state, nowait],
    ]);
  });

  it('of named domains come for those only', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 5 });
    const hypervisor = await connect();
    const chosen = [daemon.host.domains[4], daemon.host.domains[1]].flatMap(domain => domain ?? []);

    const records = await hypervisor.allDomainStats({ domains: chosen });

    expect(records.map(({ domain }) => domain.uuid)).toEqual(chosen.map(({ uuid }) => uuid));
    expect(await hypervisor.allDomainStats({ domains: [] })).toEqual([]);
  });

  it('lack only the figures of a chunk that has no answer in time, and say so', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 20 });
    const hypervisor = await connect({ callTimeout: 0.5 });
    daemon.intercept = call =>
      call.procedure === PROCEDURE.getAllDomainStats && call === bulkCalls(daemon)[1];

    const records = await hypervisor.allDomainStats();

    expect(records).toHaveLength(20);
    const lost = records.filter(({ error }) => error?.code === 'HYPERVISOR_TIMEOUT');
    expect(lost.map(({ domain }) => domain.id)).toEqual([9, 10, 11, 12, 13, 14, 15, 16]);
    expect(lost.every(({ params }) => params.size === 0)).toBe(true);
    expect(records.filter(({ params }) => params.size === 16)).toHaveLength(12);
  });

  it('come in time although a domain hangs: the others of its call are asked one by one', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 20 });
    const hypervisor = await connect({ callTimeout: 5 }, { bulkLateMs: 200 });
    daemon.intercept = call =>
      call.procedure === PROCEDURE.getAllDomainStats && call === bulkCalls(daemon)[1];

    const began = performance.now();
    const records = await hypervisor.allDomainStats();

    expect(performance.now() - began).toBeLessThan(2000);
    expect(records.filter(({ params }) => params.size === 16)).toHaveLength(20);
    expect(bulkCalls(daemon)).toHaveLength(3 + 8);
  });

  /** As libvirt with QEMUs that hang: the first call that meets one waits there, and later ones pass over it. */
  function hanging(daemon: FakeDaemon, names: readonly string[]): void {
    const held = new Set<string>();
    daemon.intercept = call => {
      if (call.procedure !== PROCEDURE.getAllDomainStats) return false;
      const stops = names.find(name => call.payload.includes(name) && !held.has(name));
      if (stops !== undefined) held.add(stops);
      return stops !== undefined;
    };
  }

  it('H30: come in time although many domains come to hang at once, and are quick from then on', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 40 });
    const hypervisor = await connect({ callTimeout: 5, reconnect: true }, { bulkLateMs: 100 });
    await hypervisor.allDomainStats();
    hanging(
      daemon,
      daemon.host.domains.filter(({ id }) => id % 4 === 0).map(({ name }) => name),
    );

    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      const began = performance.now();
      const records = await hypervisor.allDomainStats().catch(() => []);
      times.push(performance.now() - began);
      if (i !== 1) expect(records.filter(({ params }) => params.size === 16)).toHaveLength(40);
      await new Promise(resolve => setTimeout(resolve, 400));
    }

    expect(times[0]).toBeLessThan(2000);
    expect(Math.max(...times.slice(2))).toBeLessThan(100);
  });

  it('H30: leave the connection of others where a call is stuck on it, and come back when it has been answered', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 4 });
    const hypervisor = await connect({ callTimeout: 5 }, { bulkLateMs: 50 });
    hanging(daemon, ['instance-00000002']);
    const stuck = () => bulkCalls(daemon).find(({ payload }) => payload.includes('instance-00000002'));

    await hypervisor.allDomainStats();
    await hypervisor.allDomainStats();
    const during = [daemon.clients.length, bulkCalls(daemon).at(-1)?.client === daemon.clients[0]];
    stuck()?.answer();
    await hypervisor.version();
    await hypervisor.allDomainStats();

    expect(during).toEqual([2, false]);
    expect(bulkCalls(daemon).at(-1)?.client === daemon.clients[0]).toBe(true);
    await expect.poll(() => daemon.clients.length).toBe(1);
  });

  it('are waited for when that is asked for', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 2 });
    const hypervisor = await connect({ callTimeout: 0.5 }, { bulkLateMs: 50 });
    daemon.intercept = call => call.procedure === PROCEDURE.getAllDomainStats;
    expect(await codeOf(hypervisor.allDomainStats({ nowait: false }))).toBe('HYPERVISOR_TIMEOUT');
    expect(bulkCalls(daemon)).toHaveLength(1);
  });

  it('fail when no chunk has an answer', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 20 });
    const hypervisor = await connect({ callTimeout: 0.5 });
    daemon.intercept = call => call.procedure === PROCEDURE.getAllDomainStats;
    expect(await codeOf(hypervisor.allDomainStats())).toBe('HYPERVISOR_TIMEOUT');
  });

  it('list the domains once while no lifecycle event comes, and again after one', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 2 });
    const hypervisor = await connect();
    const lists = (): number =>
      daemon.calls.filter(call => call.procedure === PROCEDURE.listAllDomains).length;
    const [first] = daemon.host.domains;
    if (!first) throw new Error('two domains were asked for');

    await hypervisor.allDomainStats();
    await hypervisor.allDomainStats();
    expect(lists()).toBe(1);
    daemon.clients[0]?.event(PROCEDURE.eventLifecycle, 0, first, writer => writer.i32(2).i32(0));
    await hypervisor.version();
    await hypervisor.allDomainStats();

    expect(lists()).toBe(2);
  });

  it('list the domains each time where the driver has no lifecycle events', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    daemon.intercept = refusing(PROCEDURE.eventRegister, 3);
    const hypervisor = await connect();

    await hypervisor.allDomainStats();
    await hypervisor.allDomainStats();

    expect(daemon.calls.filter(call => call.procedure === PROCEDURE.listAllDomains)).toHaveLength(2);
  });

  it('survive a guest that reports an amount above 2^53-1', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [domain] = daemon.host.domains;
    if (!domain) throw new Error('a domain was asked for');
    daemon.intercept = call => {
      if (call.procedure !== PROCEDURE.getAllDomainStats) return false;
      const writer = new XdrWriter().u32(1);
      writeDomain(writer, domain);
      writer
        .u32(2)
        .string('balloon.unused')
        .i32(PARAM_TYPE.ullong)
        .u64(2n ** 54n);
      call.reply(writer.string('balloon.rss').i32(PARAM_TYPE.ullong).u64(5).bytes());
      return true;
    };

    const [record] = await hypervisor.allDomainStats();

    expect(Object.fromEntries(record?.params ?? [])).toEqual({ 'balloon.rss': 5 });
    expect(record?.error?.code).toBe('VALUE_OUT_OF_RANGE');
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
  });
});
