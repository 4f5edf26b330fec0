/**
 * Every error that Ballonet raises on purpose: one class, one table of codes. A test holds this table and
 * docs/reference/errors.md equal.
 */

interface ErrorKind {
  /** What it means and what to do, for the reference page. */
  readonly help: string;
  /** Exit code of a command that ends with it (cli.md). */
  readonly exit: 1 | 2 | 4 | 5 | 78;
  /** The same call may work later without anybody changing anything. */
  readonly transient?: true;
}

export const ERRORS = {
  USAGE: {
    exit: 2,
    help: 'The command line is wrong. The message names the argument and the form it wants.',
  },
  URI_INVALID: {
    exit: 2,
    help: 'The hypervisor URI cannot be read, or names a driver or transport that is not supported. The message lists what is.',
  },
  POLICY_INVALID: {
    exit: 78,
    help: 'The policy set has errors and was refused as a whole. The diagnostics give file, line and column of each.',
  },
  POLICY_UNREADABLE: {
    exit: 78,
    help: 'A policy file or folder cannot be read. Check the path and its permissions.',
  },
  SCENARIO_INVALID: {
    exit: 1,
    help: 'The scenario cannot be read, or has errors. The diagnostics give file, line and column of each.',
  },
  REPORT_UNWRITABLE: {
    exit: 1,
    help: 'A report, or what else a command was to leave in a file, cannot be written where it was told to. Check the folder, its permissions and the space on it; a file that was there is as it was.',
  },
  SIMULATION_BROKEN: {
    exit: 1,
    help: 'A simulation found its own books out of balance: memory lost or invented, or a policy that promised more than there is. This is a fault of Ballonet; please report it with the scenario, the seed and the policy.',
  },
  TRACE_INVALID: {
    exit: 1,
    help: 'A trace that a scenario names cannot be read, or lacks a column or any row that can be used. The message names the file.',
  },
  CONFIG_INVALID: {
    exit: 78,
    help: 'The daemon refuses its configuration. The message names the setting and the fix.',
  },
  OWNED_BY_ANOTHER: {
    exit: 78,
    help: 'Another Ballonet moves the balloons of these guests: one that runs with the same state folder, or one on another host or with another folder that renewed its lease in their metadata lately. Two controllers would fight over every guest, so this one does not start. Stop the other one, or run this one with --dry-run.',
  },
  STATE_UNAVAILABLE: {
    exit: 78,
    help: 'The folder for the state cannot be made or used. The message names it; --state gives another one.',
  },
  SOCKET_UNAVAILABLE: {
    exit: 1,
    help: 'The socket to serve at cannot be made: something else listens there, a file is in the way, or the folder is missing or closed to this user. The message says which.',
  },
  HYPERVISOR_UNREACHABLE: {
    exit: 4,
    transient: true,
    help: "Nothing answers at the hypervisor's socket, address or far end of ssh. Check that libvirtd or virtqemud runs there and that the URI names it.",
  },
  HYPERVISOR_DENIED: {
    exit: 4,
    help: 'The hypervisor is there and does not let this user in, or it is not the one that was wanted: permission for its socket, polkit rule, password, certificate or host key. The message says which.',
  },
  HYPERVISOR_TIMEOUT: {
    exit: 4,
    transient: true,
    help: 'A call had no answer within its deadline. A hung guest or an overloaded libvirtd is the usual cause.',
  },
  HYPERVISOR_CLOSED: {
    exit: 4,
    transient: true,
    help: 'The connection to the hypervisor ended while a call was under way, or before it.',
  },
  PROTOCOL: {
    exit: 4,
    help: "The peer sent bytes that libvirt's RPC protocol does not allow. The connection was closed; nothing of the message was used.",
  },
  DOMAIN_NOT_FOUND: {
    exit: 5,
    help: 'No domain has this name, id or uuid. `ballonet list` shows the ones there are.',
  },
  OPERATION_REFUSED: {
    exit: 1,
    help: 'The hypervisor refused the operation; its own words and error code are in the message.',
  },
  OPERATION_BUSY: {
    exit: 1,
    transient: true,
    help: 'A job of another client (migration, snapshot, backup) holds the domain. Wait for it to end.',
  },
  OPERATION_DENIED: { exit: 1, help: 'The connection is read-only or lacks the right for this operation.' },
  OPERATION_UNSUPPORTED: {
    exit: 1,
    help: 'This hypervisor driver does not have the operation, or the domain has no balloon device.',
  },
  VALUE_OUT_OF_RANGE: {
    exit: 1,
    help: 'A number lies outside what can be represented exactly (2^53-1) or what the hypervisor allows.',
  },
  REQUEST_INVALID: {
    exit: 2,
    help: 'A request to the daemon is malformed: the message names the parameter or field and the form it wants.',
  },
  REQUEST_TOO_LARGE: { exit: 1, help: 'The body of a request to the daemon is larger than 64 KiB.' },
  REQUEST_LIMITED: {
    exit: 1,
    transient: true,
    help: 'Too many requests to the daemon in a short time. Wait a moment.',
  },
  ROUTE_NOT_FOUND: {
    exit: 5,
    help: 'The daemon has no such path, or not with this method; `/api/v1/openapi.json` lists what there is.',
  },
  DAEMON_UNREACHABLE: {
    exit: 4,
    transient: true,
    help: "Nothing answers at the daemon's socket or address. Check that `ballonet run` runs, and that --socket names the socket that it was started with.",
  },
  DAEMON_DENIED: {
    exit: 4,
    help: "The daemon's socket is closed to this user, or the token is not enough for the request. The message says which.",
  },
  TOKEN_REFUSED: {
    exit: 4,
    help: 'The daemon wants a bearer token and got none, or another one.',
  },
  DAEMON_NOT_READY: {
    exit: 4,
    transient: true,
    help: 'The daemon runs and has not yet seen its guests: its first tick has not succeeded.',
  },
  DAEMON_ANSWER_INVALID: {
    exit: 4,
    help: 'What answers at the socket or address is not a Ballonet daemon, or one of a version that this command cannot read.',
  },
  DAEMON_FAULT: {
    exit: 1,
    help: 'The daemon failed at a request in a way that it should not have. Its log has the details.',
  },
  HOST_UNREADABLE: {
    exit: 1,
    transient: true,
    help: "A file of /proc or the cgroup tree that the host's memory is read from is missing or malformed.",
  },
  JOURNAL_UNWRITABLE: {
    exit: 1,
    transient: true,
    help: 'The journal cannot be written: the disk is full or too slow, or the folder is not there or closed to this user. Control goes on without it; the daemon tries again every minute.',
  },
  JOURNAL_UNREADABLE: {
    exit: 1,
    help: 'This is no journal, or none that this version reads, or it does not hold what was asked for. The message says which.',
  },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  readonly cause?: unknown;
  /** The hypervisor's own error code (`virErrorNumber` for libvirt). */
  readonly hypervisorCode?: number;
}

/** The one error class. Tests and callers look at `code`, never at the wording. */
export class BallonetError extends Error {
  readonly code: ErrorCode;
  readonly hypervisorCode: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'BallonetError';
    this.code = code;
    this.hypervisorCode = details.hypervisorCode;
  }
}

export function isBallonetError(error: unknown, code?: ErrorCode): error is BallonetError {
  return error instanceof BallonetError && (code === undefined || error.code === code);
}

/** True when the same call may succeed later by itself. */
export function isTransient(error: unknown): boolean {
  return error instanceof BallonetError && 'transient' in ERRORS[error.code];
}

/** True when the connection, not the call, is what failed. */
export function isConnectionLost(error: unknown): boolean {
  return (
    isBallonetError(error, 'HYPERVISOR_CLOSED') ||
    isBallonetError(error, 'HYPERVISOR_UNREACHABLE') ||
    isBallonetError(error, 'PROTOCOL')
  );
}

/** The message of anything thrown, for a log field or a line on stderr. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of a system error, such as `ENOENT`; empty when it is none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
