import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { createGzip } from 'node:zlib';
import { Command, Option } from 'commander';
import { createCollector } from '../collectors/snapshot.ts';
import type { JournalTick } from '../journal/entries.ts';
import { createSegmentWriter, type SegmentWriter } from '../journal/segment-writer.ts';
import { type Clock, systemClock } from '../model/clock.ts';
import { BallonetError, errorMessage } from '../model/errors.ts';
import { parseDuration, type Seconds } from '../model/units.ts';
import { connect } from './connect.ts';
import { orUsage, type Streams } from './output.ts';
import { chooseUri } from './uri.ts';

const INTERVAL: Seconds = 1;

/** As old as a report may be before it is stale, as policies have it where they say nothing. */
const STALE_AFTER: Seconds = 10;

interface Options {
  readonly out?: string;
  readonly for?: Seconds;
}

export function recordVerb({ err }: Streams, version: string): Command {
  return new Command('record')
    .summary('write the figures of host and guests to a journal')
    .description(
      'Collects the figures of the host and its guests once a second and writes them as a journal, to stdout or to a file. It moves ' +
        'and changes nothing, and needs read-only access. Guests report as often as their stats period says: dommemstat --period ' +
        'sets it. Ends after --for, or with SIGINT or SIGTERM. `replay` reads what it writes.',
    )
    .option('--out <file>', 'where to; a name that ends in .gz is compressed. Default: stdout')
    .addOption(
      new Option('--for <duration>', 'how long, such as 10m').argParser(text => orUsage(parseDuration(text))),
    )
    .action(async (options: Options, command: Command) => {
      const { connect: option } = command.optsWithGlobals<{ connect?: string }>();
      const { uri } = chooseUri(option);
      const warn = (error: unknown) => err(`ballonet: ${errorMessage(error)}\n`);
      const hypervisor = await connect(uri, { readOnly: true, reconnect: true, onWarning: warn });
      const collector = createCollector({
        hypervisor,
        clock: systemClock,
        procRoot: '/',
        pool: { kind: 'auto' },
        staleAfterSeconds: STALE_AFTER,
        intervalSeconds: INTERVAL,
        arm: false,
      });
      const stop = stopSignal();
      try {
        const ticks = everyTick({
          collect: () => collector.collect(),
          clock: systemClock,
          seconds: options.for ?? Number.POSITIVE_INFINITY,
          stop: stop.signal,
          onFailure: warn,
          wait: (seconds, signal) => sleep(seconds * 1000, undefined, { signal }).catch(() => {}),
        });
        const writer = createSegmentWriter({ ballonet: version, uri });
        let written = 0;
        await writeTo(
          options.out,
          linesOf(ticks, writer, () => written++),
        );
        err(`ballonet: ${written} ticks recorded\n`);
      } finally {
        stop.end();
        collector.close();
        await hypervisor.close();
      }
    });
}

interface Recording {
  readonly collect: () => Promise<JournalTick['snapshot']>;
  readonly clock: Clock;
  readonly seconds: Seconds;
  readonly stop: AbortSignal;
  /** Told once when collecting begins to fail. */
  readonly onFailure: (error: unknown) => void;
  /** Resolves after so many seconds, or when it is to stop. */
  readonly wait: (seconds: Seconds, stop: AbortSignal) => Promise<void>;
}

/** One tick a second. A failed one is left out; a slow one makes the next one wait. */
export async function* everyTick({
  collect,
  clock,
  seconds,
  stop,
  onFailure,
  wait,
}: Recording): AsyncGenerator<JournalTick> {
  const begin = clock.now().monotonic;
  let failing = false;
  for (let due = begin; due < begin + seconds && !stop.aborted; ) {
    try {
      const snapshot = await collect();
      failing = false;
      yield { at: clock.now(), snapshot };
    } catch (error) {
      // Whoever stops closes the connection, perhaps under a round that was under way.
      if (!failing && !stop.aborted) onFailure(error);
      failing = true;
    }
    const { monotonic } = clock.now();
    due += INTERVAL * Math.max(1, Math.ceil((monotonic - due) / INTERVAL));
    await wait(Math.max(0, due - monotonic), stop);
  }
}

async function* linesOf(
  ticks: AsyncIterable<JournalTick>,
  writer: SegmentWriter,
  onTick: () => void,
): AsyncGenerator<string> {
  for await (const tick of ticks) {
    yield writer.tick(tick);
    onTick();
  }
}

/** @throws BallonetError JOURNAL_UNWRITABLE */
async function writeTo(out: string | undefined, lines: AsyncIterable<string>): Promise<void> {
  if (out === undefined) {
    await pipeline(lines, process.stdout, { end: false });
    return;
  }
  const file = createWriteStream(out, { mode: 0o640 });
  try {
    await (out.endsWith('.gz') ? pipeline(lines, createGzip(), file) : pipeline(lines, file));
  } catch (cause) {
    throw new BallonetError('JOURNAL_UNWRITABLE', `${out} cannot be written: ${errorMessage(cause)}`, {
      cause,
    });
  }
}

/** Aborted by SIGINT, SIGTERM, or the end. */
function stopSignal(): { readonly signal: AbortSignal; readonly end: () => void } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.once(signal, stop);
  return {
    signal: controller.signal,
    end() {
      stop();
      for (const signal of signals) process.off(signal, stop);
    },
  };
}
