import { type FSWatcher, statSync, watch } from 'node:fs';
import path from 'node:path';

/** Tells of changes to files until it is closed. */
export interface PathWatcher {
  /**
   * Files, and folders of which every YAML file counts. What has been watched before and is not among them is let go. To be
   * called again after each change: a folder that was replaced is then watched anew.
   *
   * @throws Error of the system when a folder cannot be watched, such as for want of inotify watches
   */
  set(paths: readonly string[]): void;
  close(): void;
}

/** Editors write a file in several steps: what comes within this many milliseconds is one change. */
const QUIET_MS = 100;

/**
 * Watches files through their folders, since editors replace a file rather than write to it and a watch on the file itself would
 * go with the old one. A file that is not there yet is waited for.
 */
export function createPathWatcher(onChange: () => void, quietMs = QUIET_MS): PathWatcher {
  const watchers = new Map<string, FSWatcher>();
  let wanted: ReadonlyMap<string, ReadonlySet<string> | 'all'> = new Map();
  let timer: NodeJS.Timeout | undefined;

  const drop = (folder: string): void => {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  };
  const touched = (folder: string, name: string | null): void => {
    const names = wanted.get(folder);
    // inotify tells of the watched folder itself by its own name: it was renamed or removed, and the watch went with it.
    const itself = name === path.basename(folder);
    if (itself) drop(folder);
    const meant =
      name === null || itself || (names === 'all' ? /\.ya?ml$/.test(name) : names?.has(name) === true);
    if (!meant) return;
    clearTimeout(timer);
    timer = setTimeout(onChange, quietMs);
  };
  return {
    set(paths) {
      wanted = foldersOf(paths);
      for (const folder of watchers.keys()) if (!wanted.has(folder)) drop(folder);
      for (const folder of wanted.keys()) {
        if (watchers.has(folder)) continue;
        const watcher = watch(folder, (_, name) => touched(folder, name));
        // A folder that goes away: its files are read anew, which says what is wrong, and it is watched again if it comes back.
        watcher.on('error', () => {
          drop(folder);
          touched(folder, null);
        });
        watchers.set(folder, watcher);
      }
    },
    close() {
      clearTimeout(timer);
      for (const folder of [...watchers.keys()]) drop(folder);
    },
  };
}

/** The folders to watch, each with the names in it that matter. */
function foldersOf(paths: readonly string[]): Map<string, Set<string> | 'all'> {
  const folders = new Map<string, Set<string> | 'all'>();
  for (const each of paths) {
    let at = path.resolve(each);
    if (isFolder(at)) {
      folders.set(at, 'all');
      continue;
    }
    // Up to the nearest folder that is there: what appears in it may be the way to the file.
    let name = path.basename(at);
    for (at = path.dirname(at); !isFolder(at) && at !== path.dirname(at); at = path.dirname(at))
      name = path.basename(at);
    const names = folders.get(at) ?? new Set<string>();
    if (names !== 'all') folders.set(at, names.add(name));
  }
  return folders;
}

function isFolder(at: string): boolean {
  return statSync(at, { throwIfNoEntry: false })?.isDirectory() === true;
}
