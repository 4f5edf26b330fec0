import { mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJournalist } from '../../engine/journalist.ts';
import { type StateLock, takeStateLock } from '../../engine/state-lock.ts';
import { openFolder } from '../../journal/folder.ts';
import { createJournal, type Journal } from '../../journal/journal.ts';
import { journalFolder } from '../state-dir.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';

/** At the end, a disk that hangs is waited for no longer: what is on its way is lost, as with a crash. */
const CLOSE_MS = 1500;

/**
 * Keeps the journal in the state folder. That it cannot is told once and is no reason not to run. The guests of the simulated host
 * end with this process: theirs is kept only where a folder was named.
 */
export function journalPart(daemon: Daemon): Part {
  const { options, clock, events, notices, store } = daemon;
  const { chosen, stateDir, version } = options;
  const wanted = store !== undefined || stateDir !== undefined || !chosen.uri.startsWith('sim:');
  return part('journal', async () => {
    if (!wanted) return () => {};
    const failed = (error: unknown) => notices.next({ type: 'JOURNAL_FAILED', error });
    let lock: StateLock;
    let folder: string;
    try {
      folder = journalFolder(stateDir, chosen.uri);
      await mkdir(folder, { recursive: true, mode: 0o750 });
      lock = await takeStateLock(folder, {
        onLost: reason => {
          failed(reason);
          void stop();
        },
      });
    } catch (error) {
      failed(error);
      return () => {};
    }
    const journal: Journal = createJournal({
      folder: openFolder(folder),
      origin: { ballonet: version, uri: chosen.uri },
      onTrouble: error => (error === undefined ? notices.next({ type: 'JOURNAL_BACK' }) : failed(error)),
    });
    const journalist = createJournalist(journal, clock);
    const watching = events.subscribe(event => journalist.event(event));
    watching.add(notices.subscribe(notice => journalist.notice(notice)));
    async function stop(): Promise<void> {
      watching.unsubscribe();
      await Promise.race([journal.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
    }
    return async () => {
      await stop();
      await lock.release();
    };
  });
}
