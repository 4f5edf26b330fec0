/** The files that `--listen` speaks TLS with. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { fingerprintName } from '../../api/access.ts';
import type { Tls } from '../../api/server.ts';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import type { TlsFiles } from './api-options.ts';
import { readSecret } from './tokens.ts';

const FINGERPRINT = /^sha256:([0-9a-f]{2}:?){31}[0-9a-f]{2}$/i;

interface ReadTls extends Tls {
  /** RFC 3339: when the certificate runs out. */
  readonly until: string;
  readonly expiries: Expiries;
}

/** Unix times at which certificates run out: the one of the address, and the authority of its clients. */
export interface Expiries {
  readonly listen: Seconds;
  readonly clients: Seconds | undefined;
}

/**
 * Undefined where TLS is not wanted.
 *
 * @throws BallonetError CONFIG_INVALID, which names the flag or file
 */
export function readTls(files: TlsFiles): ReadTls | undefined {
  const { certificate, key, clientAuthority, readers, writers } = files;
  if (certificate === undefined || key === undefined) {
    if ([certificate, key, clientAuthority, readers[0], writers[0]].some(given => given !== undefined))
      throw refused('TLS wants both --tls-cert and --tls-key');
    return undefined;
  }
  const names = { read: readers.map(nameOf), write: writers.map(nameOf) };
  const isNamed = readers.length + writers.length > 0;
  if (clientAuthority === undefined && isNamed)
    throw refused('--tls-read and --tls-write want --tls-client-ca, which says whose certificates count');
  if (clientAuthority !== undefined && !isNamed)
    throw refused(
      '--tls-client-ca alone lets nobody in: name those who may with --tls-read and --tls-write, or * for all of its certificates',
    );
  const cert = read(certificate, '--tls-cert');
  const context: SecureContextOptions = {
    cert,
    key: readSecret(key, '--tls-key'),
    ...(clientAuthority !== undefined && { ca: read(clientAuthority, '--tls-client-ca') }),
  };
  const own = parsed(cert, `--tls-cert ${certificate}`);
  const authority =
    clientAuthority === undefined
      ? undefined
      : parsed(String(context.ca), `--tls-client-ca ${clientAuthority}`);
  const until = new Date(own.validTo);
  if (until.getTime() <= Date.now())
    throw refused(`--tls-cert ${certificate} ran out on ${until.toISOString()}: have it renewed`);
  try {
    createSecureContext(context);
  } catch (cause) {
    const why = `--tls-cert ${certificate} and --tls-key ${key} cannot be used together: ${errorMessage(cause)}`;
    throw refused(why, cause);
  }
  return {
    context,
    clients: clientAuthority === undefined ? undefined : names,
    until: until.toISOString(),
    expiries: {
      listen: until.getTime() / 1000,
      clients: authority && Date.parse(authority.validTo) / 1000,
    },
  };
}

/** @throws BallonetError CONFIG_INVALID for a fingerprint that is none, which would be taken for a common name */
function nameOf(text: string): string {
  if (!/^sha(1|256|384|512):/i.test(text)) return text;
  if (!FINGERPRINT.test(text))
    throw refused(
      `'${text}' is no fingerprint: write sha256: and 64 hexadecimal digits, as openssl x509 -fingerprint -sha256 prints them`,
    );
  return fingerprintName(text.slice('sha256:'.length));
}

function read(file: string, flag: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw refused(`${flag} ${file}: ${errorMessage(cause)}`, cause);
  }
}

function parsed(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw refused(`${what} is no certificate in PEM: ${errorMessage(cause)}`, cause);
  }
}

function refused(message: string, cause?: unknown): BallonetError {
  return new BallonetError('CONFIG_INVALID', message, { cause });
}
