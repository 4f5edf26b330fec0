/** Folders for journals that end with their daemon. */
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isListening } from '../../hypervisor/server/socket.ts';

const PREFIX = 'ballonet-journal-';
/** A folder without a lock that is younger may be that of a daemon that is just taking it. */
const YOUNG_MS = 60_000;

/** A new folder. Those of daemons that were killed, which could not remove them, are removed first. */
export async function makePassingFolder(parent: string = tmpdir()): Promise<string> {
  const names = await readdir(parent).catch((): string[] => []);
  for (const name of names) if (name.startsWith(PREFIX)) await removeAbandoned(join(parent, name));
  return mkdtemp(join(parent, PREFIX));
}

/** What another user has left is theirs to remove. */
async function removeAbandoned(folder: string): Promise<void> {
  try {
    const { uid, mtimeMs } = await lstat(folder);
    if (uid !== process.getuid?.() || (await isUsed(folder, mtimeMs))) return;
    await rm(folder, { recursive: true, force: true });
  } catch {
    // It is no reason not to keep a journal.
  }
}

/** The lock of a journal's folder is a socket that its daemon listens at (state-lock.ts). */
async function isUsed(folder: string, mtimeMs: number): Promise<boolean> {
  const lock = join(folder, 'lock');
  const isLocked = await lstat(lock).then(
    () => true,
    () => false,
  );
  return isLocked ? isListening(lock) : Date.now() - mtimeMs < YOUNG_MS;
}
