/**
 * Valid conversations with random damage, fed to a session in memory. Whatever comes, each call must end in a value or in an
 * error of ours, and the session must be over when the stream is.
 */
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BallonetError, type ErrorCode } from '../../model/errors.ts';
import type { Command } from './commands.ts';
import * as commands from './commands.ts';
import { readEvent } from './events.ts';
import { QmpSession } from './session.ts';

const RUNS = 20_000;
const RSS_GROWTH_MAX_BYTES = 256 * 2 ** 20;

const GREETING =
  '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "x"}, "capabilities": ["oob"]}}\r\n';
const READY = '{"return": {}, "id": 1}\r\n';
const DOMAIN = { name: 'web', uuid: '', id: 1 };

/** A command and the message that answers it as the second of a session. */
const SAMPLES: readonly (readonly [Command<unknown>, string])[] = [
  [
    commands.queryStatus(),
    '{"return": {"status": "running", "singlestep": false, "running": true}, "id": 2}',
  ],
  [commands.queryBalloon(), '{"return": {"actual": 1073741824}, "id": 2}'],
  [
    commands.queryBalloon(),
    '{"error": {"class": "DeviceNotActive", "desc": "No balloon device has been activated"}, "id": 2}',
  ],
  [commands.queryMemorySize(), '{"return": {"base-memory": 1073741824, "plugged-memory": 0}, "id": 2}'],
  [commands.queryName(), '{"return": {"name": "web"}, "id": 2}'],
  [commands.queryUuid(), '{"return": {"UUID": "6b8b4567-327b-43c6-a433-6873664b0dc5"}, "id": 2}'],
  [commands.queryThreads(), '{"return": [{"thread-id": 4711, "cpu-index": 0}], "id": 2}'],
  [
    commands.listProperties('/machine/peripheral'),
    '{"return": [{"name": "type", "type": "string"}, {"name": "b", "type": "child<virtio-balloon-pci>"}], "id": 2}',
  ],
  [
    commands.getGuestStats('/machine/peripheral/b'),
    '{"return": {"stats": {"stat-swap-in": 0, "stat-total-memory": 18446744073709551615, "stat-oom-kills": 3}, "last-update": 1700000000}, "id": 2}',
  ],
  [commands.getDeflateOnOom('/machine/peripheral/b'), '{"return": true, "id": 2}'],
  [commands.getPollingInterval('/machine/peripheral/b'), '{"return": 2, "id": 2}'],
  [
    commands.queryStatus(),
    '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "BALLOON_CHANGE", "data": {"actual": 536870912}}\r\n{"return": {"status": "paused"}, "id": 2}',
  ],
];

const ALLOWED: readonly ErrorCode[] = [
  'PROTOCOL',
  'HYPERVISOR_CLOSED',
  'VALUE_OUT_OF_RANGE',
  'OPERATION_UNSUPPORTED',
  'OPERATION_REFUSED',
];

/** Says what it is given, in pieces, once it has been asked twice; then it ends. */
function peer(greeting: Buffer, answer: Buffer, pieces: number): Duplex {
  let asked = 0;
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      asked += 1;
      if (asked === 1) stream.push(READY);
      if (asked === 2) {
        const size = Math.max(1, Math.ceil(answer.length / pieces));
        for (let at = 0; at < answer.length; at += size) stream.push(answer.subarray(at, at + size));
        stream.push(null);
      }
      done();
    },
  });
  stream.push(greeting);
  return stream;
}

interface Damage {
  readonly at: number;
  readonly cut: number;
  readonly put: Uint8Array;
}

function damaged(text: string, damages: readonly Damage[]): Buffer {
  return damages.reduce((bytes, { at, cut, put }) => {
    const start = at % (bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, start), put, bytes.subarray(start + cut)]);
  }, Buffer.from(text));
}

async function codeOf(work: Promise<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work;
  } catch (error) {
    if (error instanceof BallonetError) return error.code;
    throw error;
  }
  return undefined;
}

describe('a session', () => {
  it('survives damaged conversations, or ends with an error of ours', async () => {
    const before = process.memoryUsage().rss;
    let taken = 0;
    const codes = new Set<ErrorCode>();
    const syntax = fc.constantFrom(...'{}[]",:-0129eE.\\utn\r\n '.split('')).map(text => Buffer.from(text));
    const damage = fc.record({
      at: fc.nat(1000),
      cut: fc.nat(6),
      put: fc.oneof(syntax, fc.uint8Array({ maxLength: 3 })),
    });

    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SAMPLES),
        fc.array(damage, { maxLength: 3 }),
        fc.integer({ min: 1, max: 5 }),
        async ([command, answer], damages, pieces) => {
          const stream = peer(Buffer.from(GREETING), damaged(`${answer}\r\n`, damages), pieces);
          const session = await QmpSession.open(stream, { path: 'memory', timeoutMs: 60_000 });
          session.onEvent((name, data) => readEvent(name, data, DOMAIN));

          const code = await codeOf(session.call(command));

          if (code === undefined) taken += 1;
          else codes.add(code);
          expect(ALLOWED).toContain(code ?? 'PROTOCOL');
          expect(['HYPERVISOR_CLOSED', 'PROTOCOL']).toContain((await session.ended).code);
          if (damages.length === 0) expect([undefined, 'OPERATION_UNSUPPORTED']).toContain(code);
        },
      ),
      { numRuns: RUNS },
    );

    // The damage must be such that both paths are taken.
    expect(taken).toBeGreaterThan(RUNS / 100);
    expect(codes).toContain('PROTOCOL');
    expect(codes).toContain('HYPERVISOR_CLOSED');
    expect(process.memoryUsage().rss - before).toBeLessThan(RSS_GROWTH_MAX_BYTES);
  }, 120_000);

  it('takes no damaged greeting but one that still names a version', async () => {
    const damage = fc.record({ at: fc.nat(120), cut: fc.nat(4), put: fc.uint8Array({ maxLength: 2 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 2 }), async damages => {
        const stream = peer(damaged(GREETING, damages), Buffer.alloc(0), 1);
        // A greeting whose end was lost is waited for; the stream's end stands for the deadline.
        setImmediate(() => stream.push(null));

        const code = await codeOf(
          QmpSession.open(stream, { path: 'memory', timeoutMs: 60_000 }).then(({ version }) =>
            expect(version).toMatch(/^\d*\.\d*\.\d*$/),
          ),
        );

        expect([undefined, 'PROTOCOL', 'HYPERVISOR_CLOSED']).toContain(code);
      }),
      { numRuns: 3000, examples: [[[{ at: 63, cut: 1, put: Uint8Array.from([45]) }]]] },
    );
  }, 60_000);
});
