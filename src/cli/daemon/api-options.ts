import type { Address } from '../../api/address.ts';

/** Files with one token each: of those who may read, and of those who may change things too. */
export interface TokenFiles {
  readonly read: string | undefined;
  readonly write: string | undefined;
}

export interface ApiOptions {
  /** Where the unix socket is to be. */
  readonly socket: string | undefined;
  /** The socket is where it is by default, in a folder that may not be there yet. */
  readonly isDefault: boolean;
  readonly listen: Address | undefined;
  readonly tokens: TokenFiles;
}
