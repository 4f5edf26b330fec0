/**
 * Valid messages with random damage, fed to a connection in memory. Whatever comes, the call must end in a value or in an
 * error of ours, and the connection must be closed unless the damage was harmless.
 */
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Layouts } from '../../src/hypervisor/libvirt/bulk-params.ts';
import type { Call } from '../../src/hypervisor/libvirt/call.ts';
import { RpcConnection } from '../../src/hypervisor/libvirt/connection.ts';
import { DomainListMemory } from '../../src/hypervisor/libvirt/domain-list.ts';
import { readEvent } from '../../src/hypervisor/libvirt/events.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import * as procedures from '../../src/hypervisor/libvirt/procedures.ts';
import { toWireDomain, writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { MESSAGE_STATUS, MESSAGE_TYPE } from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import { BallonetError } from '../../src/model/errors.ts';
import { damage, fuzzMessages, fuzzTimeoutMs, harm, share } from './damage.ts';
import { errorPayload } from './fake-answers.ts';
import { frame } from './fake-client.ts';
import { FakeHost } from './fake-host.ts';

const RUNS = fuzzMessages(20_000);
const RSS_GROWTH_MAX_BYTES = 256 * 1024 * 1024;
const OPTIONS = { callTimeoutMs: 60_000, maxInFlight: 4, maxWaiting: 4 };

const host = new FakeHost(3);
const wire = host.domains.map(toWireDomain);
const layouts = new Layouts();
const memory = new DomainListMemory();
const [one] = host.domains;
if (!one) throw new Error('three domains were asked for');

interface Sample {
  readonly call: Call<unknown>;
  readonly message: Buffer;
}

function reply(call: Call<unknown>, payload: Buffer, status: number = MESSAGE_STATUS.ok): Sample {
  // Serial 1 is that of a connection's first call.
  return {
    call,
    message: Buffer.concat([frame({ procedure: call.procedure, serial: 1, status }, [payload]), payload]),
  };
}

function event(procedure: number, rest: (writer: XdrWriter) => void): Sample {
  const writer = new XdrWriter().i32(1);
  writeDomain(writer, one ?? { name: '', uuid: '', id: 0 });
  rest(writer);
  const payload = writer.bytes();
  const call = procedures.libraryVersion();
  const answer = reply(call, new XdrWriter().u64(9_000_000).bytes()).message;
  return {
    call,
    message: Buffer.concat([frame({ type: MESSAGE_TYPE.message, procedure }, [payload]), payload, answer]),
  };
}

function bulkRequest(): Buffer {
  return new XdrWriter().array(host.domains, writeDomain).u32(5).u32(0).bytes();
}

const stats = new XdrWriter().array([6, 4, 9], (w, tag) => w.i32(tag).u64(tag * 1000)).bytes();

const SAMPLES: readonly Sample[] = [
  reply(procedures.authList(), new XdrWriter().array([0, 2], (w, type) => w.i32(type)).bytes()),
  reply(procedures.open('qemu:///system', false), Buffer.alloc(0)),
  reply(procedures.listAllDomains(0), host.list()),
  reply(procedures.listWireDomains(0, memory), host.list()),
  reply(procedures.allDomainStats(wire, 5, 0, layouts), Buffer.concat(host.bulk(bulkRequest()))),
  reply(procedures.memoryStats(one, 13, 0), stats),
  reply(
    procedures.domainInfo(one),
    new XdrWriter()
      .u32(1)
      .u64(9)
      .u64(8)
      .u32(2)
      .u64(2n ** 60n)
      .bytes(),
  ),
  reply(procedures.domainXml(one), new XdrWriter().string('<domain/>').bytes()),
  reply(procedures.nodeMemory(1), new XdrWriter().u32(1).string('total').u64(5).i32(1).bytes()),
  reply(procedures.nodeMemoryCount(), new XdrWriter().u32(0).i32(4).bytes()),
  reply(procedures.domainInfo(one), errorPayload(42, 'Domain not found'), MESSAGE_STATUS.error),
  event(PROCEDURE.eventLifecycle, w => w.i32(2).i32(0)),
  event(PROCEDURE.eventBalloonChange, w => w.u64(1_572_864)),
  event(PROCEDURE.eventReboot, () => {}),
];

interface Outcome {
  readonly code: string;
  readonly closed: boolean;
}

/** Feeds the pieces of a message to a new connection that has made the sample's call, then ends the stream. */
async function feed(call: Call<unknown>, pieces: readonly Buffer[]): Promise<Outcome> {
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const connection = new RpcConnection(stream, OPTIONS);
  connection.onEvent(readEvent);
  const result = connection.call(call).then(
    () => 'value',
    (error: unknown) => {
      if (error instanceof BallonetError) return error.code;
      throw error;
    },
  );
  for (const piece of pieces) stream.push(piece);
  stream.push(null);
  return {
    code: await result,
    closed: (await connection.ended) instanceof BallonetError && stream.destroyed,
  };
}

describe('a damaged message', () => {
  it('ends in a value or a named error, never in another exception, and takes bounded memory', {
    timeout: fuzzTimeoutMs(RUNS),
  }, async () => {
    const seen = new Map<string, number>();
    const before = process.memoryUsage().rss;

    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SAMPLES),
        fc.array(damage, { minLength: 1, maxLength: 4 }),
        share,
        async ({ call, message }, acts, cut) => {
          const bytes = harm(message, acts);
          const middle = Math.floor(cut * bytes.length);
          const { code, closed } = await feed(
            call,
            [bytes.subarray(0, middle), bytes.subarray(middle)].filter(p => p.length > 0),
          );
          seen.set(code, (seen.get(code) ?? 0) + 1);
          expect(closed).toBe(true);
        },
      ),
      { numRuns: RUNS },
    );

    // The damage is neither all fatal nor all harmless, or it would test little.
    expect(seen.get('PROTOCOL')).toBeGreaterThan(RUNS / 10);
    expect(seen.get('value')).toBeGreaterThan(RUNS / 500);
    expect(process.memoryUsage().rss - before).toBeLessThan(RSS_GROWTH_MAX_BYTES);
  });

  it('is a value when it is not damaged at all', async () => {
    for (const { call, message } of SAMPLES) {
      const { code } = await feed(call, [message]);
      expect([call.name, code]).toEqual([
        call.name,
        call.name === 'DOMAIN_GET_INFO' && message.length > 100 ? 'DOMAIN_NOT_FOUND' : 'value',
      ]);
    }
  });
});
