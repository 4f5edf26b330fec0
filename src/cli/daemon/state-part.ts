import { createStateKeeper, type StateKeeper } from '../../engine/state-keeper.ts';
import type { Daemon } from './context.ts';
import type { Part } from './parts.ts';

/** Keeps the state while the daemon runs, and writes the last word when all else has stopped. */
export function statePart({
  store,
  collector,
  state,
  clock,
  notices,
}: Daemon): Part & { readonly keep: StateKeeper['keep'] } {
  const keeper =
    store &&
    createStateKeeper({
      write: now => store.write({ state: now, epochs: collector.epochs() }),
      clock,
      onProblem(problem) {
        notices.next(
          problem === undefined
            ? { type: 'STATE_WRITTEN' }
            : { type: 'STATE_UNWRITTEN', fields: { problem } },
        );
      },
    });
  return {
    name: 'state',
    start() {},
    async stop() {
      await keeper?.close(state.value);
      await store?.close();
    },
    keep: async now => keeper?.keep(now),
  };
}
