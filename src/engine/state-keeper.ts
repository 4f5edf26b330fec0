/** Decides when the state is written: what moves at once, the rest now and then, and never more than the disk can take. */
import type { Clock } from '../model/clock.ts';
import { errorMessage } from '../model/errors.ts';
import type { Ratio, Seconds } from '../model/units.ts';
import type { GuestMemory, PolicyState } from '../policy/state.ts';

export interface KeeperPorts {
  /** Writes the state as it is when this is called. */
  readonly write: (state: PolicyState) => Promise<void>;
  readonly clock: Clock;
  /** Told once when writing begins to fail, and with undefined when it works again. */
  readonly onProblem: (problem: string | undefined) => void;
}

export interface StateKeeper {
  /**
   * The state after a tick. Resolves when it is kept, when it need not be, or when nothing can be kept; on a disk that hangs
   * never. Never rejects.
   */
  keep(state: PolicyState): Promise<void>;
  /** Writes the last word. Never rejects. */
  close(state: PolicyState): Promise<void>;
}

/**
 * Between two writes, start to start. Shrinks wait for their state, and guests in distress for the shrinks, so it is short where the
 * disk is quick; a slow one has this share of the time for itself, until writes are so far apart that a tick of one second is never
 * just too early.
 */
const SHORTEST_GAP: Seconds = 0.05;
const WRITING: Ratio = 0.25;
const LONGEST_GAP: Seconds = 0.9;
/** For windows and other figures that a guest shows again by itself. */
const IDLE_GAP: Seconds = 30;
const RETRY_GAP: Seconds = 10;

/** What a guest shows again by itself, or what is cheap to have wrong by half a minute. A field not named here is kept soon. */
const VOLATILE: ReadonlySet<string> = new Set<keyof GuestMemory>([
  'demand',
  'glances',
  'kernelBytes',
  'overheadBytes',
  'granted',
  'decidedOnReport',
  'vetoed',
  'recommendations',
  'faultRate',
  'swapping',
]);

export function createStateKeeper({ write, clock, onProblem }: KeeperPorts): StateKeeper {
  let startedAt = Number.NEGATIVE_INFINITY;
  let took: Seconds = 0;
  let kept: PolicyState | undefined;
  let latest: PolicyState | undefined;
  /** The write under way, and the one that comes after it or when its time has come. */
  let running: Promise<void> = Promise.resolve();
  let next: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let failing = false;
  let closed = false;

  const age = () => clock.now().monotonic - startedAt;

  async function attempt(state: PolicyState): Promise<void> {
    startedAt = clock.now().monotonic;
    try {
      await write(state);
      kept = state;
      if (failing) onProblem(undefined);
      failing = false;
    } catch (error) {
      // H33: a full disk or no file descriptor ends the record, not the control.
      if (!failing) onProblem(errorMessage(error));
      failing = true;
    }
    took = age();
  }

  /** Writes what is the latest when its turn comes. */
  async function writeInTurn(): Promise<void> {
    await running;
    const early = Math.min(LONGEST_GAP, Math.max(SHORTEST_GAP, took / WRITING)) - age();
    if (early > 0 && !closed)
      await new Promise<void>(resolve => {
        timer = setTimeout(resolve, early * 1000);
      });
    next = undefined;
    if (closed || latest === undefined) return;
    running = attempt(latest);
    await running;
  }

  return {
    keep(state) {
      latest = state;
      if (failing) {
        if (age() >= RETRY_GAP) next ??= writeInTurn();
        return Promise.resolve();
      }
      if (kept !== undefined && !matters(kept, state) && age() < IDLE_GAP) return Promise.resolve();
      next ??= writeInTurn();
      return next;
    },

    async close(state) {
      closed = true;
      clearTimeout(timer);
      await running;
      await attempt(state);
    },
  };
}

/** True when a daemon that knew `before` instead of `after` would act differently. */
function matters(before: PolicyState, after: PolicyState): boolean {
  if (before.pauses !== after.pauses || before.guests.size !== after.guests.size) return true;
  for (const [uuid, memory] of after.guests) {
    const known = before.guests.get(uuid);
    if (known === undefined || differs(known, memory)) return true;
  }
  return false;
}

/** For every guest in every tick: it makes no lists of the fields, which would be most of what a tick leaves to collect. */
function differs(a: GuestMemory, b: GuestMemory): boolean {
  if (a === b) return false;
  let fields = 0;
  for (const key in b) {
    fields += 1;
    if (!VOLATILE.has(key) && !Object.is(Reflect.get(a, key), Reflect.get(b, key))) return true;
  }
  for (const _ in a) fields -= 1;
  return fields !== 0;
}
