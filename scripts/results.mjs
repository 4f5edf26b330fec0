// Writes docs/results.md from nothing but runs: npm run results [-- --traces FOLDER] [-- --scenarios a,b] [-- --out FILE]
//
// Every shipped scenario, under the shipped policies, all baselines and the oracle. Those of scenarios/recorded want recordings that are
// not shipped: FOLDER has them, in the files that they name. Their descriptions name the source and its licence.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { openSimulation } from '../dist/cli/simulate/open.js';
import { sumOfMaxima } from '../dist/simulator/density.js';
import { hostForAllInUse } from '../dist/simulator/oracle.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const POLICIES = ['standard', 'dense'];
/** Weeks of hundreds of guests: their first half day, one run each, and none of them to look for the smallest host. */
const LONG = ['diurnal-fleet'];
const LONG_DURATION = '12h';
const LONG_BASELINES = 'static,mom,hyperv,oracle';

const { values } = parseArgs({
  options: {
    traces: { type: 'string' },
    scenarios: { type: 'string' },
    out: { type: 'string', default: join(ROOT, 'docs/results.md') },
  },
});
const yamlIn = folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .toSorted();
const shipped =
  values.scenarios?.split(',') ?? yamlIn(join(ROOT, 'scenarios')).map(name => basename(name, '.yaml'));

const scratch = mkdtempSync(join(tmpdir(), 'ballonet-results-'));
const traces = values.traces === undefined ? [] : beside(resolve(values.traces));
const reports = new Map([...shipped, ...traces].map(scenario => [scenario, simulate(scenario)]));
writeFileSync(values.out, page());
rmSync(scratch, { recursive: true });

function simulate(scenario) {
  const long = LONG.includes(scenario);
  const args = [
    join(ROOT, 'bin/ballonet'),
    'simulate',
    long ? shortened(scenario) : scenario,
    ...POLICIES.flatMap(name => ['--policy', `policies/${name}.yaml`]),
    '--baseline',
    long ? LONG_BASELINES : 'all',
    ...(long ? [] : ['--density']),
    '-o',
    'json',
  ];
  process.stderr.write(`${scenario}\n`);
  const { stdout, status } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

/** Copies of the scenarios over recordings, beside these recordings. */
function beside(recordings) {
  const folder = join(ROOT, 'scenarios/recorded');
  symlinkSync(recordings, join(scratch, 'recordings'));
  return yamlIn(folder).map(name => {
    copyFileSync(join(folder, name), join(scratch, name));
    return join(scratch, name);
  });
}

/** A copy of a scenario that ends sooner. */
function shortened(scenario) {
  const text = readFileSync(fileOf(scenario), 'utf8');
  const file = join(scratch, basename(fileOf(scenario)));
  writeFileSync(file, text.replace(/^( *duration:).*$/m, `$1 ${LONG_DURATION}`));
  return file;
}

/** Controllers that somebody could run: all but nobody and the one who knows the future. */
function rivals({ runs }) {
  return runs.filter(({ controller }) => !['static', 'oracle'].includes(controller) && !isOurs(controller));
}

function isOurs(controller) {
  return controller.startsWith('policy:');
}

function find(report, controller) {
  return report.runs.find(run => run.controller === controller);
}

function page() {
  const sections = [...shipped, ...traces].map(scenario => section(scenario, reports.get(scenario)));
  return `${[
    '# How policies and other controllers fare',
    '<!-- Written by `npm run results`. -->',
    'Every shipped scenario with its own seed. What the columns mean stands in [the guide](guides/simulate.md#what-is-counted), and how\nfar the model is from real guests in [its calibration](calibration.md): compare, and do not take the amounts for promises. This page is the\nwhole outcome of',
    `\`\`\`sh\nnpm run results -- --traces FOLDER${values.scenarios === undefined ? '' : ` --scenarios ${values.scenarios}`}\n\`\`\``,
    `which runs \`ballonet simulate SCENARIO ${POLICIES.map(name => `--policy policies/${name}.yaml`).join(' ')} --baseline all --density\`.`,
    '## What was aimed at, and what is reached',
    'A ✓ is a win and an ✗ a loss, by the aims: `dense` reaches nine tenths of the oracle’s density and a quarter more than the best\nother controller, and does no more harm than that one; `standard` has no program killed and loses at most 0.05 % of guests’ time. Harm\nthat the oracle could not avoid either is nobody’s. With a ° a quarter more than the best other would be more than the oracle itself.\n\nThe last column is a bound of its own: the density at which what guests are about to need just fits, so that the oracle need not take\nmemory that is in use. Whoever is denser has guests swap out what they seldom touch: `hyperv` and the oracle by ballooning below use,\n`dense` a little at a time and by feedback, where its operator vouches for the guests’ swap ([why](adr/0015-cold-memory.md)); `standard`\nnever.',
    densityTable(),
    standardTable(),
    ...sections,
  ].join('\n\n')}\n`;
}

function densityTable() {
  const rows = [...reports].flatMap(([scenario, report]) => {
    const [dense, oracle] = [find(report, 'policy:dense'), find(report, 'oracle')];
    const best = rivals(report).toSorted((a, b) => (b.density ?? 0) - (a.density ?? 0))[0];
    if (dense?.density == null || oracle?.density == null || best?.density == null) return [];
    const [ofOracle, ofBest] = [dense.density / oracle.density, dense.density / best.density];
    const harmless = harm(report, dense) <= harm(report, best);
    return [
      [
        report.scenario,
        dense.density.toFixed(2),
        `${ofOracle.toFixed(2)} ${mark(ofOracle >= 0.9)}`,
        `${best.controller} ${best.density.toFixed(2)}`,
        `${ofBest.toFixed(2)} ${mark(ofBest >= 1.25)}${1.25 * best.density > oracle.density ? '°' : ''}`,
        mark(harmless),
        densityOfAllInUse(scenario).toFixed(2),
      ],
    ];
  });
  return table(
    [
      'scenario',
      'density of dense',
      'of the oracle’s',
      'best other',
      'of the best other’s',
      'no more harm',
      'all in use fits at',
    ],
    rows,
  );
}

function standardTable() {
  const rows = [...reports.values()].map(report => {
    const [standard, oracle] = [find(report, 'policy:standard'), find(report, 'oracle')];
    const stalled = share(report, standard) - share(report, oracle);
    const kills = standard.oomKills - oracle.oomKills;
    return [
      report.scenario,
      `${standard.oomKills} ${mark(kills <= 0)}`,
      `${percent(share(report, standard))} ${mark(stalled <= 0.0005)}`,
      percent(share(report, oracle)),
    ];
  });
  return table(['scenario', 'OOM kills of standard', 'its lost time', 'the oracle’s'], rows);
}

/** Of all guests' time, what was lost; guests that are off for a while make it a little too small. */
function share({ guests, seconds }, { stalledGuestSeconds }) {
  return stalledGuestSeconds / (guests * seconds);
}

/** One figure to rank harm by: a kill costs a minute. */
function harm(report, run) {
  const oracle = find(report, 'oracle');
  const lost = ({ stalledGuestSeconds, oomKills, hostOverrunSeconds }) =>
    stalledGuestSeconds + 60 * oomKills + hostOverrunSeconds;
  return Math.max(0, lost(run) - lost(oracle));
}

function section(scenario, report) {
  const { guests, host, seconds, runs } = report;
  const withDensity = runs.some(({ density }) => density !== null);
  const head = [
    'controller',
    'reclaimed GiB·h',
    'efficiency',
    'overrun s',
    'shortage GiB·s',
    'stalled s',
    'OOM kills',
    'moves',
    'moved GiB',
    ...(withDensity ? ['density'] : []),
  ];
  const most = Math.max(
    ...runs.filter(({ controller }) => controller !== 'oracle').map(({ density }) => density ?? 0),
  );
  const rows = runs.map(run => [
    run.controller,
    run.reclaimedGiBHours.toFixed(2),
    percent(run.efficiency, 0),
    bad(run.hostOverrunSeconds, 0),
    bad(run.shortageGiBSeconds, 1),
    bad(run.stalledGuestSeconds, 1),
    bad(run.oomKills, 0),
    String(run.moves),
    run.movedGiB.toFixed(1),
    ...(withDensity ? [densityCell(run, most)] : []),
  ]);
  const text = `${guests} guests on ${host.memoryBytes / 2 ** 30} GiB for ${duration(seconds)}.`;
  const long = LONG.includes(scenario)
    ? ` Only its first twelve hours: the whole of it, and looking for the smallest host, would take hours.`
    : '';
  return `## ${report.scenario}\n\n${description(scenario)} ${text}${long}\n\n${table(head, rows)}`;
}

/** What the scenario says of itself; those over recordings name their source. */
function description(scenario) {
  return parse(readFileSync(fileOf(scenario), 'utf8')).metadata.description ?? '';
}

function fileOf(scenario) {
  return scenario.endsWith('.yaml') ? scenario : join(ROOT, `scenarios/${scenario}.yaml`);
}

/** The density above which guests must swap whatever is known in advance. */
function densityOfAllInUse(scenario) {
  const simulation = openSimulation(fileOf(scenario));
  return sumOfMaxima(simulation) / hostForAllInUse(simulation);
}

function densityCell({ density, controller }, most) {
  if (density === null) return 'none ✗';
  return density === most && controller !== 'oracle' ? `**${density.toFixed(2)}**` : density.toFixed(2);
}

/** Harm stands out. */
function bad(value, digits) {
  return value > 0 ? `**${value.toFixed(digits)}** ✗` : value.toFixed(digits);
}

function mark(good) {
  return good ? '✓' : '✗';
}

function percent(ratio, digits = 3) {
  return `${(100 * ratio).toFixed(digits)} %`;
}

function duration(seconds) {
  return seconds >= 86_400 ? `${seconds / 3600} hours` : `${seconds / 60} minutes`;
}

function table(head, rows) {
  const line = cells => `| ${cells.join(' | ')} |`;
  const rule = `|${head.map((_, i) => (i === 0 ? '---|' : '---:|')).join('')}`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}
