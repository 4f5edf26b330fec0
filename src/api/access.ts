/** Who may do what: callers are known by the door they come in by, and by their token. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BallonetError } from '../model/errors.ts';
import type { Access } from './routes.ts';

/** Somebody at the door. */
export interface Caller {
  /** For the audit log. Never has a token in it. */
  readonly by: string;
  readonly may: 'read' | 'write' | 'nothing';
}

/** Tokens of a door; a writer may read as well. Without any, whoever comes may read and nobody may write. */
export interface Tokens {
  readonly read?: string | undefined;
  readonly write?: string | undefined;
}

/**
 * Who comes over TCP.
 *
 * @param authorization the header, if there was one
 * @param from the peer's address
 */
export function callerByToken(tokens: Tokens, authorization: string | undefined, from: string): Caller {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1];
  // Each comparison is made, so that the time taken tells nothing.
  const isWriter = same(given, tokens.write);
  const isReader = same(given, tokens.read);
  if (isWriter) return { by: `write token from ${from}`, may: 'write' };
  if (isReader) return { by: `read token from ${from}`, may: 'read' };
  const open = tokens.read === undefined && tokens.write === undefined && authorization === undefined;
  return { by: from, may: open ? 'read' : 'nothing' };
}

/**
 * Who comes over the unix socket: the kernel has let them in, and the group of the socket may do everything. Node does not tell
 * the peer's credentials, so the name is what the client says of itself.
 */
export function callerBySocket(claimed: string | undefined): Caller {
  const name = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.exec(claimed ?? '')?.[0];
  return { by: name === undefined ? 'socket' : `${name} (socket)`, may: 'write' };
}

/** @throws BallonetError DAEMON_DENIED */
export function admit({ may }: Caller, access: Access): void {
  if (access === 'open' || may === 'write' || may === access) return;
  throw new BallonetError(
    'DAEMON_DENIED',
    may === 'nothing'
      ? 'a bearer token is wanted, and there was none or another'
      : 'to change something, the write token is wanted; over the unix socket none is',
  );
}

function same(given: string | undefined, wanted: string | undefined): boolean {
  if (given === undefined || wanted === undefined) return false;
  return timingSafeEqual(digest(given), digest(wanted));
}

/** All of one length, as the comparison asks for. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
