import { type ErrorCode, isBallonetError } from '../model/errors.ts';

const STATUS: Partial<Record<ErrorCode, number>> = {
  REQUEST_INVALID: 400,
  TOKEN_REFUSED: 401,
  DAEMON_DENIED: 403,
  OPERATION_DENIED: 403,
  DOMAIN_NOT_FOUND: 404,
  ROUTE_NOT_FOUND: 404,
  REQUEST_TOO_LARGE: 413,
  POLICY_INVALID: 422,
  POLICY_UNREADABLE: 422,
  CONFIG_INVALID: 422,
  JOURNAL_UNREADABLE: 422,
  REQUEST_LIMITED: 429,
  DAEMON_NOT_READY: 503,
  HYPERVISOR_UNREACHABLE: 503,
};

/** The HTTP status for what a handler threw. */
export function httpStatus(error: unknown): number {
  return isBallonetError(error) ? statusOfCode(error.code) : 500;
}

export function statusOfCode(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}
