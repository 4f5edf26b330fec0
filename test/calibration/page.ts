/** docs/calibration.md, made from the recordings, the model and its figures. */
import { KERNEL, TCG } from '../../src/hypervisor/simulated/calibrated.ts';
import { MiB, type Ratio } from '../../src/model/units.ts';
import { FOUR_CONTROLLERS } from '../lab/four-world.ts';
import { errorOf, type FigureError, type Played, YARDSTICK } from './errors.ts';
import { FIGURES, readRecordings } from './recording.ts';
import { meanOf, type Outcome } from './world-recording.ts';
import type { Comparison } from './worlds.ts';

/** What the model is to come to. */
export const AIM = { median: 0.03, p95: 0.08 };

/** Where the page turns from guests to hosts. */
export const WORLDS = '## The four scripts in both worlds';

export function calibrationPage(played: readonly Played[], comparisons: readonly Comparison[]): string {
  const fitted = played.filter(({ script }) => script.heldOut !== true);
  const [first] = played;
  const { fault, ...speeds } = TCG;
  const setting = `Linux ${first?.recording.kernel} in QEMU ${first?.recording.qemu} without KVM`;
  return [
    '# How true the simulator is',
    '',
    '<!-- Made from test/fixtures/calibration by `npm run docs`. -->',
    '',
    `The guest model of \`simulate\` and \`sim:\` is held against real guests of the lab (${setting}). The same script of demand and`,
    'balloon moves is played to both; available, free, cache and resident memory and the counters of swap and faults are compared each',
    `second. Amounts are errors in percent of the guest’s maximum, counters in percent of what they came to in \`${YARDSTICK}\`.`,
    '',
    '```sh',
    'npm run calibrate          # plays the scripts to real guests (root, half an hour), fits, and writes this page',
    'npm run calibrate:worlds   # the four scripts of the lab to Ballonet, to MOM’s rules and to nobody (half an hour)',
    'npm run fit                # fits the model to the recordings that there are',
    '```',
    '',
    'With `BALLONET_AGAIN=1` the first two keep what there is, and add one more recording of each script.',
    '',
    'A unit test plays the recordings to the model again, and fails when it is further off than this page says.',
    '',
    '## Errors',
    '',
    `The aim is a median of at most ${percent(AIM.median)} and a p95 of at most ${percent(AIM.p95)}; what misses it is in bold. Nothing was fitted to the last`,
    'three. But how the model works was chosen with `held-out` and `unseen` in view; at `blind` nobody looked before the model was done, and',
    'its errors stand here as they came.',
    '',
    `| figure | all fitted | ${played.map(({ script }) => script.name).join(' | ')} |`,
    `|---|${'---:|'.repeat(played.length + 1)}`,
    ...FIGURES.map(figure =>
      [`| ${figure}`, cell(errorOf(figure, fitted)), ...played.map(one => cell(errorOf(figure, [one]))), '']
        .join(' | ')
        .trimEnd(),
    ),
    '',
    'Median / p95. Where a script was recorded more than once, the real guest is the median of its recordings, each second, and so are the',
    'moments at which its steps began and ended. What programs take or touch at full speed they take and touch in the model from when to',
    'when they did, because the machine was twice as fast in one recording as in another, and more. How much a guest of huge pages swaps is',
    'chance: the first reclaim of `held-out` wrote 43 to 148 MiB in four recordings. So far are single recordings from their median, which no',
    'model can be nearer to than by luck:',
    '',
    ...spreadLines(played),
    '',
    'What is left:',
    '',
    '- How many huge pages the kernel writes before it sees the first of them free, and with it what programs come to later. The model knows',
    '  no chance in that; what the guests wrote in all stands below.',
    '- Where files are read in a guest that is short of memory, the kernel swaps for them when there is little else cached (`file_is_tiny` in',
    '  mm/vmscan.c): 97 to 128 MiB within two seconds in `blind`. In the model they recycle the cache that there is.',
    '- The kernel’s list of active pages is not modelled. In a recording of `demand`, `held-out` and `unseen` each with all of /proc/vmstat',
    '  it held at most 55, 29 and 92 MiB of some 250, and a model with it (two looks, or a refault within the working set, make a page',
    '  active) was no nearer to the scripts to which nothing was fitted.',
    '',
    ...swappedLines(played),
    '',
    ...played.flatMap(({ script }) => [
      `### ${script.name}`,
      '',
      `A guest of ${script.memory / MiB} MiB: ${script.about}. Grey is real, blue and dashed the model.`,
      '',
      `![${script.name}: real guest and model](calibration/${script.name}.svg)`,
      '',
    ]),
    '## Figures',
    '',
    'Fitted by a bounded search, one coordinate after the other, that makes the sum of all medians, p95s and means by their aims least; the',
    'memory that is missing from MemTotal is a straight line through the recorded guests. They stand in',
    '`src/hypervisor/simulated/calibrated.ts`. Speeds are of the lab’s emulated guests and used for `machine: tcg`; guests on KVM have',
    'those of the HyperAlloc measurements (EuroSys 2025).',
    '',
    'How much written memory stays at most was set afterwards, with `squeeze` and the first two of the last three scripts in view: the sum',
    'for the fitted scripts is 36.7 without such a bound, 15.3 to 16.0 with one of 44 to 64 MiB, and 18.8 with 20. The others were left as',
    'they had been fitted without `squeeze`: a search over all of them with it gets from 16.0 to 14.1 by chance, and the sum for `held-out`',
    'from 15 to 54. Without the bound the sums are 14.7 for `held-out`, 48.2 for `unseen` and 40.4 for `blind`, with it 15.1, 45.4 and 36.3.',
    '',
    '| figure | value |',
    '|---|---:|',
    `| memory missing from MemTotal | ${(KERNEL.fixed / MiB).toFixed(1)} MiB + ${percent(KERNEL.share)} of the maximum |`,
    `| pages with one major fault of swapped memory | ${KERNEL.swapCluster} |`,
    `| minor faults with each page that comes in | ${KERNEL.swapFaults} |`,
    `| share of a huge page that stays in memory when it is swapped out | ${percent(KERNEL.kept)} |`,
    `| written memory that stays at most | ${(KERNEL.keptMost / MiB).toFixed(0)} MiB |`,
    `| huge memory that is reclaimed ahead when all had been touched | ${(KERNEL.ahead / MiB).toFixed(1)} MiB |`,
    `| share of huge pages that come from all free memory alike | ${percent(KERNEL.mixed)} |`,
    `| free memory that is taken last and not reported, of MemTotal | ${percent(KERNEL.apart)} |`,
    `| free memory that is taken last and was never touched, of MemTotal | ${percent(KERNEL.bare)} |`,
    `| time that a minor fault takes, emulated | ${fault} µs |`,
    ...Object.entries(speeds).map(
      ([name, value]) => `| ${name}, emulated | ${(value / MiB).toFixed(0)} MiB/s |`,
    ),
    '',
    WORLDS,
    '',
    ...worldLines(comparisons),
    '',
  ].join('\n');
}

/** What guests of scripts that were recorded more than once wrote to swap in all. */
function swappedLines(played: readonly Played[]): string[] {
  return played.flatMap(({ script, model }) => {
    const all = readRecordings(script.name);
    if (all.length < 2) return [];
    const written = (kib: number | undefined): string => ((kib ?? Number.NaN) / 1024).toFixed(0);
    const real = all.map(({ figures }) => figures.swapOut.at(-1) ?? Number.NaN).toSorted((a, b) => a - b);
    return [
      `- \`${script.name}\` wrote ${real.map(written).join(', ')} MiB in all, the model ${written(model.swapOut.at(-1))} MiB.`,
    ];
  });
}

/** How far the recordings of a script are from one another. */
function spreadLines(played: readonly Played[]): string[] {
  const repeated = played.flatMap(one => {
    const all = readRecordings(one.script.name);
    return all.length > 1 ? [{ one, all }] : [];
  });
  return [
    `| figure | ${repeated.map(({ one, all }) => `${one.script.name}, ${all.length} recordings`).join(' | ')} |`,
    `|---|${'---:|'.repeat(repeated.length)}`,
    ...FIGURES.map(figure => {
      const cells = repeated.map(({ one, all }) => {
        const { median, p95 } = errorOf(
          figure,
          all.map(({ figures }) => ({ ...one, model: figures })),
        );
        return `${percent(median)} / ${percent(p95)}`;
      });
      return `| ${figure} | ${cells.join(' | ')} |`;
    }),
  ];
}

function worldLines(comparisons: readonly Comparison[]): string[] {
  return [
    'The lab’s four scripts (`test/lab/scripts.ts`) at full length, to six guests of 512 MiB on 2100 MiB: real ones, and simulated ones of',
    'the same size, speed and timing. Reclaimed is what all processes held less than with nobody at the balloons, over the script. Time',
    'stalled is PSI full in the lab and time lost waiting in the model, which is not the same: compare it within a world.',
    '',
    '| script | controller | reclaimed, GiB·s: lab | its spread | model | apart | exceeded, s: lab | model | swapped out, MiB: lab | model | stalled, s: lab | model |',
    '|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
    ...comparisons.flatMap(({ script, rows }) =>
      rows.map(({ controller, lab, model, reclaimed, spread, plays, apart }) =>
        [
          `| ${script} | ${controller}`,
          reclaimed.lab.toFixed(1),
          spread === 0 || controller === 'nobody'
            ? ''
            : marked(spread <= 0.1 * reclaimed.lab, `${spread.toFixed(1)} of ${plays}`),
          reclaimed.model.toFixed(1),
          controller === 'nobody' ? '' : marked(apart <= 0.1, percent(apart)),
          tenths(lab, 'exceededSeconds'),
          tenths(model, 'exceededSeconds'),
          tenths(lab, 'swappedOut'),
          tenths(model, 'swappedOut'),
          tenths(lab, 'stalledSeconds'),
          tenths(model, 'stalledSeconds'),
          '',
        ]
          .join(' | ')
          .trimEnd(),
      ),
    ),
    '',
    '| script | ranking in the lab, by what is reclaimed | in the model | same where the lab tells them apart |',
    '|---|---|---|---|',
    ...comparisons.map(
      ({ script, ranking, agree }) =>
        `| ${script} | ${ranked(ranking.lab)} | ${ranked(ranking.model)} | ${agree ? 'yes' : '**no**'} |`,
    ),
    '',
    'More than 10 % apart is in bold, and so is a spread of the lab’s own plays that is more than a tenth of their mean: there, being within',
    '10 % is luck. The lab’s figure is the mean of its plays, and where the times below were kept in some, of those; its spread is the most',
    'less the least of all; controllers that differ by less than that have tied.',
    '',
    'Six emulated guests share two processors in the lab with all else that the machine does, and what is reclaimed hangs on how fast things',
    'go there. So each play is played to the model with its own times, as the lab recorded them:',
    '',
    '- Programs take large amounts of memory from when to when they did in the lab; where that was not kept, at the pace of that play.',
    `  It took them ${spans(comparisons, 'takings')}.`,
    '- The guests’ processors are as slow in all else, balloon, swap and faults, as in that: their speed is the pace at which programs took',
    '  memory, where their script left it to them, by that of a guest alone; too low where a controller made them wait. A script that tells',
    '  none has the mean of the others. The speeds are',
    `  ${range(
      comparisons.flatMap(({ rows }) => rows.flatMap(({ speeds }) => speeds)),
      2,
    )}.`,
    '- MOM looks, and its moves come, when they did in the lab. It has a new process of virsh for each balloon, one after the other, and its',
    `  rounds took ${spans(comparisons, 'rounds')}.`,
    '- Each of six guests reads its file as fast as from an empty cache, all at once, with nobody at the balloons:',
    `  ${reads(comparisons)}; one alone reads ${(TCG.files / MiB).toFixed(0)} MiB/s.`,
    '',
    'A guest’s PSI counts the time that it waits for pages that had been active before they went, and the time of reclaim itself: in the',
    'four recordings with all of /proc/vmstat it counted 0.01 s in the seconds without reclaim, in which 882 MiB came back from swap, and',
    '0.13 s in those in which 951 MiB of files were read again. So the one cannot be fitted to the other: the model counts what its programs',
    'wait for swap, and nothing for files. A script that has not been recorded under all three controllers is not in the tables. The lab’s side is',
    'as it was recorded; the model plays the policy of today.',
    '',
    `${FOUR_CONTROLLERS.join(', ')}: Ballonet with the policy of test/lab/four-policy.ts, MOM’s default rules with all intervals at one second, and guests that are left alone.`,
  ];
}

function ranked(groups: readonly (readonly string[])[]): string {
  return groups.map(group => group.join(' and ')).join(', ');
}

/** The shortest and the longest time that something took in a script, in all its plays. */
function spans(comparisons: readonly Comparison[], what: 'takings' | 'rounds'): string {
  const found = comparisons.flatMap(({ script, rows }) => {
    const times = rows.flatMap(({ lab }) =>
      lab.flatMap(play => (play[what] ?? []).map(each => (each.at(-1) ?? 0) - (each.at(-2) ?? 0))),
    );
    if (times.length === 0) return [];
    return [`${range(times, 1)} s in \`${script}\``];
  });
  return found.length === 0 ? 'an unknown time' : found.join(', ');
}

function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)}`;
}

function reads(comparisons: readonly Comparison[]): string {
  const plays = comparisons.flatMap(({ rows }) =>
    rows.flatMap(({ controller, lab }) => (controller === 'nobody' ? lab : [])),
  );
  return `${(meanOf(plays, 'reads') ?? TCG.files / MiB).toFixed(1)} MiB/s`;
}

function tenths(
  plays: readonly Outcome[],
  figure: 'exceededSeconds' | 'swappedOut' | 'stalledSeconds',
): string {
  const mean = meanOf(plays, figure);
  return mean === undefined ? '' : String(Math.round(mean * 10) / 10);
}

function cell(error: FigureError): string {
  return marked(
    error.median <= AIM.median && error.p95 <= AIM.p95,
    `${percent(error.median)} / ${percent(error.p95)}`,
  );
}

function marked(good: boolean, text: string): string {
  return good ? text : `**${text}**`;
}

function percent(share: Ratio): string {
  return `${(100 * share).toFixed(1)} %`;
}
