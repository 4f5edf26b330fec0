/** What the places of libvirt's sockets, certificates and passwords depend on. Source: libvirt 9.0.0, src/util/virutil.c. */
import { homedir } from 'node:os';

export interface Places {
  /** Effective user id. */
  readonly uid: number;
  readonly home: string;
  /** `$XDG_RUNTIME_DIR`. */
  readonly runtimeDir?: string | undefined;
  /** `$XDG_CACHE_HOME` or `~/.cache`. */
  readonly cacheDir: string;
  /** `$XDG_CONFIG_HOME` or `~/.config`. */
  readonly configDir: string;
  /** `$LIBVIRT_AUTH_FILE`. */
  readonly authFile?: string | undefined;
}

/** The places as this process and its environment have them. */
export function placesOfThisProcess(): Places {
  const home = homedir();
  return {
    uid: process.geteuid?.() ?? 0,
    home,
    runtimeDir: process.env.XDG_RUNTIME_DIR,
    cacheDir: process.env.XDG_CACHE_HOME ?? `${home}/.cache`,
    configDir: process.env.XDG_CONFIG_HOME ?? `${home}/.config`,
    authFile: process.env.LIBVIRT_AUTH_FILE,
  };
}
