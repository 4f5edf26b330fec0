import { describe, expect, it, vi } from 'vitest';
import { EVENTS } from '../../src/hypervisor/libvirt/events.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { MESSAGE_STATUS, MESSAGE_TYPE } from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import type { BallonetError } from '../../src/model/errors.ts';
import { codeOf, collect, firstDomain, refusing, wireTest } from './harness.ts';

describe('events', () => {
  it('tell of lifecycle, reboot and balloon', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const events = collect((await connect()).events);
    const domain = firstDomain(daemon);
    const [client] = daemon.clients;

    client?.event(PROCEDURE.eventLifecycle, 0, domain, w => w.i32(5).i32(1));
    client?.event(PROCEDURE.eventReboot, 1, domain);
    client?.event(PROCEDURE.eventBalloonChange, 13, domain, w => w.u64(1_572_864));

    const ref = { name: domain.name, uuid: domain.uuid, id: domain.id };
    await vi.waitFor(() =>
      expect(events).toEqual([
        { type: 'lifecycle', domain: ref, kind: 'stopped', detail: 1 },
        { type: 'reboot', domain: ref },
        { type: 'balloon', domain: ref, actualKib: 1_572_864 },
      ]),
    );
  });

  it('may come before the reply that names their callback', async () => {
    const { start, connect, uri } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect({ reconnect: true }, { backoffFirstMs: 10 });
    const events = collect(hypervisor.events);
    daemon.intercept = call => {
      if (call.procedure !== PROCEDURE.eventRegister) return false;
      const writer = new XdrWriter().i32(100);
      writeDomain(writer, firstDomain(daemon));
      call.client.message(MESSAGE_TYPE.message, PROCEDURE.eventReboot, 0, MESSAGE_STATUS.ok, [
        writer.bytes(),
      ]);
      call.answer();
      return true;
    };

    daemon.clients[0]?.destroy();

    await vi.waitFor(() => expect(events).toHaveLength(EVENTS.length));
    expect(hypervisor.uri).toBe(uri);
  });

  it('of a callback or a kind that was not registered are passed over', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const hypervisor = await connect();
    const events = collect(hypervisor.events);
    const writer = new XdrWriter().i32(999);
    writeDomain(writer, firstDomain(daemon));

    daemon.clients[0]?.message(MESSAGE_TYPE.message, PROCEDURE.eventReboot, 0, MESSAGE_STATUS.ok, [
      writer.bytes(),
    ]);
    daemon.clients[0]?.message(MESSAGE_TYPE.message, 379, 0, MESSAGE_STATUS.ok, [Buffer.alloc(8)]);

    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    expect(events).toEqual([]);
  });

  it('with an amount that a guest made up are a warning, not the end', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    const warnings: BallonetError[] = [];
    const hypervisor = await connect({ onWarning: warning => warnings.push(warning) });
    const events = collect(hypervisor.events);

    daemon.clients[0]?.event(PROCEDURE.eventBalloonChange, 13, firstDomain(daemon), w => w.u64(2n ** 54n));

    expect(await hypervisor.version()).toBe('libvirt 9.0.0');
    expect(warnings.map(({ code }) => code)).toEqual(['VALUE_OUT_OF_RANGE']);
    expect(events).toEqual([]);
  });

  it('that the driver does not have are done without', async () => {
    const { start, connect } = await wireTest();
    const daemon = await start();
    daemon.intercept = refusing(PROCEDURE.eventRegister, 3);
    expect(await (await connect()).version()).toBe('libvirt 9.0.0');
  });

  it('are not to be had from a libvirt older than callback events', async () => {
    const { start, connect } = await wireTest();
    await start({ features: [10] });
    expect(await codeOf(connect())).toBe('OPERATION_UNSUPPORTED');
  });
});
