/** The SASL login over libvirt's own procedures. Source: libvirt 9.0.0, src/remote/remote_protocol.x, remote_driver.c. */
import { BallonetError } from '../../model/errors.ts';
import type { Call } from './call.ts';
import type { RpcConnection } from './connection.ts';
import { LIBVIRT_ERROR } from './remote-error.ts';
import type { Credentials } from './sasl-auth-file.ts';
import { answerScram, beginScram, SCRAM_SHA_256, verifyScram } from './sasl-scram.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';
import { malformed } from './xdr.ts';

/** `remote_procedure` numbers. */
export const SASL_PROCEDURE = { init: 67, start: 68, step: 69 } as const;

/** Far below the protocol's 65536, and far above what SCRAM needs. */
const DATA_MAX_BYTES = 4096;
const MECHANISMS_MAX_BYTES = 4096;

interface Answer {
  readonly complete: boolean;
  readonly data: string;
}

/**
 * Logs in. The credentials are asked for when the server has offered a mechanism that is supported.
 *
 * @throws BallonetError HYPERVISOR_DENIED, PROTOCOL, and what `credentials` throws
 */
export async function logInBySasl(
  connection: RpcConnection,
  credentials: () => Promise<Credentials>,
): Promise<void> {
  const offered = (await connection.call(saslInit())).split(',').filter(Boolean);
  if (!offered.includes(SCRAM_SHA_256))
    throw new BallonetError(
      'HYPERVISOR_DENIED',
      `libvirt offers a SASL login by ${offered.join(', ') || 'nothing'}, and ${SCRAM_SHA_256} alone is supported: mech_list in its sasl2/libvirt.conf says what it offers`,
    );
  const begun = beginScram(await credentials());
  const first = await connection.call(saslStart(SCRAM_SHA_256, begun.message));
  if (first.complete) throw malformed('the end of a SCRAM login before any proof');
  const answered = await answerScram(begun, first.data);
  const final = await connection.call(saslStep(answered.message));
  verifyScram(answered, final.data);
  // A server that keeps its last message apart from its success waits for one more word.
  if (!final.complete && !(await connection.call(saslStep(undefined))).complete)
    throw malformed('no end of a SCRAM login after both proofs');
}

/** Whatever the reason is, the login failed; libvirt tells no more than that on purpose. */
const REFUSED = {
  refusals: { [LIBVIRT_ERROR.rpc]: 'HYPERVISOR_DENIED' },
  otherwise: 'HYPERVISOR_DENIED',
} as const;

function saslInit(): Call<string> {
  return {
    ...REFUSED,
    procedure: SASL_PROCEDURE.init,
    name: 'AUTH_SASL_INIT',
    read: r => r.string(MECHANISMS_MAX_BYTES),
  };
}

function saslStart(mechanism: string, message: string): Call<Answer> {
  return {
    ...REFUSED,
    procedure: SASL_PROCEDURE.start,
    name: 'AUTH_SASL_START',
    write: w => writeData(w.string(mechanism), message),
    read: readAnswer,
  };
}

function saslStep(message: string | undefined): Call<Answer> {
  return {
    ...REFUSED,
    procedure: SASL_PROCEDURE.step,
    name: 'AUTH_SASL_STEP',
    write: w => writeData(w, message),
    read: readAnswer,
  };
}

/** To SASL no message and an empty one differ, so a flag says which. `char data<>` takes a word for each byte. */
function writeData(writer: XdrWriter, message: string | undefined): void {
  writer.i32(message === undefined ? 1 : 0);
  writer.array([...new Int8Array(Buffer.from(message ?? ''))], (w, byte) => w.i32(byte));
}

function readAnswer(reader: XdrReader): Answer {
  const complete = reader.i32() !== 0;
  reader.i32(); // Whether there is a message at all; without one the data are empty.
  const bytes = reader.array(DATA_MAX_BYTES, 4, item => item.i32());
  return { complete, data: Buffer.from(bytes).toString('utf8') };
}
