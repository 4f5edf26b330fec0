/** `ballonet tune`: searches fields of a policy for the most density without harm. */

import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import { BallonetError } from '../../model/errors.ts';
import { type Parsed, parsePercent, type Ratio } from '../../model/units.ts';
import { compileReading, type PolicyReading, readPolicyFiles, requirePolicySet } from '../../policy/load.ts';
import { DENSITY_SEARCH, sumOfMaxima } from '../../simulator/density.ts';
import { tuningPage } from '../../simulator/report/tuning-page.ts';
import { axisIn, changesIn, settingsAt } from '../../simulator/tuning/axis.ts';
import { parseRange, type Range } from '../../simulator/tuning/range.ts';
import { type Point, search } from '../../simulator/tuning/search.ts';
import { withSettings } from '../../simulator/tuning/settings.ts';
import {
  frontOf,
  isWithin,
  ranked,
  scoreOfTrials,
  stalledShareOf,
  type Trial,
  type TuningReport,
  tunedCandidate,
} from '../../simulator/tuning/tuning.ts';
import { tuningVerdict } from '../../simulator/tuning/verdict.ts';
import { tunedText } from '../../simulator/tuning/write.ts';
import { keepHeapYoung } from '../heap.ts';
import { orUsage, type Streams } from '../output.ts';
import { hostPolicyFiles } from '../policy-files.ts';
import { requireWritable, writeResult } from '../result-file.ts';
import { scenarioFile } from './find.ts';
import type { Job, JobResult } from './job.ts';
import { openSimulation } from './open.ts';
import { type JobRunner, withThreads } from './pool.ts';
import { shareLine } from './progress.ts';
import { parseSeed } from './seed.ts';
import { renderTuning } from './tune-table.ts';

interface Options {
  readonly scenario: readonly string[];
  readonly vary: readonly Range[];
  readonly stallLimit: Ratio;
  readonly budget: number;
  readonly seed: number;
  readonly out?: string;
  readonly report?: string;
}

/** The search needs no more than to tell candidates apart. */
const SEARCH_PRECISION: Ratio = 0.03;

export function tuneVerb(streams: Streams): Command {
  const repeated =
    <T>(read: (text: string) => T) =>
    (text: string, before: readonly T[]) => [...before, read(text)];
  return new Command('tune')
    .summary('search fields of a policy for the most density without harm')
    .description(
      'Varies fields of a policy between bounds and looks, on simulated guests, for the values with which the smallest hosts do: ' +
        'density is counted as `simulate --density` does. Seeded: the same search ends the same way. Where nothing that it tries is ' +
        'harmless, it says how near it came and what may help, writes no policy, and ends with 1.',
    )
    .argument('<policy>', 'a policy file, or a folder with the files of one set')
    .addOption(
      new Option('--scenario <scenario>', 'scenario to try it on; may be given again')
        .argParser(repeated(text => text))
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--vary <field=range>',
        'a field and its bounds, such as guest.estimate.window=10s..10m; may be given again',
      )
        .argParser(repeated(text => orUsage(parseRange(text))))
        .default([], 'none'),
    )
    .addOption(
      new Option('--stall-limit <percent>', 'share of their time that guests may lose')
        .argParser(text => orUsage(limitOf(text)))
        .default(DENSITY_SEARCH.stallLimit, '0.1%'),
    )
    .addOption(
      new Option('--budget <n>', 'how many candidates are tried')
        .argParser(text => orUsage(countOf(text)))
        .default(64),
    )
    .addOption(
      new Option('--seed <n>', 'of the search').argParser(text => orUsage(parseSeed(text))).default(1),
    )
    .option('--out <file>', 'write the policy with the best values, and the figures in comments')
    .option('--report <file>', 'write one HTML page with the trade-off')
    .addOption(
      new Option('-o, --output <format>', 'how to print it').choices(['table', 'json']).default('table'),
    )
    .action(
      async (policy: string, { output, ...options }: Options & { readonly output: 'table' | 'json' }) => {
        keepHeapYoung();
        const report = await tune(policy, options, availableParallelism(), streams);
        // What hours have found is printed before a file can fail.
        streams.out(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : renderTuning(report));
        if (options.out !== undefined && report.withinLimit)
          writeResult(options.out, tunedPolicy(policy, report, commandLine()));
        if (options.report !== undefined) writeResult(options.report, tuningPage(report));
        const verdict = tuningVerdict(report, options.budget);
        if (verdict.length === 0) return;
        if (options.out !== undefined) verdict.push(`${options.out} is not written`);
        streams.err(`${verdict.join('\n')}\n`);
        process.exitCode = 1;
      },
    );
}

/**
 * @param threads to run it over; 1: in this one
 * @throws BallonetError USAGE, SCENARIO_INVALID, TRACE_INVALID, POLICY_INVALID, POLICY_UNREADABLE, REPORT_UNWRITABLE, SIMULATION_BROKEN
 */
export async function tune(
  policy: string,
  { scenario, vary, stallLimit, budget, seed, out, report }: Options,
  threads: number,
  streams: Streams,
): Promise<TuningReport> {
  if (scenario.length === 0)
    throw new BallonetError('USAGE', 'nothing to try it on; name a scenario with --scenario');
  if (vary.length === 0) {
    throw new BallonetError('USAGE', 'nothing to vary; --vary guest.estimate.window=10s..10m is a start');
  }
  const reading = readPolicyFiles([policy], hostPolicyFiles);
  const set = requirePolicySet(compileReading(reading));
  const axes = vary.map(range => axisIn(reading, range));
  const start = axes.map(({ place }) => place);
  refuseOutputs(reading, out, report);
  const progress = shareLine('tried', streams);
  const found = await withThreads(threads, async run => {
    const courses = await prepare(scenario.map(scenarioFile), stallLimit, run);
    const evaluate = async (points: readonly Point[], trials: readonly number[]): Promise<Trial[][]> => {
      const chosen = trials.flatMap(trial => courses[trial] ?? []);
      const jobs = points.flatMap(point =>
        chosen.map(
          (course): Job => ({
            scenarioFile: course.file,
            controller: {
              kind: 'policy',
              paths: [policy],
              settings: changesIn(reading, settingsAt(axes, point)),
            },
            search: course.search,
          }),
        ),
      );
      const results = await run(jobs);
      return points.map((_, i) =>
        chosen.flatMap((course, at) => {
          const result = results[i * chosen.length + at];
          return result === undefined ? [] : [trialOf(course, result)];
        }),
      );
    };
    const score = (trials: readonly Trial[]) => scoreOfTrials(trials, stallLimit);
    return search({ start, seed, budget, trials: courses.length, evaluate, score }, progress.update);
  });
  progress.done();
  const order = ranked(found, stallLimit);
  const tried = order.map(candidate => tunedCandidate(candidate, settingsAt(axes, candidate.point)));
  const atStart = order.findIndex(({ point }) => point === start);
  const [best, before] = [tried[0], tried[atStart]];
  if (best === undefined || before === undefined) throw new Error('a search without candidates');
  return {
    apiVersion: 'ballonet/v1',
    kind: 'TuningReport',
    policy: set.host.name,
    seed,
    stallLimit,
    scenarios: best.trials.map(trial => trial.scenario),
    bounds: vary.map(({ path, at }) => ({ path, least: at(0), most: at(1) })),
    before,
    withinLimit: isWithin(best.trials, stallLimit),
    best,
    front: frontOf(tried),
    tried,
  };
}

/** A scenario, and what is known of it before any candidate runs. */
interface Course {
  readonly file: string;
  readonly name: string;
  readonly maxima: number;
  readonly oracle: JobResult;
  readonly search: Job['search'];
}

async function prepare(files: readonly string[], stallLimit: Ratio, run: JobRunner): Promise<Course[]> {
  const limits = { precision: SEARCH_PRECISION, stallLimit };
  const controller = { kind: 'baseline', name: 'oracle' } as const;
  const oracles = await run(files.map(file => ({ scenarioFile: file, controller, search: limits })));
  return files.flatMap((file, i) => {
    const oracle = oracles[i];
    if (oracle === undefined) return [];
    const simulation = openSimulation(file);
    const { minHostBytes } = oracle;
    // Where not even the oracle finds a host, nobody needs to look for one.
    const above = minHostBytes && minHostBytes / (1 + SEARCH_PRECISION);
    const course = { file, name: simulation.scenario.name, maxima: sumOfMaxima(simulation), oracle };
    return [{ ...course, search: above === undefined ? undefined : { ...limits, above } }];
  });
}

function trialOf({ name, maxima, oracle }: Course, { run: { tally }, minHostBytes }: JobResult): Trial {
  const densityOn = (host: number | undefined) => (host === undefined ? null : maxima / host);
  return {
    scenario: name,
    density: densityOn(minHostBytes),
    limit: densityOn(oracle.minHostBytes),
    stalledShare: stalledShareOf(tally),
    oomKills: tally.oomKills,
    overrunSeconds: tally.hostOverrunSeconds,
    rereadBytes: tally.rereadBytes,
    unavoidable: {
      stalledShare: stalledShareOf(oracle.run.tally),
      oomKills: oracle.run.tally.oomKills,
      overrunSeconds: oracle.run.tally.hostOverrunSeconds,
    },
  };
}

/** @throws BallonetError USAGE, REPORT_UNWRITABLE */
function refuseOutputs(
  { sources }: PolicyReading,
  out: string | undefined,
  report: string | undefined,
): void {
  if (out !== undefined && sources.length > 1)
    throw new BallonetError('USAGE', '--out writes one file, and this policy set has several');
  if (out !== undefined && report !== undefined && resolve(out) === resolve(report))
    throw new BallonetError('USAGE', '--out and --report name the same file');
  for (const file of [out, report]) if (file !== undefined) requireWritable(file);
}

/** Text of the policy, which is one file, with the best values. */
function tunedPolicy(policy: string, report: TuningReport, command: string): string {
  const reading = readPolicyFiles([policy], hostPolicyFiles);
  const { sources } = withSettings(reading, changesIn(reading, report.best.settings));
  const text = sources.map(({ content }) => new TextDecoder().decode(toBytes(content))).join('');
  return tunedText(text, report, command);
}

/** As it was typed, so that it can be typed again. */
function commandLine(): string {
  const quoted = (word: string): string =>
    /^[\w./=:,%@+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
  return ['ballonet', ...process.argv.slice(2).map(quoted)].join(' ');
}

function limitOf(text: string): Parsed<Ratio> {
  const parsed = parsePercent(text);
  if ('problem' in parsed) return parsed;
  return parsed.value > 0 && parsed.value <= 1
    ? parsed
    : { problem: 'the limit is above 0% and at most 100%' };
}

function countOf(text: string): Parsed<number> {
  const value = Number(text);
  return Number.isInteger(value) && value >= 1 && value <= 100_000
    ? { value }
    : { problem: `'${text}' is no number of candidates; write a whole one from 1 on` };
}

function toBytes(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}
