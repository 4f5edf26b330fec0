/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding. Neither side learns the password from
 * what is sent, and the server has to prove that it knows it too.
 *
 * User name and password go in as they are, without SASLprep: Cyrus SASL, which libvirt uses, has none for SCRAM.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { BallonetError } from '../../model/errors.ts';
import type { Credentials } from './sasl-auth-file.ts';
import { malformed } from './xdr.ts';

export const SCRAM_SHA_256 = 'SCRAM-SHA-256';

/** RFC 7677 asks for 4096 at least; fewer would make what is sent cheap to try passwords on. */
const ITERATIONS_MIN = 4096;
/** About half a second of a thread; a server must not choose how long this side computes. */
const ITERATIONS_MAX = 1_000_000;
const HASH_BYTES = 32;
const NONCE_BYTES = 24;

const deriveKey = promisify(pbkdf2);

/** After the first message, before the answer to it. */
export interface ScramBegun {
  readonly message: string;
  readonly nonce: string;
  readonly channel: string;
  readonly bare: string;
  readonly password: string;
}

/** After the second message: what the server's proof must be. */
export interface ScramAnswered {
  readonly message: string;
  readonly serverSignature: Buffer;
}

/** The first message of the client. A nonce is given by tests only. */
export function beginScram(
  credentials: Credentials,
  nonce: string = randomBytes(NONCE_BYTES).toString('base64'),
): ScramBegun {
  const { authName, actAs, password } = credentials;
  const channel = actAs === undefined ? 'n,,' : `n,a=${escapeName(actAs)},`;
  const bare = `n=${escapeName(authName)},r=${nonce}`;
  return { message: channel + bare, nonce, channel, bare, password };
}

/**
 * The second message: the proof that this side knows the password.
 *
 * @throws BallonetError PROTOCOL, HYPERVISOR_DENIED when the server asks for a work that is too small or too large
 */
export async function answerScram(begun: ScramBegun, serverFirst: string): Promise<ScramAnswered> {
  // An extension that is not known would come first, as `m=`; others after the three may be ignored.
  const [, nonce = '', salt = '', count = ''] =
    /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})(?:,[A-Za-z]=[^,]*)*$/.exec(
      serverFirst,
    ) ?? [];
  if (nonce === '') throw malformed('the first message of its SCRAM login');
  if (!nonce.startsWith(begun.nonce) || nonce.length === begun.nonce.length)
    throw malformed('a SCRAM nonce that does not continue the one of this side');
  const iterations = Number(count);
  if (iterations < ITERATIONS_MIN || iterations > ITERATIONS_MAX)
    throw new BallonetError(
      'HYPERVISOR_DENIED',
      `libvirt asks for ${iterations} iterations of the password's hash; ${ITERATIONS_MIN} to ${ITERATIONS_MAX} are taken`,
    );
  const saltedPassword = await deriveKey(
    begun.password,
    Buffer.from(salt, 'base64'),
    iterations,
    HASH_BYTES,
    'sha256',
  );
  const withoutProof = `c=${Buffer.from(begun.channel).toString('base64')},r=${nonce}`;
  const transcript = `${begun.bare},${serverFirst},${withoutProof}`;
  const clientKey = hmac(saltedPassword, 'Client Key');
  const signature = hmac(createHash('sha256').update(clientKey).digest(), transcript);
  const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
  return {
    message: `${withoutProof},p=${Buffer.from(proof).toString('base64')}`,
    serverSignature: hmac(hmac(saltedPassword, 'Server Key'), transcript),
  };
}

/**
 * Holds the server's last message against what it must be.
 *
 * @throws BallonetError HYPERVISOR_DENIED when the server refuses the login, or does not know the password itself
 */
export function verifyScram({ serverSignature }: ScramAnswered, serverFinal: string): void {
  const refused = /^e=([A-Za-z0-9-]{1,64})/.exec(serverFinal)?.[1];
  if (refused !== undefined)
    throw new BallonetError('HYPERVISOR_DENIED', `libvirt refused the SCRAM login: ${refused}`);
  const [, given = ''] = /^v=([A-Za-z0-9+/]+={0,2})(?:,|$)/.exec(serverFinal) ?? [];
  const signature = Buffer.from(given, 'base64');
  if (signature.length !== serverSignature.length || !timingSafeEqual(signature, serverSignature))
    throw new BallonetError(
      'HYPERVISOR_DENIED',
      'libvirt did not prove that it knows the password: somebody else may be answering in its place',
    );
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** `saslname` of RFC 5802. */
function escapeName(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}
