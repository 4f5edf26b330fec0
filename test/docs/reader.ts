/** Somebody who reads a guide and types what it says. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Block {
  readonly kind: string;
  readonly text: string;
}

/** The fenced blocks of a guide, those in lists too. */
export function blocksOf(guide: string): Block[] {
  return [...guide.matchAll(/^( *)```(\w+)\n(.*?)^\1```$/gms)].map(
    ([, indent = '', kind = '', text = '']) => ({
      kind,
      text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

/** A folder with a folder `policies`, and the command in `bin`. */
export function readerFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'ballonet-guide-'));
  mkdirSync(path.join(folder, 'policies'));
  mkdirSync(path.join(folder, 'bin'));
  const shim = `#!/bin/sh\nexec '${process.execPath}' '${ROOT}bin/ballonet' "$@"\n`;
  writeFileSync(path.join(folder, 'bin/ballonet'), shim, { mode: 0o755 });
  return folder;
}

/** For commands that are run there. */
export function readerOptions(folder: string) {
  return {
    cwd: folder,
    env: {
      ...process.env,
      // The daemon's socket: another test's daemon may run beside.
      RUNTIME_DIRECTORY: folder,
      PATH: `${folder}/bin:${process.env.PATH ?? ''}`,
      XDG_STATE_HOME: `${folder}/state`,
      NO_COLOR: '1',
    },
  };
}
