import type { Address } from '../../api/address.ts';

/** Files with one token each: of those who may read, and of those who may change things too. */
export interface TokenFiles {
  readonly read: string | undefined;
  readonly write: string | undefined;
}

/** What `--listen` speaks TLS with. */
export interface TlsFiles {
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  /** The authority that clients' certificates are checked against. */
  readonly clientAuthority: string | undefined;
  /** Common names, `sha256:` and a fingerprint, or `*`. */
  readonly readers: readonly string[];
  readonly writers: readonly string[];
}

export interface ApiOptions {
  /** Where the unix socket is to be. */
  readonly socket: string | undefined;
  /** The socket is where it is by default, in a folder that may not be there yet. */
  readonly isDefault: boolean;
  readonly listen: Address | undefined;
  readonly tokens: TokenFiles;
  readonly tls: TlsFiles;
}
