/** Who may do what: callers are known by the door they come in by, and by their token or certificate. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { PeerCertificate } from 'node:tls';
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
 * Whose certificates may do what: each a common name, `sha256:` and a fingerprint, or `*` for all that the authority has issued.
 * A writer may read as well.
 */
export interface CertificateNames {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/**
 * Who comes with a certificate of the authority that clients are checked against.
 *
 * @param from the peer's address
 */
export function callerByCertificate(
  { read, write }: CertificateNames,
  { subject, fingerprint256 }: Pick<PeerCertificate, 'subject' | 'fingerprint256'>,
  from: string,
): Caller {
  // A subject with several common names is an array, and none of ours.
  const name: unknown = subject.CN;
  const own = typeof name === 'string' ? [name] : [];
  const known = new Set(['*', fingerprintName(fingerprint256), ...own]);
  const isOneOf = (names: readonly string[]): boolean => names.some(wanted => known.has(wanted));
  // What stands in the log is made of letters that cannot begin a line of their own.
  const by = `${JSON.stringify(own[0] ?? '')} (certificate) from ${from}`;
  return { by, may: isOneOf(write) ? 'write' : isOneOf(read) ? 'read' : 'nothing' };
}

/** As a fingerprint is configured, from how openssl and Node write it. */
export function fingerprintName(fingerprint: string): string {
  return `sha256:${fingerprint.replaceAll(':', '').toLowerCase()}`;
}

/**
 * Who comes over the unix socket: the kernel has let them in, and the group of the socket may do everything. Node does not tell
 * the peer's credentials, so the name is what the client says of itself.
 */
export function callerBySocket(claimed: string | undefined): Caller {
  const name = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/.exec(claimed ?? '')?.[0];
  return { by: name === undefined ? 'socket' : `${name} (socket)`, may: 'write' };
}

/** @throws BallonetError TOKEN_REFUSED, DAEMON_DENIED */
export function admit({ may }: Caller, access: Access): void {
  if (access === 'open' || may === 'write' || may === access) return;
  if (may === 'nothing')
    throw new BallonetError(
      'TOKEN_REFUSED',
      'a bearer token, or a certificate that was named, is wanted, and there was none or another',
    );
  throw new BallonetError(
    'DAEMON_DENIED',
    'to change something, the write token, or the certificate of one who may, is wanted; over the unix socket none is',
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
