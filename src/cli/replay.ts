import { Command, Option } from 'commander';
import { type Comparer, compareWith, type Difference } from '../engine/compare.ts';
import { type PastRecord, replay, unlike } from '../engine/replay.ts';
import { csvLines } from '../journal/csv.ts';
import { readJournal } from '../journal/reader.ts';
import { BallonetError } from '../model/errors.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { type Replayed, renderReplay } from './replay-report.ts';

interface Options {
  readonly policy: readonly string[];
  readonly export?: 'csv';
  readonly output: 'table' | 'json';
}

export function replayVerb(streams: Streams): Command {
  return new Command('replay')
    .summary('a policy on what a journal has kept')
    .description(
      'Decides every tick of a journal again. With --policy, as that policy would have decided it, and shows where it differs: the ' +
        'guests are as they really were, they do not follow. Without, as it was decided then, and checks that the same comes out: ' +
        'exit code 1 when not. With --export csv, prints one row a guest and tick instead.',
    )
    .argument('<path>', 'a journal: a segment, or a folder of them')
    .addOption(
      new Option('--policy <path>', 'a policy file or a folder of them; may be given again')
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], 'the recorded ones'),
    )
    .addOption(new Option('--export <format>', 'print the samples as a table').choices(['csv']))
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
    )
    .action(async (path: string, options: Options) => {
      if (options.export === undefined) await replayJournal(path, options, streams);
      else if (options.policy.length > 0 || options.output !== 'table')
        throw new BallonetError(
          'USAGE',
          '--export prints what was recorded: it goes with no --policy and no -o',
        );
      else for await (const line of csvLines(readJournal(path))) streams.out(line);
    });
}

/** Lines of a file that cannot be read, named one by one; of a file that is no journal it is all of them. */
const FLAWS_TOLD = 5;

async function replayJournal(path: string, { policy, output }: Options, streams: Streams): Promise<void> {
  const policies = policy.length === 0 ? undefined : requirePolicySet(loadPolicySet(policy, hostPolicyFiles));
  const comparer = policies && compareWith(policies);
  const result = await collect(replay(readJournal(path)), comparer, problem =>
    streams.err(`ballonet: ${problem}\n`),
  );
  const replayed = { path, policy: policies?.host.name, ...result };
  streams.out(renderReplay(replayed, output));
  if (comparer === undefined && result.exact.unlike > 0) process.exitCode = 1;
}

async function collect(
  past: AsyncIterable<PastRecord>,
  comparer: Comparer | undefined,
  warn: (problem: string) => void,
): Promise<Omit<Replayed, 'path' | 'policy'>> {
  const differences: Difference[] = [];
  const said = new Map<string, string>();
  const exact = { ticks: 0, unknownTicks: 0, decisions: 0, unlike: 0 };
  const flaws = new Map<string, number>();
  for await (const record of past) {
    switch (record.type) {
      case 'flaw': {
        const count = (flaws.get(record.file) ?? 0) + 1;
        flaws.set(record.file, count);
        const problem = record.torn ? 'it ends in the middle of a line' : record.problem;
        if (count <= FLAWS_TOLD) warn(`${record.file}:${record.line}: ${problem}`);
        if (count === FLAWS_TOLD + 1) warn(`${record.file}: more of its lines cannot be read`);
        break;
      }
      case 'unknown':
        warn(record.problem);
        break;
      case 'tick': {
        exact.ticks++;
        if (record.tick === undefined) exact.unknownTicks++;
        else {
          exact.decisions += record.record.decisions.length;
          exact.unlike += unlike(record.record.decisions, record.tick.decisions).length;
        }
        differences.push(...news(comparer?.tick(record) ?? [], said));
        break;
      }
      case 'segment':
      case 'outcome':
      case 'event':
    }
  }
  return { exact, differences, ...(comparer && { comparison: comparer.result() }) };
}

/** A difference that goes on from the tick before is told once. */
function news(differences: readonly Difference[], said: Map<string, string>): readonly Difference[] {
  const present = new Set(differences.map(({ replayed }) => replayed.uuid));
  for (const uuid of said.keys()) if (!present.has(uuid)) said.delete(uuid);
  return differences.filter(({ recorded, replayed }) => {
    const key = [recorded?.action, recorded?.reason, replayed.action, replayed.reason].join(' ');
    const same = said.get(replayed.uuid) === key;
    said.set(replayed.uuid, key);
    return !same;
  });
}
