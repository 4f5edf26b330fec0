import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import type { PolicyFiles } from '../policy/load.ts';

/** Policy files of this host's file system. Reads regular files only: a pipe or device would never end. */
export const hostPolicyFiles: PolicyFiles = {
  kind: path => (statSync(path).isDirectory() ? 'folder' : 'file'),
  list: folder =>
    readdirSync(folder, { withFileTypes: true })
      .filter(entry => !entry.isDirectory())
      .map(({ name }) => name),
  read: readRegularFile,
};

function readRegularFile(path: string, limit: number): Uint8Array {
  // Without O_NONBLOCK, opening a named pipe waits for a writer.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new Error('not a regular file');
    const content = new Uint8Array(Math.min(stat.size, limit));
    let filled = 0;
    while (filled < content.length) {
      const count = readSync(file, content, filled, content.length - filled, filled);
      if (count === 0) break;
      filled += count;
    }
    return content.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}
