/**
 * The journal of a running daemon: what it is told goes to the present segment of a folder; segments are closed by size and age,
 * compressed, and removed when they are too old or too many. Telling it never waits: writing goes on behind, and what cannot be
 * written costs the journal, never the tick.
 */
import { BallonetError, errorMessage } from '../model/errors.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import type { JournalEvent, JournalOrigin, JournalOutcome, JournalPolicies, JournalTick } from './entries.ts';
import { type JournalFolder, type Segment, type SegmentFile, segmentOf } from './folder.ts';
import { removeOld } from './retention.ts';
import { createSegmentWriter, type SegmentWriter } from './segment-writer.ts';

export interface JournalLimits {
  /** A segment is closed when it has grown to this, before compression. */
  readonly segmentBytes: Bytes;
  /** A segment is closed at this age; it is also how much must be decided again to explain its last tick. */
  readonly segmentSeconds: Seconds;
  /** Old segments are removed above this, as they lie on the disk. */
  readonly totalBytes: Bytes;
  /** Segments that ended so long ago are removed. */
  readonly keepSeconds: Seconds;
}

export const JOURNAL_LIMITS: JournalLimits = {
  segmentBytes: 16 * MiB,
  segmentSeconds: 1800,
  totalBytes: 1024 * MiB,
  keepSeconds: 14 * 86_400,
};

/** After a failure nothing is written for so long. */
const RETRY_SECONDS: Seconds = 60;

/** Events that are kept while there is no segment: those before the first tick, and those of a trouble. */
const EARLY_MAX = 100;

/** What may wait to be written; a disk that is slower than this is as good as none. */
const WAITING_MAX = 64 * MiB;

export interface JournalOptions {
  readonly folder: JournalFolder;
  readonly origin: JournalOrigin;
  readonly limits?: JournalLimits;
  /** Called once when it cannot be written, and with undefined when it can again. Nothing was written in between. */
  readonly onTrouble: (error: BallonetError | undefined) => void;
}

export interface Journal {
  tick(tick: JournalTick): void;
  outcome(outcome: JournalOutcome): void;
  event(event: JournalEvent): void;
  /** Waits until what it was told is on the disk. */
  close(): Promise<void>;
}

interface Open {
  readonly writer: SegmentWriter;
  readonly policies: JournalPolicies | undefined;
  readonly began: Seconds;
  bytes: Bytes;
}

type Task = { readonly begin: Seconds } | { readonly text: string };

export function createJournal({
  folder,
  origin,
  limits = JOURNAL_LIMITS,
  onTrouble,
}: JournalOptions): Journal {
  let current: Open | undefined;
  let tasks: Task[] = [];
  let waiting: Bytes = 0;
  let working: Promise<void> | undefined;
  let file: SegmentFile | undefined;
  let number: number | undefined;
  let tidying: Promise<void> = Promise.resolve();
  let troubled = false;
  let untidy = false;
  let retryAt: Seconds | undefined;
  let lastTick: Seconds = 0;
  let early: JournalEvent[] = [];

  function fail(error: unknown): void {
    current = undefined;
    tasks = [];
    waiting = 0;
    retryAt = lastTick + RETRY_SECONDS;
    const broken = file;
    file = undefined;
    void abandon(broken);
    if (troubled) return;
    troubled = true;
    const message = `the journal cannot be written: ${errorMessage(error)}`;
    onTrouble(new BallonetError('JOURNAL_UNWRITABLE', message, { cause: error }));
  }

  async function begin(wall: Seconds): Promise<void> {
    const ended = file;
    file = undefined;
    await ended?.close();
    if (number === undefined) {
      await folder.prepare();
      number = (await folder.list()).at(-1)?.number ?? 0;
    }
    number++;
    const segment = segmentOf(number, wall);
    file = await folder.create(segment);
    tidying = tidying.then(() => tidy(segment, wall));
  }

  /** Compresses what is closed and removes what is old. That it fails is no reason not to write on. */
  async function tidy(open: Segment, wall: Seconds): Promise<void> {
    try {
      for (const segment of await folder.list()) {
        if (!segment.packed && segment.number < open.number) await folder.pack(segment);
      }
      await removeOld(folder, open, limits, wall);
      untidy = false;
    } catch (error) {
      if (!untidy && !troubled) onTrouble(tidyingFailed(error));
      untidy = true;
    }
  }

  async function work(): Promise<void> {
    for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
      try {
        if ('begin' in task) {
          await begin(task.begin);
          continue;
        }
        // What has come in the meantime goes along in one call.
        let { text } = task;
        for (let next = tasks[0]; next !== undefined && 'text' in next; next = tasks[0]) {
          text += next.text;
          tasks.shift();
        }
        waiting -= text.length;
        await file?.append(text);
        if (troubled && tasks.length === 0) {
          troubled = false;
          onTrouble(undefined);
        }
      } catch (error) {
        fail(error);
      }
    }
    working = undefined;
  }

  function add(...more: Task[]): void {
    tasks.push(...more);
    for (const task of more) waiting += 'text' in task ? task.text.length : 0;
    if (waiting > WAITING_MAX) fail(new Error('the disk does not keep up'));
    else working ??= work();
  }

  function write(text: string): void {
    if (current !== undefined) current.bytes += text.length;
    add({ text });
  }

  function isOver({ policies, began, bytes }: Open, tick: JournalTick): boolean {
    const age = tick.at.monotonic - began;
    return policies !== tick.policies || bytes >= limits.segmentBytes || age >= limits.segmentSeconds;
  }

  return {
    tick(tick) {
      const { monotonic, wall } = tick.at;
      lastTick = monotonic;
      if (retryAt !== undefined && monotonic < retryAt) return;
      retryAt = undefined;
      if (current === undefined || isOver(current, tick)) {
        const writer = createSegmentWriter(origin);
        current = { writer, policies: tick.policies, began: monotonic, bytes: 0 };
        add({ begin: wall });
      }
      const { writer } = current;
      write(writer.tick(tick));
      for (const event of early) write(writer.event(event));
      early = [];
    },
    outcome(outcome) {
      if (current !== undefined) write(current.writer.outcome(outcome));
    },
    event(event) {
      if (current !== undefined) write(current.writer.event(event));
      else early = [...early, event].slice(-EARLY_MAX);
    },
    async close() {
      current = undefined;
      retryAt = Number.POSITIVE_INFINITY;
      await working;
      await file?.close().catch(fail);
      file = undefined;
      await tidying;
    },
  };
}

/** Whatever a file that has failed says at its end was said before. */
async function abandon(file: SegmentFile | undefined): Promise<void> {
  try {
    await file?.close();
  } catch {}
}

function tidyingFailed(error: unknown): BallonetError {
  const message = `old segments of the journal cannot be compressed or removed: ${errorMessage(error)}`;
  return new BallonetError('JOURNAL_UNWRITABLE', message, { cause: error });
}
