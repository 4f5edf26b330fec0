import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { MESSAGE_STATUS, MESSAGE_TYPE } from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FakeDaemon } from './fake-daemon.ts';
import { codeOf, collect, firstDomain, wireTest } from './harness.ts';

const QUICK = { backoffFirstMs: 10, backoffMaxMs: 40 };

/** Takes the calls of one procedure and answers none of them. */
function hold(daemon: FakeDaemon, procedure: number): FakeCall[] {
  const held: FakeCall[] = [];
  daemon.intercept = call => call.procedure === procedure && held.push(call) > 0;
  return held;
}

describe('a call', () => {
  it('that has no answer in time fails alone, and its late answer is dropped', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ callTimeout: 0.5 });
    const held = hold(daemon, PROCEDURE.nodeGetMemoryStats);

    expect(await codeOf(hypervisor.nodeMemory())).toBe('HYPERVISOR_TIMEOUT');
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    held[0]?.answer();

    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    daemon.intercept = () => false;
    expect((await hypervisor.nodeMemory()).totalKib).toBe(8_000_000);
    expect(daemon.connections).toBe(1);
  });

  it('keeps its slot after its deadline, until the answer comes', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ callTimeout: 0.5 });
    const held = hold(daemon, PROCEDURE.nodeGetMemoryStats);
    const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(hypervisor.nodeMemory())));
    expect(codes).toEqual(Array.from({ length: 4 }, () => 'HYPERVISOR_TIMEOUT'));
    const sent = daemon.calls.length;

    const waiting = hypervisor.version();
    await sleep(30);
    expect(daemon.calls).toHaveLength(sent);
    held[2]?.answer();

    expect(await waiting).toBe('libvirt 9.0.0');
    expect(daemon.clients[0]?.mostUnanswered).toBe(4);
  });

  it('that finds every slot stuck past its own deadline ends the connection', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ callTimeout: 0.5, reconnect: true }, QUICK);
    const links = collect(hypervisor.link);
    hold(daemon, PROCEDURE.nodeGetMemoryStats);
    await Promise.all(Array.from({ length: 4 }, () => codeOf(hypervisor.nodeMemory())));

    expect(await codeOf(hypervisor.version())).toBe('HYPERVISOR_TIMEOUT');

    await vi.waitFor(() => expect(links.map(({ up }) => up)).toEqual([true, false, true]));
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
  });

  it('gets its own answer when answers come in another order', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 4 });
    const hypervisor = await connect();
    const held = hold(daemon, PROCEDURE.lookupById);

    const found = Promise.all([1, 2, 3, 4].map(id => hypervisor.lookup(String(id))));
    await vi.waitFor(() => expect(held).toHaveLength(4));
    for (const call of held.toReversed()) call.answer();

    expect((await found).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
  });

  it('is refused when too many wait already', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({}, { maxWaiting: 2 });
    hold(daemon, PROCEDURE.nodeGetMemoryStats);
    const stuck = Array.from({ length: 6 }, () => codeOf(hypervisor.nodeMemory()));

    expect(await codeOf(hypervisor.version())).toBe('HYPERVISOR_TIMEOUT');
    await hypervisor.close();

    expect(await Promise.all(stuck)).toEqual(Array.from({ length: 6 }, () => 'HYPERVISOR_CLOSED'));
  });

  it('under way is rejected when the connection ends, and so is every later one, at once', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    hold(daemon, PROCEDURE.nodeGetMemoryStats);
    const underWay = codeOf(hypervisor.nodeMemory());
    await vi.waitFor(() => expect(daemon.clients[0]?.unanswered).toBe(1));

    daemon.clients[0]?.destroy();

    expect(await underWay).toBe('HYPERVISOR_CLOSED');
    expect(await codeOf(hypervisor.version())).toBe('HYPERVISOR_CLOSED');
  });
});

describe('keepalive', () => {
  it('answers a ping at once, even while every slot is taken', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    hold(daemon, PROCEDURE.nodeGetMemoryStats);
    const stuck = Array.from({ length: 5 }, () => codeOf(hypervisor.nodeMemory()));
    await vi.waitFor(() => expect(daemon.clients[0]?.unanswered).toBe(4));

    daemon.clients[0]?.ping();

    await vi.waitFor(() => expect(daemon.clients[0]?.pongs).toBe(1));
    await hypervisor.close();
    await Promise.all(stuck);
  });

  it('pings a silent daemon, and lives on while it answers', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({}, { keepaliveIntervalMs: 20, keepaliveCount: 5 });
    await vi.waitFor(() => expect(daemon.clients[0]?.pings).toBeGreaterThan(5));
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    expect(daemon.connections).toBe(1);
  });

  it('gives a mute daemon up after so many pings', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({}, { keepaliveIntervalMs: 15, keepaliveCount: 3 });
    const links = collect(hypervisor.link);
    const [client] = daemon.clients;
    if (!client) throw new Error('nobody has connected');
    client.answersPings = false;

    await vi.waitFor(() =>
      expect(links.at(-1)).toMatchObject({ up: false, error: { code: 'HYPERVISOR_CLOSED' } }),
    );

    expect(client.pings).toBe(3);
  });

  it('is not used on a daemon that does not have it', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ features: [14] });
    await connect({}, { keepaliveIntervalMs: 5, keepaliveCount: 1 });
    await sleep(50);
    expect(daemon.clients[0]?.pings).toBe(0);
  });
});

describe('the link', () => {
  it('H32: comes back after the daemon was away, and registers its events again', async () => {
    const { start, connect } = await wireTest();
    const before = await start();
    const hypervisor = await connect({ reconnect: true }, QUICK);
    const links = collect(hypervisor.link);
    const events = collect(hypervisor.events);
    const domain = await hypervisor.lookup('1');
    await domain.setMemory(1_000_000, { live: true });

    await before.close();
    await vi.waitFor(() => expect(links.at(-1)?.up).toBe(false));
    expect(await codeOf(hypervisor.version())).toMatch(/^HYPERVISOR_(CLOSED|UNREACHABLE)$/);
    expect(await codeOf(domain.setMemory(1_000_000, { live: true }))).toMatch(
      /^HYPERVISOR_(CLOSED|UNREACHABLE)$/,
    );
    const after = await start();
    await vi.waitFor(() => expect(links.at(-1)?.up).toBe(true));

    after.clients[0]?.event(PROCEDURE.eventReboot, 1, firstDomain(after));
    await vi.waitFor(() => expect(events).toHaveLength(1));
    await domain.setMemory(900_000, { live: true });
    expect(after.host.domains[0]?.memoryKib).toBe(900_000);
  });

  it('is told down once an outage, and again only when the reason changes', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ reconnect: true }, QUICK);
    const links = collect(hypervisor.link);

    await daemon.close();
    await vi.waitFor(() => expect(links).toHaveLength(3));
    await sleep(100);

    expect(links).toMatchObject([
      { up: true },
      { up: false, error: { code: 'HYPERVISOR_CLOSED' } },
      { up: false, error: { code: 'HYPERVISOR_UNREACHABLE' } },
    ]);
  });

  it('is not made again in a hurry by a daemon that hangs up on every client', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    await connect({ reconnect: true }, { backoffFirstMs: 20, backoffMaxMs: 10_000 });
    daemon.intercept = call => {
      call.client.destroy();
      return true;
    };
    daemon.clients[0]?.destroy();
    await sleep(400);
    expect(daemon.connections).toBeGreaterThan(2);
    expect(daemon.connections).toBeLessThan(8);
  });

  it('ends with the first loss when nobody asked to reconnect', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const complete = vi.fn();
    hypervisor.link.subscribe({ complete });
    hypervisor.events.subscribe({ complete });

    daemon.clients[0]?.destroy();

    await vi.waitFor(() => expect(complete).toHaveBeenCalledTimes(2));
    expect(daemon.connections).toBe(1);
  });

  it('says goodbye when it is closed, also while it is down', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ reconnect: true }, QUICK);
    await hypervisor.close();
    expect(daemon.calls.at(-1)?.procedure).toBe(PROCEDURE.close);
    expect(await codeOf(hypervisor.version())).toBe('HYPERVISOR_CLOSED');

    const other = await connect({ reconnect: true }, QUICK);
    await daemon.close();
    await vi.waitFor(async () => expect(await codeOf(other.version())).toBe('HYPERVISOR_UNREACHABLE'));
    await other.close();
    const again = await start();
    await sleep(100);
    expect(again.connections).toBe(0);
  });

  it('is down when a proxy daemon tells that the one behind it has gone', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const links = collect((await connect()).link);
    const reason = new XdrWriter().i32(1).bytes();

    daemon.clients[0]?.message(MESSAGE_TYPE.message, PROCEDURE.eventConnectionClosed, 0, MESSAGE_STATUS.ok, [
      reason,
    ]);

    await vi.waitFor(() =>
      expect(links.at(-1)).toMatchObject({ up: false, error: { code: 'HYPERVISOR_CLOSED' } }),
    );
  });
});
