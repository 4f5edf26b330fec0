/** libvirt's error codes in our words. Source: libvirt 9.0.0, include/libvirt/virterror.h, `virErrorNumber`. */
import type { ErrorCode } from '../../model/errors.ts';
import { BallonetError } from '../../model/errors.ts';
import type { RemoteError } from './structures.ts';

/** Codes of `virErrorNumber` that something is decided by. */
export const LIBVIRT_ERROR = {
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationDenied: 29,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  noDomainMetadata: 80,
  accessDenied: 88,
} as const;

const CODES: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  [LIBVIRT_ERROR.noSupport, 'OPERATION_UNSUPPORTED'],
  [LIBVIRT_ERROR.noConnect, 'HYPERVISOR_UNREACHABLE'],
  [LIBVIRT_ERROR.operationDenied, 'OPERATION_DENIED'],
  // The server answers a procedure that it does not have with VIR_ERR_RPC.
  [LIBVIRT_ERROR.rpc, 'OPERATION_UNSUPPORTED'],
  [LIBVIRT_ERROR.noDomain, 'DOMAIN_NOT_FOUND'],
  [LIBVIRT_ERROR.authFailed, 'HYPERVISOR_DENIED'],
  [68 /* OPERATION_TIMEOUT: the job lock was not had */, 'OPERATION_BUSY'],
  [74 /* ARGUMENT_UNSUPPORTED */, 'OPERATION_UNSUPPORTED'],
  [79 /* AUTH_CANCELLED */, 'HYPERVISOR_DENIED'],
  [84 /* OPERATION_UNSUPPORTED */, 'OPERATION_UNSUPPORTED'],
  [87 /* RESOURCE_BUSY */, 'OPERATION_BUSY'],
  [LIBVIRT_ERROR.accessDenied, 'OPERATION_DENIED'],
  [94 /* AUTH_UNAVAILABLE */, 'HYPERVISOR_DENIED'],
]);

/** By `virErrorNumber`. */
export type RefusalCodes = Readonly<Record<number, ErrorCode>>;

/** Keeps libvirt's own words and code; a code in neither table means `otherwise`. */
export function fromRemoteError(
  error: RemoteError,
  special: RefusalCodes = {},
  otherwise: ErrorCode = 'OPERATION_REFUSED',
): BallonetError {
  const code = special[error.code] ?? CODES.get(error.code) ?? otherwise;
  return new BallonetError(code, `libvirt: ${error.message} (error ${error.code})`, {
    hypervisorCode: error.code,
  });
}
