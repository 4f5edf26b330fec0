/** Where state is kept: a folder with one file, of which there is always a whole one. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../model/errors.ts';

export interface StateFolder {
  /** The file as it is; undefined when there is none. */
  read(): Promise<Uint8Array | undefined>;
  /**
   * Replaces the file. After a crash at any moment the old one or the new one is there, whole: the new one is on the disk before
   * it takes the name, and the name is on the disk before this resolves (rename(2), fsync(2)).
   */
  write(text: string): Promise<void>;
  /** Names this folder's daemons, the same as long as the folder is there. */
  ownerId(): Promise<string>;
}

const NAME = 'state.json';
const OWNER = 'owner-id';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @param path the folder; made with mode 0700 when it is not there */
export function createStateFolder(path: string): StateFolder {
  const file = join(path, NAME);
  const temporary = join(path, `${NAME}.new`);
  return {
    async read() {
      try {
        return await readFile(file);
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return undefined;
        throw error;
      }
    },

    async write(text) {
      await mkdir(path, { recursive: true, mode: 0o700 });
      try {
        await writeThrough(temporary, text);
        await rename(temporary, file);
      } catch (error) {
        // On a full disk even half a file is in the way of others.
        await rm(temporary, { force: true }).catch(() => undefined);
        throw error;
      }
      await syncFolder(path);
    },

    async ownerId() {
      const known = await readFile(join(path, OWNER), 'utf8').catch(() => '');
      if (UUID.test(known.trim())) return known.trim();
      const id = randomUUID();
      await writeThrough(join(path, OWNER), `${id}\n`);
      return id;
    },
  };
}

async function writeThrough(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
