/** `ballonet simulate`: several controllers on one scenario, side by side. */
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import { BallonetError } from '../../model/errors.ts';
import { formatSize } from '../../model/units.ts';
import { suggestion } from '../../policy/source/suggest.ts';
import { BASELINES, type BaselineName, isBaseline } from '../../simulator/controllers.ts';
import { DENSITY_SEARCH, sumOfMaxima } from '../../simulator/density.ts';
import { type ReportedRun, reportPage } from '../../simulator/report/page.ts';
import type { SimulationReport } from '../../simulator/report/report.ts';
import type { Simulation } from '../../simulator/scenario/generate.ts';
import { labelOf, type Score, scoreOf } from '../../simulator/score.ts';
import { keepHeapYoung } from '../heap.ts';
import { type OutputFormat, orUsage, outputOption, type Streams } from '../output.ts';
import { requireWritable, writeResult } from '../result-file.ts';
import { scenarioFile, shippedScenarios } from './find.ts';
import { type ControllerSpec, type Job, type JobResult, policySetOf } from './job.ts';
import { openSimulation } from './open.ts';
import { withThreads } from './pool.ts';
import { progressLine } from './progress.ts';
import { parseSeed } from './seed.ts';
import { combinations, parseSweep, RUNS_MAX, type Sweep } from './sweep.ts';
import { renderScores } from './table.ts';

interface Options {
  readonly policy: readonly string[];
  readonly set?: readonly Sweep[];
  readonly baseline?: string;
  readonly density?: true;
  readonly seed?: number;
  readonly report?: string;
  readonly output: OutputFormat;
}

export function simulateVerb(streams: Streams): Command {
  return new Command('simulate')
    .summary('policies and other controllers on simulated guests, compared')
    .description(
      'Runs a scenario in virtual time, once for every controller: policies exactly as the daemon would run them, and the published ' +
        `algorithms of other systems (${Object.keys(BASELINES).join(', ')}). The same scenario, seed and policy give the same report, to the byte.`,
    )
    .argument('<scenario>', `a scenario file, or a shipped one: ${shippedScenarios().join(', ')}`)
    .addOption(
      new Option(
        '--policy <path>',
        'a policy file, or a folder with the files of one set; may be given again',
      )
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--set <field=values>',
        'run the policies once for each of these values of a field, such as guest.estimate.window=2m,5m,10m; several go together in all combinations',
      )
        .argParser((text: string, before: readonly Sweep[]) => [...before, orUsage(parseSweep(text))])
        .default([], 'none'),
    )
    .option('--baseline <names>', 'baselines by name, with commas between them, or all')
    .option('--density', 'look for the smallest host on which nothing goes wrong: about ten runs for each')
    .addOption(
      new Option('--seed <n>', "draw other guests than the scenario's own seed does").argParser(
        (text: string) => orUsage(parseSeed(text)),
      ),
    )
    .option('--report <file>', 'write one HTML page with the charts of every run; it needs nothing else')
    .addOption(outputOption())
    .action(async (scenario: string, options: Options) => {
      keepHeapYoung();
      await simulate(scenario, options, availableParallelism(), streams);
    });
}

/**
 * Runs everything that is asked for, prints the scores, and writes the page after that: one that cannot be written costs no figures.
 *
 * @param threads to run it over; 1: in this one
 * @throws BallonetError USAGE, SCENARIO_INVALID, TRACE_INVALID, POLICY_INVALID, POLICY_UNREADABLE, REPORT_UNWRITABLE, SIMULATION_BROKEN
 */
export async function simulate(
  scenario: string,
  {
    policy,
    set = [],
    baseline,
    density,
    seed,
    report: file,
    output = 'table',
  }: Partial<Options> & Pick<Options, 'policy'>,
  threads: number,
  streams: Streams,
): Promise<SimulationReport> {
  if (set.length > 0 && policy.length === 0)
    throw new BallonetError('USAGE', '--set is about fields of a policy; name one with --policy');
  const variants = combinations(set);
  if (variants.length > RUNS_MAX)
    throw new BallonetError('USAGE', `--set asks for ${variants.length} runs; ${RUNS_MAX} are the most`);
  const wanted: ControllerSpec[] = [
    ...policy.flatMap(path =>
      variants.map((settings): ControllerSpec => ({ kind: 'policy', paths: [path], settings })),
    ),
    ...baselinesOf(baseline).map((name): ControllerSpec => ({ kind: 'baseline', name })),
  ];
  if (wanted.length === 0) {
    throw new BallonetError(
      'USAGE',
      'nothing to compare; --policy policies/standard.yaml --baseline all is a start',
    );
  }
  const scenarioPath = scenarioFile(scenario);
  const simulation = openSimulation(scenarioPath, seed);
  refuseFaults(policy, set);
  if (file !== undefined) requireWritable(file);
  // What is reclaimed is told against nobody, and how much of what could be against the oracle: both always run.
  const references = (['static', 'oracle'] as const).filter(
    name => !wanted.some(spec => spec.kind === 'baseline' && spec.name === name),
  );
  const job = { scenarioFile: scenarioPath, seed };
  const jobs: Job[] = [
    ...wanted.map(controller => ({
      ...job,
      controller,
      search: density && DENSITY_SEARCH,
      record: file !== undefined,
    })),
    ...references.map(name => ({
      ...job,
      controller: { kind: 'baseline' as const, name },
    })),
  ];
  const progress = progressLine(jobs.length, streams);
  const results = await withThreads(Math.min(threads, jobs.length), run => run(jobs, progress.update));
  progress.done();
  const report = reportOf(simulation, results, wanted);
  streams.out(render(report, output));
  if (file !== undefined) writeResult(file, pageOf(report, simulation, results));
  return report;
}

/**
 * Compiles every policy under every value by itself: a slip is told before the first run, and not after the longest.
 *
 * @throws BallonetError USAGE, POLICY_INVALID, POLICY_UNREADABLE
 */
function refuseFaults(policies: readonly string[], sweeps: readonly Sweep[]): void {
  const settings = sweeps.flatMap(({ path, values }) => values.map(value => [{ path, value }]));
  for (const path of policies)
    for (const one of [[], ...settings]) policySetOf({ paths: [path], settings: one });
}

function pageOf(report: SimulationReport, { scenario }: Simulation, results: readonly JobResult[]): string {
  const runs = report.runs.flatMap((score, i): ReportedRun[] => {
    const run = results[i]?.run;
    return run?.recording === undefined
      ? []
      : [{ score, recording: run.recording, rereadBytes: run.tally.rereadBytes }];
  });
  return reportPage({ report, description: scenario.description, runs });
}

function reportOf(
  simulation: Simulation,
  results: readonly JobResult[],
  wanted: readonly ControllerSpec[],
): SimulationReport {
  const tallyOf = (name: BaselineName) => {
    const found = results.find(({ run }) => run.controller === name);
    if (found === undefined) throw new Error(`the run of ${name} is missing`);
    return found.run.tally;
  };
  const references = { static: tallyOf('static'), oracle: tallyOf('oracle') };
  const maxima = sumOfMaxima(simulation);
  return {
    apiVersion: 'ballonet/v1',
    kind: 'SimulationReport',
    scenario: simulation.scenario.name,
    seed: simulation.seed,
    host: { memoryBytes: simulation.scenario.host.memory },
    guests: simulation.scenario.guests.length,
    seconds: simulation.seconds,
    runs: results.slice(0, wanted.length).map(({ run, minHostBytes }, i) => ({
      ...scoreOf(run, references),
      ...settingsOf(wanted[i]),
      ...(minHostBytes === undefined
        ? {}
        : { density: Math.round((1000 * maxima) / minHostBytes) / 1000, minHostBytes }),
    })),
  };
}

/** What a run of a sweep adds to its score. */
function settingsOf(spec: ControllerSpec | undefined): Pick<Score, 'settings'> {
  if (spec?.kind !== 'policy' || spec.settings === undefined || spec.settings.length === 0) return {};
  return { settings: Object.fromEntries(spec.settings.map(({ path, value }) => [path, value])) };
}

function baselinesOf(text: string | undefined): BaselineName[] {
  const known = Object.keys(BASELINES).filter(isBaseline);
  if (text === undefined) return [];
  if (text === 'all') return known;
  return text.split(',').map(part => {
    const name = part.trim();
    if (isBaseline(name)) return name;
    throw new BallonetError(
      'USAGE',
      `there is no baseline '${name}'; ${suggestion(name, known, 'the baselines')}`,
    );
  });
}

function render(report: SimulationReport, format: OutputFormat): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, undefined, 2)}\n`;
    case 'yaml':
      return stringify(report);
    case 'name':
      return report.runs.map(score => `${labelOf(score)}\n`).join('');
    case 'table':
    case 'wide': {
      const { scenario, seed, guests, seconds, host } = report;
      const lead = `${scenario}, seed ${seed}: ${guests} guests on ${formatSize(host.memoryBytes)} for ${seconds} s\n`;
      return lead + renderScores(report.runs, format);
    }
  }
}
