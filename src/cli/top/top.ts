import { closeSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { Seconds } from '../../model/units.ts';
import { type Asking, daemonAt, socketOption } from '../ask.ts';
import { orUsage, type Streams } from '../output.ts';
import { untilInterrupted } from '../records.ts';
import { SORT_KEYS, type SortKey } from './columns.ts';
import { csvRows, csvTitles } from './csv.ts';
import { watchLive } from './live.ts';
import { look } from './look.ts';
import { DELAY_MAX, DELAY_MIN, parseDelay, type Settings } from './settings.ts';
import { plainLine } from './text.ts';
import { report, type Sight, shownRows } from './view.ts';

interface Options extends Asking {
  readonly batch?: true;
  readonly delay: Seconds;
  readonly times?: number;
  readonly sort: SortKey;
  readonly filter: string;
  readonly csv?: string;
}

const BATCH_COLUMNS = 80;

export function topVerb(streams: Streams): Command {
  return new Command('top')
    .summary('live view of the host and its guests')
    .description(
      "Shows the host's memory, pool and pressure, and each guest with its size, the size it is on its way to, and why, over and over. " +
        'Press h for the keys. --batch prints instead, for files and programs that read lines.',
    )
    .option('-b, --batch', 'print each look, one under the other')
    .addOption(new Option('-d, --delay <seconds>', 'between two looks').argParser(readDelay).default(2))
    .addOption(
      new Option('-n, --times <count>', 'how often to look; default until interrupted').argParser(readTimes),
    )
    .addOption(new Option('--sort <key>', 'what to sort by').choices(SORT_KEYS).default('reclaimed'))
    .option('--filter <text>', 'only guests whose name, state, policy, action or reason contains it', '')
    .option('--csv <file>', 'write a row for each guest and look; - for standard output, which takes --batch')
    .addOption(socketOption())
    .action(async (options: Options) => {
      const { batch, delay, times = Number.POSITIVE_INFINITY, sort, filter, csv } = options;
      if (csv === '-' && batch !== true)
        throw new BallonetError('USAGE', 'top: --csv - prints rows in place of the screen: give --batch too');
      const { stdin: input, stdout: output } = process;
      if (batch !== true && !(input.isTTY && output.isTTY))
        throw new BallonetError('USAGE', 'top: this is no terminal: --batch prints lines instead');
      const client = daemonAt(options);
      const settings: Settings = { sort, filter, delay, ...BEGIN };
      const table = csv === undefined ? undefined : openCsv(csv, streams);
      const watch = {
        settings,
        times,
        look: () => look(client),
        onSight: (sight: Sight, { filter, sort, reversed }: Settings) =>
          table?.write(csvRows(sight, shownRows(sight, { ...settings, filter, sort, reversed }))),
      };
      try {
        if (batch !== true) {
          const code = await watchLive(watch, { input, output });
          table?.close();
          // A look that is under way is not waited for: whoever quits is to have the shell at once.
          process.exit(code);
        }
        await watchBatch(watch, csv === '-' ? () => {} : streams.out);
      } finally {
        table?.close();
      }
    });
}

const BEGIN = { reversed: false, paused: false, offset: 0, help: false } as const;

async function watchBatch(
  { look, settings, times, onSight }: Parameters<typeof watchLive>[0],
  out: Streams['out'],
): Promise<void> {
  await untilInterrupted(async signal => {
    for (let looks = 0; looks < times && !signal.aborted; looks++) {
      if (looks > 0) await sleep(settings.delay * 1000, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      const sight = await look();
      onSight(sight, settings);
      out(
        report(sight, settings, BATCH_COLUMNS)
          .map(line => `${plainLine(line)}\n`)
          .join(''),
      );
    }
  });
}

interface Table {
  write(text: string): void;
  close(): void;
}

/** @throws BallonetError USAGE when the file cannot be written */
function openCsv(file: string, { out }: Streams): Table {
  if (file === '-') {
    out(csvTitles());
    return { write: out, close: () => {} };
  }
  let descriptor: number;
  try {
    descriptor = openSync(file, 'w');
  } catch (cause) {
    throw new BallonetError('USAGE', `top: cannot write --csv ${file}: ${errorMessage(cause)}`, { cause });
  }
  writeSync(descriptor, csvTitles());
  return { write: text => void writeSync(descriptor, text), close: () => closeSync(descriptor) };
}

function readDelay(text: string): Seconds {
  const value = parseDelay(text);
  return orUsage(
    value === undefined
      ? { problem: `'${text}' is not a number of seconds from ${DELAY_MIN} to ${DELAY_MAX}` }
      : { value },
  );
}

function readTimes(text: string): number {
  const value = Number(text);
  return orUsage(
    Number.isSafeInteger(value) && value >= 1 ? { value } : { problem: `'${text}' is not a count from 1 on` },
  );
}
