/** Clients that mean no good, or are broken: they lose their connection, and nobody else notices. */
import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { KEEPALIVE_PROGRAM, MESSAGE_TYPE } from '../../src/hypervisor/libvirt/wire.ts';
import { SERVED } from '../../src/hypervisor/server/numbers.ts';
import { MiB } from '../../src/model/units.ts';
import { VM } from '../fakes/simulated-bench.ts';
import type { FrameParts } from './fake-client.ts';
import { frame } from './fake-client.ts';
import type { ServeClient } from './serve-client.ts';
import { serveFirst, serveTest } from './serve-harness.ts';

/** How long an honest client's call takes, in milliseconds. */
async function latency(client: ServeClient): Promise<number> {
  const start = performance.now();
  await client.call(SERVED.numOfDomains);
  return performance.now() - start;
}

const ping = (parts: FrameParts = {}, payload: readonly Buffer[] = []): Buffer =>
  frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: 1, ...parts }, payload);

const BREACHES: readonly [string, Buffer][] = [
  ['a length of 0', frame({ type: 0, length: 0 })],
  ['a length below the header', frame({ type: 0, length: 27 })],
  ['a length above the limit', frame({ type: 0, length: MiB + 1 })],
  ['a length of 4 GiB', frame({ type: 0, length: 0xffff_ffff })],
  ['the type of a reply', frame({ type: 1, procedure: 3 })],
  ['the type of an event', frame({ type: 2, procedure: 318 })],
  ['the type of a stream', frame({ type: 3, procedure: 3 })],
  ['the type of a call with file descriptors', frame({ type: 4, procedure: 3 })],
  ['an unknown type', frame({ type: 99, procedure: 3 })],
  ['a keepalive of unknown procedure', ping({ procedure: 9 })],
  ['a keepalive of the wrong type', ping({ type: 0 })],
  ['a keepalive with content', Buffer.concat([ping({}, [Buffer.alloc(4)]), Buffer.alloc(4)])],
  ['text', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
];

describe('a client that breaks the protocol', () => {
  it.each(BREACHES)('with %s loses its connection, and no other client does', async (_, bytes) => {
    const { opened, server } = await serveTest();
    const [bad, good] = [await opened(), await opened()];
    bad.raw(bytes);
    await vi.waitFor(() => expect(bad.closed).toBe(true));
    await good.call(SERVED.getType);
    await vi.waitFor(() => expect(server.clients).toBe(1));
  });
});

describe('a client that is slow', () => {
  it('is dropped when it opens nothing in time, and not when it has opened', async () => {
    const { raw, opened } = await serveTest({ limits: { openMs: 100 } });
    const [bad, good] = [await raw(), await opened()];
    await bad.call(PROCEDURE.authList);
    await vi.waitFor(() => expect(bad.closed).toBe(true));
    await good.call(SERVED.getType);
  });

  it('is dropped when a message comes byte by byte, and not when it rests between messages', async () => {
    const { opened } = await serveTest({ limits: { messageMs: 150 } });
    const [bad, good] = [await opened(), await opened()];
    const bytes = frame({ type: 0, procedure: SERVED.getType, serial: 9 });
    let sent = 0;
    const drip = setInterval(() => {
      if (!bad.closed) bad.raw(bytes.subarray(sent, ++sent));
    }, 20);
    await vi.waitFor(() => expect(bad.closed).toBe(true));
    clearInterval(drip);
    expect(sent).toBeLessThan(bytes.length);
    await good.call(SERVED.getType);
  });

  it('may take any time for many messages that are each in time', async () => {
    const { opened } = await serveTest({ limits: { messageMs: 150 } });
    const client = await opened();
    const bytes = frame({ type: 0, procedure: SERVED.getType, serial: 9 });
    // The stream is always in the middle of a message.
    client.raw(bytes.subarray(0, 10));
    for (let i = 0; i < 12; i++) {
      await new Promise(resolve => setTimeout(resolve, 40));
      client.raw(bytes.subarray(10), bytes.subarray(0, 10));
    }
    expect(client.closed).toBe(false);
    expect(client.messages.filter(({ header }) => header.serial === 9).length).toBeGreaterThan(10);
  });
});

describe('a client that does not read', () => {
  it('has no more than its share begun, and is dropped in the end', async () => {
    const { opened, server } = await serveTest({ limits: { unreadMs: 300 } });
    const [bad, good] = [await opened(), await opened()];
    bad.socket.pause();
    const before = process.memoryUsage().rss;
    const flood = setInterval(() => {
      if (bad.socket.writableLength < MiB) for (let i = 0; i < 200; i++) bad.send(SERVED.getCapabilities);
    }, 1);
    await vi.waitFor(() => expect(server.clients).toBe(1), 10_000);
    clearInterval(flood);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * MiB);
    expect(await latency(good)).toBeLessThan(500);
  });

  it('is dropped when events pile up past the bound', async () => {
    const { opened, control, server } = await serveTest({ limits: { unreadMaxBytes: 512 * 1024 } });
    const [bad, good] = [await opened(), await opened()];
    await bad.call(PROCEDURE.eventRegister, w => w.i32(0).bool(false));
    bad.socket.pause();
    // The kernel's own buffer fills first.
    for (let i = 0; i < 40_000 && server.clients === 2; i++) {
      control.pause('vm-1');
      control.resume('vm-1');
      if (i % 500 === 0) await new Promise(resolve => setImmediate(resolve));
    }
    await vi.waitFor(() => expect(server.clients).toBe(1));
    await good.call(SERVED.getType);
  });

  it('is the one to go when all together leave too much unread', async () => {
    const limits = { unreadTotalBytes: 2 * MiB, unreadBytes: MiB, unreadMaxBytes: 8 * MiB };
    const guests = Array.from({ length: 300 }, (_, i) => ({ ...VM, name: `vm-${i}` }));
    const { opened, server, ends } = await serveTest({ limits, guests });
    const good = await opened();
    const bad = await Promise.all(Array.from({ length: 8 }, () => opened()));
    for (const client of bad) {
      client.socket.pause();
      for (let i = 0; i < 40; i++) client.send(PROCEDURE.getAllDomainStats, w => w.u32(0).u32(0).u32(0));
    }
    await vi.waitFor(() => expect(ends.length).toBeGreaterThan(0), 10_000);
    expect(ends.every(end => end.includes('all clients together'))).toBe(true);
    await good.call(SERVED.getType);
    expect(server.clients).toBeGreaterThanOrEqual(2);
  });
});

describe('many clients', () => {
  it('can connect a thousand times, and one that opens finds its place', async () => {
    const { opened, server, path } = await serveTest({ limits: { clients: 20 } });
    const sockets = Array.from({ length: 1000 }, () => connect(path).on('error', () => {}));
    // The kernel turns away what its queue does not hold, until the server has taken what is there.
    const client = await vi.waitFor(() => opened(), 5000);
    expect(server.clients).toBeLessThanOrEqual(20);
    await client.call(SERVED.getType);
    for (const socket of sockets) socket.destroy();
    await vi.waitFor(() => expect(server.clients).toBe(1));
  });

  it('do not push out those that have opened', async () => {
    const { opened, raw, server } = await serveTest({ limits: { clients: 3 } });
    const clients = [await opened(), await opened(), await opened()];
    const late = await raw();
    await vi.waitFor(() => expect(late.closed).toBe(true));
    for (const client of clients) await client.call(SERVED.getType);
    expect(server.clients).toBe(3);
  });
});

describe('a client with too much to ask', () => {
  it('has at most so many calls worked on at once, and gets all its answers', async () => {
    const { test, ofFirst } = await serveFirst({ limits: { calls: 3 }, callTimeout: 1 });
    const [bad, good] = [await test.opened(), await test.opened()];
    test.control.inject('vm-1', { kind: 'hang' });
    const stuck = Array.from({ length: 4 }, () =>
      bad.send(
        PROCEDURE.memoryStats,
        ofFirst(w => w.u32(13).u32(0)),
      ),
    );
    const quick = bad.send(SERVED.getType);
    expect(await latency(good)).toBeLessThan(500);
    expect(bad.messages.some(({ header }) => header.serial === quick)).toBe(false);
    await bad.reply(quick);
    for (const serial of stuck) expect((await bad.reply(serial)).header.status).toBe(1);
  });

  it('does not hold up others with ten thousand calls at once', async () => {
    const { opened, direct } = await serveTest();
    const domains = await direct.domains();
    const good = await opened();
    const bad = await Promise.all([opened(), opened(), opened()]);
    const serials = bad.map(client => {
      let last = 0;
      for (let i = 0; i < 10_000; i++) last = client.send(PROCEDURE.listAllDomains, w => w.i32(1).u32(0));
      return last;
    });
    const times = [];
    for (let i = 0; i < 20; i++) times.push(await latency(good));
    expect(Math.max(...times)).toBeLessThan(500);
    for (const [i, client] of bad.entries()) await client.reply(serials[i] ?? 0);
    expect(domains).toHaveLength(3);
  });

  it('gets one answer to a flood of pings that come together', async () => {
    const { opened } = await serveTest();
    const client = await opened();
    client.raw(Buffer.concat(Array.from({ length: 2000 }, () => ping())));
    await client.call(SERVED.getType);
    expect(client.pongs).toBeGreaterThan(0);
    expect(client.pongs).toBeLessThan(20);
  });

  it('cannot name more domains than bytes, nor more than the limit', async () => {
    const { opened } = await serveTest();
    const client = await opened();
    for (const count of [5, 16_385, 0x7fff_ffff, 0xffff_ffff])
      expect(
        await client.refusal(PROCEDURE.getAllDomainStats, w => w.u32(count).u32(0).u32(0)),
      ).toMatchObject({
        number: 39,
      });
    const many = Array.from({ length: 16_384 }, (_, i) => ({
      name: '',
      uuid: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
      id: 1,
    }));
    const reply = await client.call(PROCEDURE.getAllDomainStats, w =>
      w.array(many, writeDomain).u32(0).u32(0),
    );
    expect(reply.u32()).toBe(0);
  });

  it('that goes away in the middle leaves nothing behind', async () => {
    const { test, ofFirst } = await serveFirst({ callTimeout: 1 });
    test.control.inject('vm-1', { kind: 'hang' });
    for (let i = 0; i < 50; i++) {
      const client = await test.opened();
      for (let j = 0; j < 9; j++)
        client.send(
          PROCEDURE.memoryStats,
          ofFirst(w => w.u32(13).u32(0)),
        );
      client.socket.destroy();
    }
    await vi.waitFor(() => expect(test.server.clients).toBe(0));
    expect(await latency(await test.opened())).toBeLessThan(500);
  });
});
