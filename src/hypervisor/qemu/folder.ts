/** A folder of QMP sockets, watched: guests come and go with their sockets. */
import { type FSWatcher, watch } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import { SOCKET_SUFFIX } from './uri.ts';

/** Several files change when a QEMU starts; it is enough to look once. */
const SETTLE_MS = 50;

export type Place =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'socket'; readonly path: string };

/** What is at a path. @throws BallonetError HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, URI_INVALID */
export async function placeAt(path: string): Promise<Place> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) return { kind: 'folder', path };
    if (found.isSocket()) return { kind: 'socket', path };
  } catch (error) {
    throw unreadable(path, error);
  }
  throw new BallonetError('URI_INVALID', `${path} is neither a QMP socket nor a folder of them`);
}

/** Paths of the sockets in a folder, in the order of their names. @throws BallonetError HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED */
export async function socketsIn(folder: string): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter(name => name.endsWith(SOCKET_SUFFIX) && name !== SOCKET_SUFFIX)
      .toSorted()
      .map(name => join(folder, name));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

export interface FolderWatchOptions {
  readonly folder: string;
  /** How often it is looked at even when nothing was heard: not every file system tells of changes. */
  readonly everyMs: number;
  /** The sockets that are there now; those in `touched` were made or removed since. */
  readonly onScan: (paths: readonly string[], touched: ReadonlySet<string>) => void;
  readonly onError: (error: BallonetError) => void;
}

/** Looks at a folder whenever it changes, and now and then. */
export class FolderWatch {
  readonly #options: FolderWatchOptions;
  readonly #interval: NodeJS.Timeout;
  #watcher: FSWatcher | undefined;
  #soon: NodeJS.Timeout | undefined;
  #touched = new Set<string>();
  #scanning = false;
  #closed = false;

  constructor(options: FolderWatchOptions) {
    this.#options = options;
    this.#interval = setInterval(() => void this.#scan(), options.everyMs);
    this.#listen();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#interval);
    clearTimeout(this.#soon);
    this.#watcher?.close();
  }

  /** Without a watcher, for want of inotify instances or because the folder is away, the timer alone has to do. */
  #listen(): void {
    const { folder } = this.#options;
    try {
      const watcher = watch(folder, (_, name) => {
        if (name !== null) this.#touched.add(join(folder, name));
        this.#soon ??= setTimeout(() => void this.#scan(), SETTLE_MS);
      });
      watcher.on('error', () => this.#deafen());
      this.#watcher = watcher;
    } catch {
      this.#watcher = undefined;
    }
  }

  #deafen(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  async #scan(): Promise<void> {
    this.#soon = undefined;
    if (this.#scanning) return;
    this.#scanning = true;
    const touched = this.#touched;
    this.#touched = new Set();
    try {
      const paths = await socketsIn(this.#options.folder);
      if (this.#closed) return;
      if (!this.#watcher) this.#listen();
      this.#options.onScan(paths, touched);
    } catch (error) {
      if (this.#closed) return;
      // A folder that is made anew is another one.
      this.#deafen();
      this.#options.onError(error instanceof BallonetError ? error : unreadable(this.#options.folder, error));
    } finally {
      this.#scanning = false;
    }
  }
}

function unreadable(path: string, cause: unknown): BallonetError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  if (code === 'EACCES' || code === 'EPERM') {
    return new BallonetError('HYPERVISOR_DENIED', `no permission for ${path}`, { cause });
  }
  const why = code === 'ENOENT' ? 'there is no such folder or socket' : errorMessage(cause);
  return new BallonetError('HYPERVISOR_UNREACHABLE', `cannot look for QMP sockets at ${path}: ${why}`, {
    cause,
  });
}
