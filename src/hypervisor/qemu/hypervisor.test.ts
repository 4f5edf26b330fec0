import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startFakeQemu } from '../../../test/fakes/fake-qemu.ts';
import { codeOf, collect, onlyDomain, qmpBench } from '../../../test/fakes/qmp-bench.ts';
import { connectQmp } from './hypervisor.ts';
import { uuidFromName } from './identity.ts';

const FIRST_UUID = '11111111-aaaa-4000-8000-000000000000';
const SECOND_UUID = '22222222-bbbb-4000-8000-000000000000';

describe('a folder of sockets', () => {
  it('lists its guests by the names and uuids that QEMU was given, numbered in the order of the files', async () => {
    const { start, connect, folder } = qmpBench();
    await start('b', { name: 'second', uuid: SECOND_UUID });
    await start('a', { name: 'first', uuid: FIRST_UUID });
    writeFileSync(join(folder, 'notes.txt'), '');

    const hypervisor = await connect();

    expect((await hypervisor.domains()).map(({ name, uuid, id }) => ({ name, uuid, id }))).toEqual([
      { name: 'first', uuid: FIRST_UUID, id: 1 },
      { name: 'second', uuid: SECOND_UUID, id: 2 },
    ]);
    expect(await hypervisor.domains({ active: false })).toEqual([]);
    expect(await hypervisor.version()).toBe('QEMU 7.2.22');
    expect(hypervisor.local).toBe(true);
  });

  it('finds a guest by id, uuid and name', async () => {
    const { start, connect } = qmpBench();
    await start('a', { name: '2', uuid: FIRST_UUID });
    await start('b', { name: 'web', uuid: SECOND_UUID });
    const hypervisor = await connect();

    expect((await hypervisor.lookup('2')).name).toBe('web');
    expect((await hypervisor.lookup(FIRST_UUID.toUpperCase())).name).toBe('2');
    expect((await hypervisor.lookup('web')).id).toBe(2);
    expect(await codeOf(hypervisor.lookup('nobody'))).toBe('DOMAIN_NOT_FOUND');
  });

  it('names a guest after its file, and gives it a uuid of that name, where QEMU has neither', async () => {
    const { start, connect } = qmpBench();
    await start('shop', { name: undefined, uuid: '00000000-0000-0000-0000-000000000000' });

    const domain = await onlyDomain(await connect());

    expect(domain.name).toBe('shop');
    expect(domain.uuid).toBe(uuidFromName('shop'));
    expect(domain.uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  it('leaves out a second guest of the same uuid, and says so, until the first is gone', async () => {
    const { start, connect, warnings } = qmpBench();
    const first = await start('a', { uuid: FIRST_UUID });
    const hypervisor = await connect('', { reconnect: true });
    await start('b', { uuid: FIRST_UUID });

    await vi.waitFor(() => expect(warnings.map(({ code }) => code)).toEqual(['OPERATION_REFUSED']));
    expect((await hypervisor.domains()).map(({ name }) => name)).toEqual(['a']);
    await first.end();

    await vi.waitFor(async () => expect((await hypervisor.domains()).map(({ name }) => name)).toEqual(['b']));
  });

  it('tells of guests that come, go and come back, with a new id for each start', async () => {
    const { start, connect } = qmpBench();
    const hypervisor = await connect('', { reconnect: true });
    const events = collect(hypervisor.events);
    const web = { name: 'web', uuid: uuidFromName('web') };

    const first = await start('web');
    await vi.waitFor(() => expect(events).toHaveLength(1));
    first.event('SHUTDOWN', { guest: true, reason: 'guest-shutdown' });
    await vi.waitFor(() => expect(events).toHaveLength(2));
    await first.end();
    await vi.waitFor(async () => expect(await hypervisor.domains()).toEqual([]));
    const second = await start('web');
    await vi.waitFor(() => expect(events).toHaveLength(4));
    await second.end({ leaveSocket: true });
    await vi.waitFor(() => expect(events).toHaveLength(5));

    const later = { ...web, id: expect.any(Number) };
    expect(events).toEqual([
      { type: 'lifecycle', kind: 'started', detail: 0, domain: { ...web, id: 1 } },
      { type: 'lifecycle', kind: 'shutdown', detail: 1, domain: { ...web, id: 1 } },
      { type: 'lifecycle', kind: 'stopped', detail: 0, domain: { ...web, id: 1 } },
      { type: 'lifecycle', kind: 'started', detail: 0, domain: later },
      { type: 'lifecycle', kind: 'stopped', detail: 5, domain: later },
    ]);
    expect(events[3]?.domain.id).toBeGreaterThan(1);
  });

  it('is down while it is away, and up with its guests when it is back', async () => {
    const { connect, folder } = qmpBench();
    const vms = join(folder, 'vms');
    mkdirSync(vms);
    const hypervisor = await connect('vms', { reconnect: true });
    const links = collect(hypervisor.link);

    rmSync(vms, { recursive: true });
    await vi.waitFor(() => expect(links.map(({ up }) => up)).toEqual([true, false]));
    expect(await codeOf(hypervisor.allDomainStats())).toBe('HYPERVISOR_UNREACHABLE');
    mkdirSync(vms);
    const qemu = await startFakeQemu(join(vms, 'web.qmp'));

    await vi.waitFor(async () => expect(await hypervisor.domains()).toHaveLength(1));
    expect(links.map(({ up }) => up)).toEqual([true, false, true]);
    await qemu.end();
  });

  it('may be empty, or hold only what QEMUs left behind', async () => {
    const { start, connect, warnings } = qmpBench();
    const gone = await start('gone');
    await gone.end({ leaveSocket: true });

    const hypervisor = await connect();

    expect(await hypervisor.domains()).toEqual([]);
    expect(await hypervisor.allDomainStats()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('that is not there, and a file that is no socket, are refused', async () => {
    const { connect, folder } = qmpBench();
    writeFileSync(join(folder, 'text'), '');
    expect(await codeOf(connect('nowhere'))).toBe('HYPERVISOR_UNREACHABLE');
    expect(await codeOf(connect('text'))).toBe('URI_INVALID');
  });
});

describe('one socket', () => {
  it('is the whole host: down with its QEMU, up when that is back', async () => {
    const { start, connect } = qmpBench();
    const first = await start('web');
    const hypervisor = await connect('web.qmp', { reconnect: true });
    const links = collect(hypervisor.link);

    await first.end();
    await vi.waitFor(() => expect(links.map(({ up }) => up)).toEqual([true, false]));
    expect(await codeOf(hypervisor.domains())).toBe('HYPERVISOR_CLOSED');
    await start('web');

    await vi.waitFor(() => expect(links.map(({ up }) => up)).toEqual([true, false, true]));
    expect((await onlyDomain(hypervisor)).id).toBeGreaterThan(1);
  });

  it('ends with the first loss when reconnecting is not asked for', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const hypervisor = await connect('web.qmp');
    const ended = vi.fn<() => void>();
    hypervisor.link.subscribe({ complete: ended });

    await qemu.end();

    await vi.waitFor(() => expect(ended).toHaveBeenCalled());
  });

  it('that another client is on times out, with the reason in its message', async () => {
    const { start, connect, folder } = qmpBench();
    await start('web');
    const first = await connect('web.qmp');

    const second = connectQmp(`qmp://${folder}/web.qmp`, { callTimeout: 0.2 });

    await expect(second).rejects.toMatchObject({
      code: 'HYPERVISOR_TIMEOUT',
      message: /one client at a time/,
    });
    expect(await first.domains()).toHaveLength(1);
  });

  it('on which something else than QEMU answers is refused', async () => {
    const { connect, folder } = qmpBench();
    const server = createServer(socket => {
      socket.on('error', () => undefined);
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    await new Promise<void>(resolve => server.listen(join(folder, 'web.qmp'), resolve));
    onTestFinished(() => {
      server.close();
    });
    expect(await codeOf(connect('web.qmp'))).toBe('PROTOCOL');
  });
});
