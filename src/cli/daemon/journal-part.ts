import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createJournalist } from '../../engine/journalist.ts';
import { type StateLock, takeStateLock } from '../../engine/state-lock.ts';
import { openFolder } from '../../journal/folder.ts';
import { createJournal, JOURNAL_LIMITS, type Journal, type JournalLimits } from '../../journal/journal.ts';
import { MiB } from '../../model/units.ts';
import { journalFolder } from '../state-dir.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';
import { makePassingFolder } from './passing-folder.ts';

/** At the end, a disk that hangs is waited for no longer: what is on its way is lost, as with a crash. */
const CLOSE_MS = 1500;

/** As far as the console asks back. */
const PASSING_LIMITS: JournalLimits = {
  ...JOURNAL_LIMITS,
  segmentSeconds: 600,
  totalBytes: 64 * MiB,
  keepSeconds: 2 * 3600,
};

/**
 * Keeps the journal in the state folder. That it cannot is told once and is no reason not to run. The guests of the simulated host
 * end with this process, and so does their journal, unless a folder was named.
 */
export function journalPart(daemon: Daemon): Part & { readonly folder: () => string | undefined } {
  const { options, clock, events, notices, store } = daemon;
  const { chosen, stateDir, version } = options;
  const lasting = store !== undefined || stateDir !== undefined || !chosen.uri.startsWith('sim:');
  let kept: string | undefined;
  const keeping = part('journal', async () => {
    const failed = (error: unknown) => notices.next({ type: 'JOURNAL_FAILED', error });
    let lock: StateLock;
    let folder: string;
    try {
      folder = lasting ? journalFolder(stateDir, chosen.uri) : await makePassingFolder();
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
      limits: lasting ? JOURNAL_LIMITS : PASSING_LIMITS,
      onTrouble: error => (error === undefined ? notices.next({ type: 'JOURNAL_BACK' }) : failed(error)),
    });
    const journalist = createJournalist(journal, clock);
    const watching = events.subscribe(event => journalist.event(event));
    watching.add(notices.subscribe(notice => journalist.notice(notice)));
    kept = folder;
    async function stop(): Promise<void> {
      kept = undefined;
      watching.unsubscribe();
      await Promise.race([journal.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
    }
    return async () => {
      await stop();
      await lock.release();
      if (!lasting) await rm(folder, { recursive: true, force: true });
    };
  });
  return { ...keeping, folder: () => kept };
}
