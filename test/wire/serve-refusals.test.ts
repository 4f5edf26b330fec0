/** What the server refuses, and in which words. */
import { describe, expect, it } from 'vitest';
import { FEATURE, PROCEDURE } from '../../src/hypervisor/libvirt/procedures.ts';
import { BULK, SERVED } from '../../src/hypervisor/server/numbers.ts';
import type { ServeClient, Write } from './serve-client.ts';
import type { OfDomain } from './serve-harness.ts';
import { serveFirst, serveTest } from './serve-harness.ts';

const [RPC, TEST, DOMAIN] = [7, 12, 20];

/** Numbers, origins and words as a libvirtd 9.0.0 with its test driver answers in the same case. */
const REFUSALS: readonly [
  string,
  (client: ServeClient, first: OfDomain) => Promise<unknown>,
  number,
  number?,
][] = [
  ['a procedure past the last', c => c.refusal(9999), 39, RPC],
  ['procedure 0', c => c.refusal(0), 39, RPC],
  ['a negative procedure', c => c.refusal(-3), 39, RPC],
  ['a procedure that is not served', c => c.refusal(34), 3, DOMAIN],
  ['an unknown program', c => c.refusal(3, undefined, { program: 0x1234_5678 }), 39, RPC],
  ['another version', c => c.refusal(3, undefined, { version: 2 }), 39, RPC],
  ['a call with the status of an error', c => c.refusal(3, undefined, { status: 1 }), 39, RPC],
  ['arguments cut short', c => c.refusal(PROCEDURE.lookupByName, w => w.u32(50)), 39, RPC],
  ['arguments too long', c => c.refusal(SERVED.getType, w => w.u32(1)), 39, RPC],
  ['a second open', c => c.refusal(PROCEDURE.open, w => w.bool(false).u32(0)), 1, RPC],
  ['a login', c => c.refusal(PROCEDURE.authPolkit), 45, RPC],
  ['a name that nobody has', c => c.refusal(PROCEDURE.lookupByName, w => w.string('nope')), 42, TEST],
  ['an id that nobody has', c => c.refusal(PROCEDURE.lookupById, w => w.i32(77)), 42, TEST],
  ['the id of what does not run', c => c.refusal(PROCEDURE.lookupById, w => w.i32(-1)), 42, TEST],
  [
    'a uuid that nobody has',
    c => c.refusal(PROCEDURE.lookupByUuid, w => w.opaque(Buffer.alloc(16))),
    42,
    TEST,
  ],
  [
    'no memory',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryFlags,
        of(w => w.u64(0).u32(1)),
      ),
    8,
  ],
  [
    'more than the maximum',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryFlags,
        of(w => w.u64(2 ** 40).u32(1)),
      ),
    8,
  ],
  [
    'more than can be counted',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryFlags,
        of(w => w.u64(2n ** 64n - 1n).u32(1)),
      ),
    8,
  ],
  [
    'unknown flags',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryFlags,
        of(w => w.u64(1024).u32(256)),
      ),
    8,
    TEST,
  ],
  [
    'the stored size',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryFlags,
        of(w => w.u64(1024).u32(2)),
      ),
    84,
  ],
  [
    'a negative period',
    (c, of) =>
      c.refusal(
        PROCEDURE.setMemoryStatsPeriod,
        of(w => w.i32(-1).u32(1)),
      ),
    8,
  ],
  [
    'flags for statistics',
    (c, of) =>
      c.refusal(
        PROCEDURE.memoryStats,
        of(w => w.u32(13).u32(1)),
      ),
    8,
    TEST,
  ],
  [
    'too many statistics',
    (c, of) =>
      c.refusal(
        PROCEDURE.memoryStats,
        of(w => w.u32(1025).u32(0)),
      ),
    1,
    RPC,
  ],
  ['unknown list flags', c => c.refusal(PROCEDURE.listAllDomains, w => w.i32(1).u32(2 ** 30)), 8, TEST],
  ['unknown bulk flags', c => c.refusal(PROCEDURE.getAllDomainStats, w => w.u32(0).u32(4).u32(256)), 8, TEST],
  [
    'enforced groups',
    c => c.refusal(PROCEDURE.getAllDomainStats, w => w.u32(0).u32(6).u32(BULK.enforce)),
    74,
    TEST,
  ],
  [
    'unknown XML flags',
    (c, of) =>
      c.refusal(
        PROCEDURE.domainGetXml,
        of(w => w.u32(4096)),
      ),
    8,
    TEST,
  ],
  [
    'flags for a state',
    (c, of) =>
      c.refusal(
        SERVED.domainGetState,
        of(w => w.u32(1)),
      ),
    8,
    TEST,
  ],
  ['an unknown event', c => c.refusal(PROCEDURE.eventRegister, w => w.i32(999).bool(false)), 1, RPC],
  ['a negative event', c => c.refusal(PROCEDURE.eventRegister, w => w.i32(-1).bool(false)), 1, RPC],
  ['a callback that is not there', c => c.refusal(SERVED.eventDeregister, w => w.i32(999)), 1, RPC],
  [
    'node figures by a wrong number',
    c => c.refusal(PROCEDURE.nodeGetMemoryStats, w => w.i32(3).i32(-1).u32(0)),
    8,
  ],
  [
    'metadata that is not there',
    (c, of) =>
      c.refusal(
        SERVED.domainGetMetadata,
        of(w => w.i32(0).bool(false).u32(0)),
      ),
    80,
    DOMAIN,
  ],
];

describe('the server', () => {
  it.each(REFUSALS)("refuses %s with libvirt's number, and goes on", async (_, call, number, origin) => {
    const { test, ofFirst: first } = await serveFirst();
    const { opened } = test;
    const client = await opened();
    const refusal = await call(client, first);
    expect(refusal).toMatchObject({ number, ...(origin === undefined ? {} : { origin }) });
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
