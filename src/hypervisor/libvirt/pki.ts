/** Certificates and keys in libvirt's places. Source: libvirt 9.0.0, src/rpc/virnettlscontext.c, docs/kbase/tlscerts.rst. */
import { accessSync, constants } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { BallonetError, errorMessage, systemCode } from '../../model/errors.ts';
import type { Places } from './places.ts';

export interface PkiPaths {
  /** Certificates of the authorities that servers are trusted by. */
  readonly authority: string;
  /** What those authorities have revoked; need not be there. */
  readonly revoked: string;
  /** One's own certificate and its key; need not be there, but most servers ask for it. */
  readonly certificate: string;
  readonly key: string;
}

/** What is in the files, PEM. */
export interface Pki {
  readonly authority?: Buffer;
  readonly revoked?: Buffer;
  readonly certificate?: Buffer;
  readonly key?: Buffer;
}

/**
 * With a folder named, all files are in it. Without, those of the user come first, except for root: each alone, but
 * certificate and key as a pair. Then those of the system.
 */
export function locatePki(
  folder: string | undefined,
  places: Pick<Places, 'uid' | 'home'>,
  exists: (path: string) => boolean = isThere,
): PkiPaths {
  if (folder !== undefined) return inOneFolder(folder);
  const system = {
    authority: '/etc/pki/CA/cacert.pem',
    revoked: '/etc/pki/CA/cacrl.pem',
    certificate: '/etc/pki/libvirt/clientcert.pem',
    key: '/etc/pki/libvirt/private/clientkey.pem',
  };
  if (places.uid === 0) return system;
  const own = inOneFolder(`${places.home}/.pki/libvirt`);
  const pair = exists(own.certificate) && exists(own.key) ? own : system;
  return {
    authority: exists(own.authority) ? own.authority : system.authority,
    revoked: exists(own.revoked) ? own.revoked : system.revoked,
    certificate: pair.certificate,
    key: pair.key,
  };
}

function inOneFolder(folder: string): PkiPaths {
  return {
    authority: `${folder}/cacert.pem`,
    revoked: `${folder}/cacrl.pem`,
    certificate: `${folder}/clientcert.pem`,
    key: `${folder}/clientkey.pem`,
  };
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Reads the files. The authorities must be there if the server is to be verified by them.
 *
 * @throws BallonetError HYPERVISOR_DENIED for a file that is missing, unreadable, or no PEM
 */
export async function readPki(paths: PkiPaths, verify: boolean): Promise<Pki> {
  const authority = await readPem(paths.authority, 'CERTIFICATE');
  if (verify && !authority) {
    throw new BallonetError(
      'HYPERVISOR_DENIED',
      `there is no certificate authority to verify the server by: ${paths.authority} is not there`,
    );
  }
  const revoked = await readPem(paths.revoked, 'X509 CRL');
  const certificate = await readPem(paths.certificate, 'CERTIFICATE');
  const key = certificate && (await readPem(paths.key, 'PRIVATE KEY'));
  return {
    ...(authority && { authority }),
    ...(revoked && { revoked }),
    ...(certificate && key && { certificate, key }),
  };
}

/**
 * Undefined when the file is not there. One without PEM must not get through: Node takes an empty list of authorities for
 * none given, and trusts those of the World Wide Web then.
 */
async function readPem(path: string, label: string): Promise<Buffer | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new BallonetError('HYPERVISOR_DENIED', `cannot read ${path}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  if (!new RegExp(`^-----BEGIN (?:[A-Z0-9]+ )*${label}-----`, 'm').test(bytes.toString('latin1')))
    throw new BallonetError('HYPERVISOR_DENIED', `${path} has no ${label} in PEM`);
  return bytes;
}
