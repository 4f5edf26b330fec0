/** The state folder of a daemon: taken alone, read once at the start, written while it runs. */
import { mkdir } from 'node:fs/promises';
import { readBootId } from '../../engine/boot-id.ts';
import { type Kept, packState, unpackState } from '../../engine/state-file.ts';
import { createStateFolder, type StateFolder } from '../../engine/state-folder.ts';
import { takeStateLock } from '../../engine/state-lock.ts';
import type { Anchor } from '../../model/anchor.ts';
import type { Clock } from '../../model/clock.ts';
import { BallonetError, errorMessage } from '../../model/errors.ts';

type StoreLog = {
  readonly [L in 'info' | 'warn']: (fields: Readonly<Record<string, unknown>>, text: string) => void;
};

export interface StateStoreOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly log: StoreLog;
  /** Told once when another daemon has taken the folder over. */
  readonly onLost: (error: BallonetError) => void;
}

export interface StateStore {
  /** What an earlier daemon left; undefined when there is nothing that can be used. */
  readonly kept: Kept | undefined;
  /** There was something that cannot be used: what earlier daemons asked of the guests is not known. */
  readonly lost: boolean;
  /** Names the folder's daemons towards others. */
  readonly ownerId: string;
  write(kept: Kept): Promise<void>;
  close(): Promise<void>;
}

/** @throws BallonetError OWNED_BY_ANOTHER, STATE_UNAVAILABLE */
export async function openStateStore({ path, clock, log, onLost }: StateStoreOptions): Promise<StateStore> {
  const bootId = readBootId();
  const anchor = (): Anchor => ({ bootId, ...clock.now() });
  await makeFolder(path);
  const lock = await takeStateLock(path, { onLost });
  const folder = createStateFolder(path);
  const read = await readState(folder, anchor());
  if (read === undefined) log.info({ folder: path }, 'no state yet: starting afresh');
  else if ('problem' in read)
    log.warn(
      { folder: path, problem: read.problem },
      'the state cannot be used: starting afresh, and nothing shrinks until guests have been watched',
    );
  else log.info({ folder: path, guests: read.state.guests.size }, 'state taken over');
  const lost = read !== undefined && 'problem' in read;
  return {
    kept: lost ? undefined : read,
    lost,
    ownerId: await ownerId(folder, path),
    write: kept => folder.write(packState(kept, anchor())),
    close: () => lock.release(),
  };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new BallonetError(
      'STATE_UNAVAILABLE',
      `cannot make the folder for the state, ${path}: ${errorMessage(cause)}; give another one with --state`,
      { cause },
    );
  }
}

async function ownerId(folder: StateFolder, path: string): Promise<string> {
  try {
    return await folder.ownerId();
  } catch (cause) {
    throw new BallonetError(
      'STATE_UNAVAILABLE',
      `nothing can be written in ${path}: ${errorMessage(cause)}; give another folder with --state`,
      { cause },
    );
  }
}

async function readState(
  folder: StateFolder,
  now: Anchor,
): Promise<Kept | { readonly problem: string } | undefined> {
  try {
    const bytes = await folder.read();
    return bytes && unpackState(bytes, now);
  } catch (error) {
    return { problem: errorMessage(error) };
  }
}
