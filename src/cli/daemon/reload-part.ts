import { errorMessage, isBallonetError } from '../../model/errors.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { createReloader, type Reloader, tellWarnings } from '../reload.ts';
import { createPathWatcher } from '../watch.ts';
import type { Daemon } from './context.ts';
import { type Part, part } from './parts.ts';
import type { Shadows } from './shadow-part.ts';

/** Whoever saves several files of a set means them together. */
const QUIET_MS = 500;

/** Reads the policies anew, those of shadows among them, on SIGHUP, when their files change, and when it is asked to. */
export function reloadPart(
  daemon: Daemon,
  shadows: Pick<Shadows, 'reload'>,
): Part & Pick<Reloader, 'reload'> {
  const { options, policies, collector, notices, reloads, clock, fail, observing } = daemon;
  const { paths, reading, warnings, dryRun } = options;
  const watched = [...paths, ...options.shadows.map(({ path }) => path)];
  const tell = (notice: Parameters<typeof notices.next>[0]) => notices.next(notice);
  const reloader = createReloader(
    {
      ...{ paths, files: hostPolicyFiles, dryRun, observing, running: policies, collector, tell },
      wall: () => clock.now().wall,
    },
    reading,
  );
  const reload = (): void => {
    reloads.next('begins');
    try {
      shadows.reload();
      reloader.reload();
    } finally {
      reloads.next('ends');
    }
  };
  const running = part('reload', () => {
    tellWarnings(warnings, tell);
    let blind = false;
    const watch = () => {
      try {
        watcher.set(watched);
        blind = false;
      } catch (error) {
        if (!blind) tell({ type: 'WATCH_FAILED', fields: { problem: errorMessage(error) } });
        blind = true;
      }
    };
    const attempt = (take: () => void) => {
      try {
        take();
      } catch (error) {
        // A refusal has been told of.
        if (!isBallonetError(error)) fail(error);
      }
    };
    const watcher = createPathWatcher(() => {
      watch();
      shadows.reload();
      attempt(reloader.reloadIfChanged);
    }, QUIET_MS);
    const onSignal = () => attempt(reload);
    watch();
    // What was saved between the first reading and now has no watch told of.
    shadows.reload();
    attempt(reloader.reloadIfChanged);
    process.on('SIGHUP', onSignal);
    return () => {
      process.off('SIGHUP', onSignal);
      watcher.close();
    };
  });
  return { ...running, reload };
}
