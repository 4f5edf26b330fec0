/**
 * Valid calls of every procedure with random damage, fed to a server in memory. Whatever comes, the server answers in the
 * protocol's form or ends the connection, throws nothing, and takes bounded memory.
 */
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameReader } from '../../src/hypervisor/libvirt/framing.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import {
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  readHeader,
} from '../../src/hypervisor/libvirt/wire.ts';
import { XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import { SERVED } from '../../src/hypervisor/server/numbers.ts';
import { Crowd } from '../../src/hypervisor/server/server.ts';
import { createSimulatedHypervisor } from '../../src/hypervisor/simulated/hypervisor.ts';
import { MiB } from '../../src/model/units.ts';
import { fakeClock, scenario } from '../fakes/simulated-bench.ts';
import { damage, fuzzMessages, fuzzTimeoutMs, harm, share } from './damage.ts';
import { frame } from './fake-client.ts';
import type { Write } from './serve-client.ts';
import { GUESTS } from './serve-harness.ts';

const MESSAGES_A_RUN = 20;
const MESSAGES = Math.ceil(fuzzMessages(200_000) / MESSAGES_A_RUN) * MESSAGES_A_RUN;
const RSS_GROWTH_MAX_BYTES = 256 * MiB;

const hypervisor = createSimulatedHypervisor({
  scenario: { ...scenario(...GUESTS), warmUp: 10 },
  clock: fakeClock(),
});
const domains = await hypervisor.domains();

const one: Write = w => writeDomain(w, domains[0] ?? { name: '', uuid: '', id: 0 });
const flagged =
  (flags = 0): Write =>
  w => {
    one(w);
    w.u32(flags);
  };
const nothing: Write = () => {};
const text: Write = w => void w.string('vm-1');
const int =
  (value: number): Write =>
  w =>
    void w.i32(value);

/** Arguments of the procedures that have any; the others are called without. */
const ARGUMENTS: Readonly<Record<number, Write>> = {
  [PROCEDURE.open]: w => w.optional('test:///default', (writer, uri) => writer.string(uri)).u32(0),
  [PROCEDURE.supportsFeature]: int(14),
  [SERVED.getMaxVcpus]: w => void w.bool(false),
  [SERVED.listDomains]: int(10),
  [SERVED.listDefinedDomains]: int(10),
  [SERVED.nodeGetCellsFreeMemory]: w => w.i32(0).i32(1),
  [PROCEDURE.nodeGetMemoryStats]: w => w.i32(4).i32(-1).u32(0),
  [PROCEDURE.listAllDomains]: w => w.i32(1).u32(1),
  [PROCEDURE.lookupById]: int(1),
  [PROCEDURE.lookupByName]: text,
  [PROCEDURE.lookupByUuid]: w => void w.opaque(Buffer.alloc(16, 7)),
  [PROCEDURE.domainGetInfo]: one,
  [PROCEDURE.domainGetXml]: flagged(),
  [SERVED.domainGetState]: flagged(),
  [SERVED.domainGetAutostart]: one,
  [SERVED.domainGetMaxMemory]: one,
  [SERVED.domainGetMaxVcpus]: one,
  [SERVED.domainGetOsType]: one,
  [SERVED.domainGetSecurityLabel]: one,
  [SERVED.domainIsActive]: one,
  [SERVED.domainIsPersistent]: one,
  [SERVED.domainIsUpdated]: one,
  [SERVED.domainHasManagedSave]: flagged(),
  [SERVED.domainHasCurrentSnapshot]: flagged(),
  [SERVED.domainGetMessages]: flagged(),
  [PROCEDURE.domainGetMetadata]: w => {
    one(w);
    w.i32(1).bool(false).u32(0);
  },
  [PROCEDURE.domainSetMetadata]: w => {
    one(w);
    w.i32(2);
    for (const part of ['<x/>', 'p', 'urn:x']) w.bool(true).string(part);
    w.u32(1);
  },
  [SERVED.domainSetMemory]: w => {
    one(w);
    w.u64(1024 * 1024);
  },
  [PROCEDURE.setMemoryFlags]: w => {
    one(w);
    w.u64(1024 * 1024).u32(1);
  },
  [PROCEDURE.setMemoryStatsPeriod]: w => {
    one(w);
    w.i32(2).u32(1);
  },
  [PROCEDURE.memoryStats]: w => {
    one(w);
    w.u32(13).u32(0);
  },
  [PROCEDURE.getAllDomainStats]: w => w.array(domains, writeDomain).u32(5).u32(0),
  [PROCEDURE.eventRegister]: w => {
    w.i32(0).bool(true);
    one(w);
  },
  [SERVED.eventDeregister]: int(0),
};

function callOf(procedure: number, write: Write = ARGUMENTS[procedure] ?? nothing): Buffer {
  const writer = new XdrWriter();
  write(writer);
  const payload = writer.bytes();
  return Buffer.concat([frame({ type: MESSAGE_TYPE.call, procedure, serial: 7 }, [payload]), payload]);
}

const WITHOUT_ARGUMENTS = [
  PROCEDURE.authList,
  PROCEDURE.authPolkit,
  PROCEDURE.getLibVersion,
  PROCEDURE.registerCloseCallback,
  SERVED.authSaslInit,
  SERVED.getType,
  SERVED.getVersion,
  SERVED.getCapabilities,
  SERVED.getHostname,
  SERVED.getUri,
  SERVED.isSecure,
  SERVED.nodeGetInfo,
  SERVED.nodeGetFreeMemory,
  SERVED.nodeGetSecurityModel,
  SERVED.numOfDomains,
  SERVED.numOfDefinedDomains,
  SERVED.unregisterCloseCallback,
];
const SAMPLES: readonly Buffer[] = [
  ...Object.keys(ARGUMENTS).map(number => callOf(Number(number))),
  ...WITHOUT_ARGUMENTS.map(number => callOf(number)),
  frame({ program: KEEPALIVE_PROGRAM, type: MESSAGE_TYPE.message, procedure: 1 }),
];
const OPEN = callOf(PROCEDURE.open);

interface Outcome {
  readonly replies: number;
  readonly refusals: number;
  readonly dropped: boolean;
}

const faults: unknown[] = [];
const crowd = new Crowd(hypervisor, {
  onFault: error => faults.push(error),
  limits: { clients: 2 * MESSAGES_A_RUN },
});

const turn = (): Promise<void> =>
  new Promise(resolve => {
    setImmediate(resolve);
  });

/** Feeds pieces to a new connection, and reads all that comes back as a client would. */
async function feed(pieces: readonly Buffer[]): Promise<Outcome> {
  const frames = new FrameReader();
  let replies = 0;
  let refusals = 0;
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      frames.push(chunk, message => {
        const { type, status } = readHeader(message);
        if (type === MESSAGE_TYPE.reply) replies += 1;
        if (status === MESSAGE_STATUS.error) refusals += 1;
      });
      done();
    },
  });
  let dropped = false;
  stream.once('close', () => {
    dropped = true;
  });
  crowd.admit(stream);
  for (const piece of pieces) if (piece.length > 0) stream.push(piece);
  for (let i = 0; i < 6 && !dropped; i++) await turn();
  const outcome = { replies, refusals, dropped };
  expect(frames.partial).toBe(false);
  stream.destroy();
  await turn();
  return outcome;
}

describe('damaged calls', () => {
  it('end in an answer or in the end of the connection, and in nothing else', {
    timeout: fuzzTimeoutMs(MESSAGES),
  }, async () => {
    const seen = { answered: 0, refused: 0, dropped: 0, silent: 0 };
    const before = process.memoryUsage().rss;
    const piece = fc.record({
      sample: fc.constantFrom(...SAMPLES),
      acts: fc.array(damage, { minLength: 1, maxLength: 3 }),
    });

    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { minLength: MESSAGES_A_RUN, maxLength: MESSAGES_A_RUN }),
        share,
        async (list, cut) => {
          // Each damaged message has a connection of its own, at the same time as the others'.
          const outcomes = await Promise.all(
            list.map(({ sample, acts }) => {
              const bytes = Buffer.concat([OPEN, harm(sample, acts)]);
              const middle = Math.floor(cut * bytes.length);
              return feed([bytes.subarray(0, middle), bytes.subarray(middle)]);
            }),
          );
          for (const { replies, refusals, dropped } of outcomes) {
            if (dropped) seen.dropped += 1;
            else if (refusals > 0) seen.refused += 1;
            else if (replies > 1) seen.answered += 1;
            else seen.silent += 1;
          }
          expect(faults).toEqual([]);
          expect(crowd.size).toBe(0);
        },
      ),
      { numRuns: MESSAGES / MESSAGES_A_RUN },
    );

    expect(seen.answered + seen.refused + seen.dropped + seen.silent).toBe(MESSAGES);
    // The damage is neither all fatal nor all harmless, or it would test little.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(MESSAGES / 500);
    expect(process.memoryUsage().rss - before).toBeLessThan(RSS_GROWTH_MAX_BYTES);
  });

  it('are answered when they are not damaged at all', async () => {
    for (const sample of SAMPLES) {
      const { procedure } = readHeader(sample);
      const { replies, refusals, dropped } = await feed([OPEN, sample]);
      const pinged = readHeader(sample).program === KEEPALIVE_PROGRAM;
      expect([procedure, replies, dropped]).toEqual([procedure, pinged ? 1 : 2, false]);
      const refused: readonly number[] = [
        PROCEDURE.open,
        PROCEDURE.authPolkit,
        PROCEDURE.lookupByUuid,
        SERVED.authSaslInit,
        SERVED.eventDeregister,
      ];
      expect([procedure, refusals]).toEqual([procedure, !pinged && refused.includes(procedure) ? 1 : 0]);
    }
  });
});
