import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { AUTH, PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { XdrReader } from '../../src/hypervisor/libvirt/xdr.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FakeDaemon } from './fake-daemon.ts';
import { MAX_KIB } from './fake-host.ts';
import { codeOf, refusing, wireTest } from './harness.ts';

function callsOf(daemon: FakeDaemon, procedure: number): readonly FakeCall[] {
  return daemon.calls.filter(call => call.procedure === procedure);
}

describe('the handshake', () => {
  it('asks for the login first, then the keepalive, then opens the URI without transport and socket', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();

    await connect();

    expect(daemon.calls.slice(0, 3).map(call => call.procedure)).toEqual([
      PROCEDURE.authList,
      PROCEDURE.supportsFeature,
      PROCEDURE.open,
    ]);
    const open = new XdrReader(daemon.calls[2]?.payload ?? Buffer.alloc(0));
    expect([open.bool(), open.string(), open.u32()]).toEqual([true, 'qemu:///system', 0]);
  });

  it('says that it wants to read only', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();

    await connect({ readOnly: true });

    expect(callsOf(daemon, PROCEDURE.open)[0]?.payload.subarray(-4)).toEqual(Buffer.from([0, 0, 0, 1]));
  });

  it('goes through polkit where libvirt asks for it', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ auth: [AUTH.polkit] });

    await connect();

    expect(daemon.calls.slice(0, 2).map(call => call.procedure)).toEqual([
      PROCEDURE.authList,
      PROCEDURE.authPolkit,
    ]);
  });

  it.each([[[AUTH.sasl]], [[77]]])(
    'ends in HYPERVISOR_DENIED where libvirt asks for login %j',
    async auth => {
      const { start, connect } = await wireTest();
      await start({ auth });
      expect(await codeOf(connect())).toBe('HYPERVISOR_DENIED');
    },
  );

  it.each([
    [PROCEDURE.authPolkit, 45, 'HYPERVISOR_DENIED'],
    [PROCEDURE.open, 39, 'HYPERVISOR_DENIED'],
    [PROCEDURE.open, 1, 'HYPERVISOR_UNREACHABLE'],
    [PROCEDURE.open, 5, 'HYPERVISOR_UNREACHABLE'],
  ])(
    'turns a refusal of procedure %i with error %i into %s and hangs up',
    async (procedure, code, expected) => {
      const { start, connect } = await wireTest();
      const daemon = await start({ auth: [AUTH.polkit] });
      daemon.intercept = refusing(procedure, code);

      expect(await codeOf(connect())).toBe(expected);
      await vi.waitFor(() => expect(daemon.clients).toHaveLength(0));
    },
  );

  it('has a deadline for a daemon that accepts and says nothing', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    daemon.intercept = () => true;
    expect(await codeOf(connect({ callTimeout: 0.5 }))).toBe('HYPERVISOR_TIMEOUT');
    await vi.waitFor(() => expect(daemon.clients).toHaveLength(0));
  });

  it('fails at once where no socket is, even when told to reconnect', async () => {
    const { connect } = await wireTest();
    expect(await codeOf(connect({ reconnect: true }))).toBe('HYPERVISOR_UNREACHABLE');
  });

  it('fails at once where nothing listens any more', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    await daemon.close();
    expect(await codeOf(connect())).toBe('HYPERVISOR_UNREACHABLE');
  });
});

describe('a domain', () => {
  it('is looked up by id before uuid before name, as in virsh', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start({ domains: 3 });
    const hypervisor = await connect();
    const [first, second, third] = daemon.host.domains;
    if (!first || !second || !third) throw new Error('three domains were asked for');

    expect((await hypervisor.lookup('2')).uuid).toBe(second.uuid);
    expect((await hypervisor.lookup(third.uuid.toUpperCase())).name).toBe(third.name);
    expect((await hypervisor.lookup(first.name)).id).toBe(first.id);

    Object.assign(third, { name: '7' });
    expect((await hypervisor.lookup('7')).uuid).toBe(third.uuid);
    Object.assign(third, { name: '1' });
    expect((await hypervisor.lookup('1')).uuid).toBe(first.uuid);
    Object.assign(third, { name: '99999999999' });
    expect((await hypervisor.lookup('99999999999')).uuid).toBe(third.uuid);
    expect(await codeOf(hypervisor.lookup('nobody'))).toBe('DOMAIN_NOT_FOUND');
  });

  it('tells its figures', async () => {
    const { start, connect } = await wireTest();
    await start();
    const hypervisor = await connect();
    const [domain] = await hypervisor.domains();

    expect(await domain?.memoryStats({ maxStats: 2 })).toEqual([
      { tag: 6, value: MAX_KIB },
      { tag: 4, value: 1024 },
    ]);
    expect(await domain?.memoryStats({ maxStats: 0 })).toEqual([]);
    expect(await domain?.info()).toEqual({
      state: 'running',
      maxMemKib: MAX_KIB,
      memoryKib: MAX_KIB,
      vcpus: 2,
      cpuTimeNs: 2n ** 60n,
    });
    expect(await domain?.xml()).toContain('<domain');
    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    expect(await hypervisor.nodeMemory()).toEqual({
      totalKib: 8_000_000,
      freeKib: 1_000_000,
      buffersKib: 100_000,
      cachedKib: 2_000_000,
    });
  });

  it('is changed over a second connection that is made with the first change, and live only', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [domain] = await hypervisor.domains();
    expect(daemon.connections).toBe(1);

    await domain?.setMemory(1_000_000, { live: true });
    await domain?.setMemoryStatsPeriod(5, { affect: 'live' });

    expect(daemon.connections).toBe(2);
    expect(daemon.host.domains[0]).toMatchObject({ memoryKib: 1_000_000, periodSeconds: 5 });
    const [change] = callsOf(daemon, PROCEDURE.setMemoryFlags);
    expect(change?.client).toBe(daemon.clients[1]);
    expect(change?.payload.subarray(-4)).toEqual(Buffer.from([0, 0, 0, 1]));
    expect(callsOf(daemon, PROCEDURE.eventRegister).every(call => call.client === daemon.clients[0])).toBe(
      true,
    );
  });

  it('is changed again over a new connection after the second one has ended', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [domain] = await hypervisor.domains();
    await domain?.setMemory(1_000_000, { live: true });

    daemon.clients[1]?.destroy();
    await vi.waitFor(() => expect(daemon.clients).toHaveLength(1));
    await sleep(10);
    await domain?.setMemory(900_000, { live: true });

    expect(daemon.connections).toBe(3);
    expect(daemon.host.domains[0]?.memoryKib).toBe(900_000);
  });

  it('cannot be changed over a read-only connection, which asks libvirt nothing for it', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const [domain] = await (await connect({ readOnly: true })).domains();
    const before = daemon.calls.length;

    expect(await codeOf(domain?.setMemory(1, { live: true }) ?? Promise.resolve())).toBe('OPERATION_DENIED');
    expect(await codeOf(domain?.setMemoryStatsPeriod(1) ?? Promise.resolve())).toBe('OPERATION_DENIED');
    expect([daemon.calls.length, daemon.connections]).toEqual([before, 1]);
  });

  it.each([0, -1, 1.5, Number.NaN, 2 ** 53])('cannot be set to %d KiB', async kib => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const [domain] = await (await connect()).domains();
    expect(await codeOf(domain?.setMemory(kib, { live: true }) ?? Promise.resolve())).toBe(
      'VALUE_OUT_OF_RANGE',
    );
    expect(callsOf(daemon, PROCEDURE.setMemoryFlags)).toHaveLength(0);
  });

  it('that libvirt refuses to set says why by its code', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const [domain] = await hypervisor.domains();
    const set = (): Promise<void> => domain?.setMemory(MAX_KIB + 1, { live: true }) ?? Promise.resolve();

    expect(await codeOf(set())).toBe('VALUE_OUT_OF_RANGE');
    for (const [code, expected] of [
      [55, 'OPERATION_REFUSED'],
      [68, 'OPERATION_BUSY'],
      [88, 'OPERATION_DENIED'],
    ] as const) {
      daemon.intercept = refusing(PROCEDURE.setMemoryFlags, code);
      expect(await codeOf(set())).toBe(expected);
    }
  });

  it('that nobody knows is DOMAIN_NOT_FOUND', async () => {
    const { start, connect } = await wireTest();
    await start();
    const hypervisor = await connect();
    const gone = hypervisor.domain({ name: 'gone', uuid: '00000000-0000-0000-0000-000000000000', id: -1 });
    expect(await codeOf(gone.info())).toBe('DOMAIN_NOT_FOUND');
    expect(await codeOf(hypervisor.domain({ name: 'x', uuid: 'no uuid', id: 1 }).info())).toBe(
      'DOMAIN_NOT_FOUND',
    );
  });
});
