/** What the server refuses, and in which words. */
import { describe, expect, it } from 'vitest';
import { FEATURE, PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { SERVED } from '../../src/hypervisor/server/numbers.ts';
import type { Write } from './serve-client.ts';
import { serveFirst, serveTest } from './serve-harness.ts';
import { DOMAIN, REFUSALS, RPC, refusalOf } from './serve-refusal-cases.ts';

describe('the server', () => {
  it.each(REFUSALS)("refuses $what with libvirt's number, and goes on", async refusal => {
    const { opened, direct } = await serveTest();
    const client = await opened();
    const { number, origin } = refusal;
    expect(await refusalOf(client, refusal, await direct.lookup('vm-1'))).toMatchObject({
      number,
      ...(origin === undefined ? {} : { origin }),
    });
    expect((await client.call(SERVED.getType)).string()).toBe('TEST');
  });

  it('refuses everything but the first steps to a client that has not opened', async () => {
    const { raw } = await serveTest();
    const client = await raw();
    const numbers = [
      SERVED.getType,
      PROCEDURE.listAllDomains,
      PROCEDURE.eventRegister,
      PROCEDURE.registerCloseCallback,
    ];
    for (const number of numbers)
      expect(await client.refusal(number)).toMatchObject({ number: 1, origin: RPC });
    expect(await client.refusal(PROCEDURE.supportsFeature, w => w.i32(14))).toMatchObject({ number: 1 });
    expect((await client.call(PROCEDURE.authList)).array(9, 4, r => r.i32())).toEqual([0]);
    expect((await client.call(PROCEDURE.supportsFeature, w => w.i32(FEATURE.keepalive))).i32()).toBe(1);
  });

  it('opens qemu and test URIs whatever their path, and no others', async () => {
    const { raw } = await serveTest();
    const open =
      (uri: string): Write =>
      w =>
        w.optional(uri, (writer, text) => writer.string(text)).u32(0);
    const stranger = await raw();
    for (const uri of ['foo:///bar', 'xen:///system', 'default', 'http://x/'])
      expect(await stranger.refusal(PROCEDURE.open, open(uri))).toMatchObject({ number: 5 });
    for (const [uri, type] of [
      ['qemu:///system', 'QEMU'],
      ['test:///somewhere', 'TEST'],
    ] as const) {
      const client = await raw();
      await client.call(PROCEDURE.open, open(uri));
      expect((await client.call(SERVED.getUri)).string()).toBe(uri);
      expect((await client.call(SERVED.getType)).string()).toBe(type);
    }
    const silent = await raw();
    await silent.call(PROCEDURE.open, w => w.bool(false).u32(0));
    expect((await silent.call(SERVED.getUri)).string()).toBe('test:///default');
  });

  it('lets a client that opened read-only look and not touch', async () => {
    const { test, ofFirst: first } = await serveFirst();
    const { raw } = test;
    const client = await raw();
    await client.open('test:///default', true);
    const denied = { number: 29, origin: DOMAIN };
    const refuse = (procedure: number, rest: Write): Promise<unknown> =>
      client.refusal(procedure, first(rest));
    expect(await refuse(PROCEDURE.setMemoryFlags, w => w.u64(1024).u32(1))).toMatchObject(denied);
    expect(await refuse(SERVED.domainSetMemory, w => w.u64(1024))).toMatchObject(denied);
    expect(await refuse(PROCEDURE.setMemoryStatsPeriod, w => w.i32(1).u32(1))).toMatchObject(denied);
    expect(await refuse(PROCEDURE.domainGetXml, w => w.u32(1))).toMatchObject(denied);
    await client.call(
      PROCEDURE.memoryStats,
      first(w => w.u32(13).u32(0)),
    );
    await client.call(
      PROCEDURE.domainGetXml,
      first(w => w.u32(0)),
    );
  });
});
