/** SASL logins against a server that is honest, and against those that are not. */
import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import { connectLibvirt } from '../../src/hypervisor/libvirt/hypervisor.ts';
import { AUTH, PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { SASL_PROCEDURE } from '../../src/hypervisor/libvirt/sasl.ts';
import { XdrReader, XdrWriter } from '../../src/hypervisor/libvirt/xdr.ts';
import { isBallonetError } from '../../src/model/errors.ts';
import type { FakeCall } from './fake-answers.ts';
import type { FakeDaemon } from './fake-daemon.ts';
import { codeOf, wireTest } from './harness.ts';

const PASSWORD = 'pencil';
const SALT = Buffer.from('0123456789abcdef');
const AUTH_FAILED = 45;

/** What a server does otherwise than an honest one. */
interface Lies {
  readonly mechanisms?: string;
  readonly iterations?: number;
  /** Makes its nonce from the client's. */
  readonly nonce?: (client: string) => string;
  readonly completeAtStart?: boolean;
  /** Instead of its proof. */
  readonly final?: string;
  /** Tells its success in an answer of its own. */
  readonly completeLater?: boolean;
  readonly neverComplete?: boolean;
  /** Lets everybody in. */
  readonly believesAll?: boolean;
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** The server's side of RFC 5802, from the stored keys. */
function scramServer(lies: Lies): (call: FakeCall) => boolean {
  const iterations = lies.iterations ?? 4096;
  const salted = pbkdf2Sync(PASSWORD, SALT, Math.min(iterations, 4096), 32, 'sha256');
  const storedKey = createHash('sha256').update(hmac(salted, 'Client Key')).digest();
  let bare = '';
  let serverFirst = '';
  let proven = false;
  const answer = (call: FakeCall, complete: boolean, text: string): void => {
    const writer = new XdrWriter().i32(complete ? 1 : 0).i32(0);
    call.reply(writer.array([...new Int8Array(Buffer.from(text))], (w, byte) => w.i32(byte)).bytes());
  };
  return call => {
    const reader = new XdrReader(call.payload);
    if (call.procedure === SASL_PROCEDURE.init) {
      call.reply(new XdrWriter().string(lies.mechanisms ?? 'GSSAPI,SCRAM-SHA-256').bytes());
    } else if (call.procedure === SASL_PROCEDURE.start) {
      expect(reader.string()).toBe('SCRAM-SHA-256');
      bare = readData(reader).slice('n,,'.length);
      const nonce = /r=(.*)$/.exec(bare)?.[1] ?? '';
      serverFirst = `r=${lies.nonce?.(nonce) ?? `${nonce}server`},s=${SALT.toString('base64')},i=${iterations}`;
      answer(call, lies.completeAtStart ?? false, serverFirst);
    } else if (call.procedure === SASL_PROCEDURE.step) {
      const [withoutProof = '', proof = ''] = readData(reader).split(',p=');
      if (proof === '') {
        answer(call, proven && !lies.neverComplete, '');
        return true;
      }
      const transcript = `${bare},${serverFirst},${withoutProof}`;
      const signature = hmac(storedKey, transcript);
      const clientKey = Buffer.from(proof, 'base64').map((byte, i) => byte ^ (signature[i] ?? 0));
      proven = timingSafeEqual(createHash('sha256').update(clientKey).digest(), storedKey);
      const serverKey = hmac(salted, 'Server Key');
      const final = lies.final ?? `v=${hmac(serverKey, transcript).toString('base64')}`;
      if (proven || lies.believesAll) answer(call, !lies.completeLater && !lies.neverComplete, final);
      else call.refuse(AUTH_FAILED, 'authentication failed');
    } else {
      return false;
    }
    return true;
  };
}

function readData(reader: XdrReader): string {
  const isNil = reader.i32() === 1;
  const bytes = reader.array(65_536, 4, item => item.i32());
  expect(isNil && bytes.length > 0).toBe(false);
  return Buffer.from(bytes).toString('utf8');
}

interface SaslTest {
  readonly daemon: FakeDaemon;
  readonly connect: (password?: string) => Promise<Hypervisor>;
}

async function saslTest(intercept: (call: FakeCall) => boolean): Promise<SaslTest> {
  const { start, path, uri } = await wireTest();
  const daemon = await start({ auth: [AUTH.sasl] });
  daemon.intercept = intercept;
  return {
    daemon,
    async connect(password = PASSWORD) {
      const file = `${path}.auth`;
      const group = `[credentials-a]\nauthname=user\npassword=${password}\n`;
      await writeFile(file, `${group}[auth-libvirt-localhost]\ncredentials=a\n`);
      return connectLibvirt(`${uri}&authfile=${file}`, { callTimeout: 1 });
    },
  };
}

describe('a SASL login', () => {
  it.each<[string, Lies]>([
    ['at once', {}],
    ['in an answer of its own', { completeLater: true }],
    ['after much work', { iterations: 4096 }],
  ])('lets in one who knows the password, when success is told %s', async (_how, lies) => {
    const { daemon, connect } = await saslTest(scramServer(lies));
    const hypervisor = await connect();
    expect(await hypervisor.domains()).toHaveLength(1);
    await hypervisor.close();
    const procedures = daemon.calls.map(call => call.procedure);
    expect(procedures.slice(0, 4)).toEqual([PROCEDURE.authList, 67, 68, 69]);
    expect(procedures.indexOf(PROCEDURE.open)).toBeGreaterThan(procedures.lastIndexOf(69));
  });

  it('keeps out one who does not', async () => {
    const { connect } = await saslTest(scramServer({}));
    expect(await codeOf(connect('wrong'))).toBe('HYPERVISOR_DENIED');
  });

  it.each<[string, Lies, string]>([
    ['offers other mechanisms only', { mechanisms: 'GSSAPI,DIGEST-MD5' }, 'HYPERVISOR_DENIED'],
    ['offers nothing', { mechanisms: '' }, 'HYPERVISOR_DENIED'],
    ['offers a mechanism that only begins alike', { mechanisms: 'SCRAM-SHA-256-PLUS' }, 'HYPERVISOR_DENIED'],
    ['asks for a cheap proof', { iterations: 1 }, 'HYPERVISOR_DENIED'],
    ['asks for endless work', { iterations: 2_000_000_000 }, 'HYPERVISOR_DENIED'],
    ['has a nonce of its own', { nonce: () => 'other' }, 'PROTOCOL'],
    ['adds nothing to the nonce', { nonce: client => client }, 'PROTOCOL'],
    ['lets everybody in without a proof of its own', { completeAtStart: true }, 'PROTOCOL'],
    ['believes all and knows nothing', { believesAll: true, final: '' }, 'HYPERVISOR_DENIED'],
    ['makes up its proof', { final: `v=${Buffer.alloc(32).toString('base64')}` }, 'HYPERVISOR_DENIED'],
    ['says that the proof is wrong', { final: 'e=invalid-proof' }, 'HYPERVISOR_DENIED'],
    ['never comes to an end', { neverComplete: true }, 'PROTOCOL'],
  ])('does not go on with a server that %s', async (_what, lies, code) => {
    const { daemon, connect } = await saslTest(scramServer(lies));
    expect(await codeOf(connect())).toBe(code);
    expect(daemon.calls.map(call => call.procedure)).not.toContain(PROCEDURE.open);
    await expect.poll(() => daemon.clients).toEqual([]);
  });

  it('gives no proof to a server that offers what is not supported', async () => {
    const { daemon, connect } = await saslTest(scramServer({ mechanisms: 'PLAIN' }));
    await codeOf(connect());
    expect(daemon.calls.map(call => call.procedure)).toEqual([PROCEDURE.authList, 67]);
  });

  it('has a deadline', async () => {
    const honest = scramServer({});
    const { connect } = await saslTest(call => call.procedure === SASL_PROCEDURE.start || honest(call));
    expect(await codeOf(connect())).toBe('HYPERVISOR_TIMEOUT');
  });

  it('ends in a named error, whatever bytes the server sends', async () => {
    const honest = scramServer({});
    let at = 0;
    let payload = Buffer.alloc(0);
    const { connect } = await saslTest(call => {
      if (call.procedure !== at) return honest(call);
      call.reply(payload);
      return true;
    });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(67, 68, 69),
        fc.array(fc.oneof(fc.constantFrom(0, 1, 2, 255), fc.nat(255)), { maxLength: 64 }),
        async (procedure, bytes) => {
          at = procedure;
          payload = Buffer.from(bytes);
          const error: unknown = await connect().catch((reason: unknown) => reason);
          expect(isBallonetError(error, 'PROTOCOL') || isBallonetError(error, 'HYPERVISOR_DENIED')).toBe(
            true,
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});
