/** What the server says unasked: events, pings, goodbyes. */
import { describe, expect, it, vi } from 'vitest';
import { FEATURE, PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { SERVED } from '../../src/hypervisor/server/numbers.ts';
import { createFakeHypervisor } from '../fakes/fake-hypervisor.ts';
import type { Write } from './serve-client.ts';
import { serveFirst, serveTest } from './serve-harness.ts';

describe('events', () => {
  const register =
    (eventId: number, domain?: Write): Write =>
    w => {
      w.i32(eventId).bool(domain !== undefined);
      domain?.(w);
    };

  it('come to those who asked for them, for the domain that they asked for, until they have enough', async () => {
    const { test, ofFirst: first } = await serveFirst();
    const { opened, control } = test;

    const [all, one, none] = [await opened(), await opened(), await opened()];
    const allId = (await all.call(PROCEDURE.eventRegister, register(0))).i32();
    await one.call(PROCEDURE.eventRegister, register(0, first()));
    await none.call(PROCEDURE.eventRegister, register(1));
    control.pause('vm-1');
    control.pause('vm-2');
    await vi.waitFor(() => expect(all.events).toHaveLength(2));
    await vi.waitFor(() => expect(one.events).toHaveLength(1));
    await all.call(SERVED.eventDeregister, w => w.i32(allId));
    control.resume('vm-2');
    await all.call(SERVED.getType);
    expect([all, one, none].map(({ events }) => events.length)).toEqual([2, 1, 0]);
    expect(all.events.map(({ header }) => header.procedure)).toEqual([
      PROCEDURE.eventLifecycle,
      PROCEDURE.eventLifecycle,
    ]);
  });

  it('never come before the reply that tells their callback', async () => {
    const { opened, control } = await serveTest();
    const client = await opened();
    const serial = client.send(PROCEDURE.eventRegister, register(0));
    const flip = setInterval(() => {
      control.pause('vm-1');
      control.resume('vm-1');
    }, 0);
    await vi.waitFor(() => expect(client.events.length).toBeGreaterThan(4));
    clearInterval(flip);
    expect(client.messages.findIndex(({ header }) => header.serial === serial)).toBeLessThan(
      client.messages.findIndex(({ header }) => header.procedure === PROCEDURE.eventLifecycle),
    );
  });

  it('can be asked for once each, all 27 of them, and no more than there is room for', async () => {
    const { opened } = await serveTest();
    const client = await opened();
    for (let id = 0; id < 27; id++) await client.call(PROCEDURE.eventRegister, register(id));
    expect(await client.refusal(PROCEDURE.eventRegister, register(0))).toMatchObject({ number: 8 });
    const domain =
      (i: number): Write =>
      w =>
        writeDomain(w, { name: 'x', uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`, id: 1 });
    for (let i = 27; i < 1024; i++) await client.call(PROCEDURE.eventRegister, register(0, domain(i)));
    expect(await client.refusal(PROCEDURE.eventRegister, register(0, domain(1)))).toMatchObject({
      number: 1,
    });
  });

  it('tell of the loss of the hypervisor to those who want to know', async () => {
    const hypervisor = createFakeHypervisor();
    const { opened } = await serveTest({ hypervisor });
    const [told, left, not] = [await opened(), await opened(), await opened()];
    await told.call(PROCEDURE.registerCloseCallback);
    await left.call(PROCEDURE.registerCloseCallback);
    await left.call(SERVED.unregisterCloseCallback);
    hypervisor.link.next({ up: false, error: new Error('gone') });
    await vi.waitFor(() => expect(told.events).toHaveLength(1));
    expect(told.events[0]?.header.procedure).toBe(PROCEDURE.eventConnectionClosed);
    for (const client of [left, not]) {
      await client.call(SERVED.getType);
      expect(client.events).toEqual([]);
    }
  });
});

describe('keepalive', () => {
  const limits = { keepaliveMs: 40, keepaliveCount: 2 };

  it('answers pings before and after login', async () => {
    const { raw } = await serveTest();
    const client = await raw();
    client.ping();
    await vi.waitFor(() => expect(client.pongs).toBe(1));
    await client.open();
    client.ping();
    await vi.waitFor(() => expect(client.pongs).toBe(2));
  });

  it('pings a client that asked for it, and drops it when it is silent', async () => {
    const { raw, ends } = await serveTest({ limits });
    const [lively, mute, other] = [await raw(), await raw(), await raw()];
    mute.answersPings = false;
    for (const client of [lively, mute])
      await client.call(PROCEDURE.supportsFeature, w => w.i32(FEATURE.keepalive));
    await vi.waitFor(() => expect(mute.closed).toBe(true));
    expect(mute.pings).toBe(2);
    expect(ends).toHaveLength(1);
    expect([lively.closed, other.closed, other.pings]).toEqual([false, false, 0]);
    expect(lively.pings).toBeGreaterThanOrEqual(2);
  });
});

describe('the end', () => {
  it('of a client comes after the reply to its goodbye', async () => {
    const { opened, server, ends } = await serveTest();
    const client = await opened();
    await client.call(PROCEDURE.close);
    await vi.waitFor(() => expect(client.closed).toBe(true));
    await vi.waitFor(() => expect(server.clients).toBe(0));
    expect(ends).toHaveLength(1);
  });

  it('of the server drops its clients, and leaves the hypervisor to its owner', async () => {
    const { opened, server, direct } = await serveTest();
    const client = await opened();
    await server.close();
    await vi.waitFor(() => expect(client.closed).toBe(true));
    expect(await direct.domains()).toHaveLength(3);
  });
});
