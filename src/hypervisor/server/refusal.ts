/**
 * Errors as libvirt's clients know them: number, origin and text. Source: libvirt 9.0.0, include/libvirt/virterror.h; which
 * number a libvirtd answers in which case was seen on one.
 */
import type { ErrorCode } from '../../model/errors.ts';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { XdrWriter } from '../libvirt/xdr.ts';

/** Numbers of `virErrorNumber` that this server says. */
export const VIR_ERR = {
  internal: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationDenied: 29,
  system: 38,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  operationTimeout: 68,
  argumentUnsupported: 74,
  noDomainMetadata: 80,
  operationUnsupported: 84,
} as const;

/** Past the last number that libvirt 9.0.0 has. */
const VIR_ERR_LAST = 111;

/** `virErrorDomain`: which part of libvirt speaks. */
const FROM = { rpc: 7, test: 12, domain: 20 } as const;

const ORIGINS: ReadonlyMap<number, number> = new Map<number, number>([
  [VIR_ERR.internal, FROM.rpc],
  [VIR_ERR.system, FROM.rpc],
  [VIR_ERR.rpc, FROM.rpc],
  [VIR_ERR.authFailed, FROM.rpc],
  [VIR_ERR.noSupport, FROM.domain],
  [VIR_ERR.operationDenied, FROM.domain],
  [VIR_ERR.noDomainMetadata, FROM.domain],
]);

/** What an error of ours is to libvirt where the hypervisor gave no number of its own. */
const NUMBERS: Readonly<Partial<Record<ErrorCode, number>>> = {
  DOMAIN_NOT_FOUND: VIR_ERR.noDomain,
  OPERATION_REFUSED: VIR_ERR.operationInvalid,
  OPERATION_BUSY: VIR_ERR.operationTimeout,
  OPERATION_DENIED: VIR_ERR.operationDenied,
  OPERATION_UNSUPPORTED: VIR_ERR.operationUnsupported,
  VALUE_OUT_OF_RANGE: VIR_ERR.invalidArgument,
  HYPERVISOR_TIMEOUT: VIR_ERR.operationTimeout,
  HYPERVISOR_UNREACHABLE: VIR_ERR.system,
  HYPERVISOR_CLOSED: VIR_ERR.system,
  HYPERVISOR_DENIED: VIR_ERR.operationDenied,
  PROTOCOL: VIR_ERR.system,
};

/** `VIR_ERR_ERROR`, as opposed to a warning. */
const LEVEL_ERROR = 2;
const TEXT_MAX_CHARACTERS = 4096;

export interface Refusal {
  readonly number: number;
  readonly message: string;
}

/** An error that the client is to get with this number. */
export function refused(code: ErrorCode, number: number, message: string, cause?: unknown): BallonetError {
  return new BallonetError(code, message, { hypervisorCode: number, cause });
}

/** What the client is told of any error; of one that is not ours it is told nothing but that. */
export function refusalOf(error: unknown): Refusal {
  if (!(error instanceof BallonetError))
    return { number: VIR_ERR.internal, message: 'internal error: the call failed unexpectedly' };
  const { hypervisorCode } = error;
  const own = hypervisorCode !== undefined && hypervisorCode > 0 && hypervisorCode < VIR_ERR_LAST;
  return {
    number: own ? hypervisorCode : (NUMBERS[error.code] ?? VIR_ERR.internal),
    message: errorMessage(error),
  };
}

/** Writes a `remote_error`. */
export function writeRefusal(writer: XdrWriter, { number, message }: Refusal): void {
  const text = message.slice(0, TEXT_MAX_CHARACTERS);
  writer
    .i32(number)
    .i32(ORIGINS.get(number) ?? FROM.test)
    .optional(text, writeText)
    .i32(LEVEL_ERROR)
    .bool(false) // no domain
    .optional('%s', writeText)
    .optional(text, writeText)
    .bool(false)
    .i32(-1)
    .i32(-1)
    .bool(false); // no network
}

function writeText(writer: XdrWriter, text: string): void {
  writer.string(text);
}
