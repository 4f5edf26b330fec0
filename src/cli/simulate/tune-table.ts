import type { TunedCandidate, TuningReport } from '../../simulator/tuning/tuning.ts';
import { type Column, createTable } from '../output.ts';

type Row = readonly [name: string, candidate: TunedCandidate];

const COLUMNS: readonly Column<Row>[] = [
  { title: 'CANDIDATE', value: ([name]) => name },
  { title: "DENSITY OF THE ORACLE'S", value: ([, one]) => one.densityShare.toFixed(3), align: 'right' },
  { title: 'STALLED', value: ([, one]) => percentOf(one.stalledShare), align: 'right' },
  { title: 'OOM KILLS', value: ([, one]) => String(one.oomKills), align: 'right' },
  { title: 'READ AGAIN GiB', value: ([, one]) => (one.rereadBytes / 1024 ** 3).toFixed(1), align: 'right' },
  {
    title: 'SETTINGS',
    value: ([, one]) => one.settings.map(({ path, value }) => `${path}=${value}`).join(' '),
  },
];

/** The policy before and after, how the best fares on each scenario, and the trade-off between density and stalls. */
export function renderTuning({ before, best, front, tried, withinLimit }: TuningReport): string {
  const name = withinLimit ? 'best' : 'nearest';
  const table = createTable(COLUMNS);
  const lines = [
    table([
      ['before', before],
      [name, best],
    ]),
    `\nThe trade-off: of ${tried.length} candidates that stood every trial, those that nobody beats in both\n`,
    createTable(COLUMNS)(front.map((one, i) => [`${i + 1}`, one])),
    `\nThe ${name} on each scenario\n`,
    createTable<TunedCandidate['trials'][number]>([
      { title: 'SCENARIO', value: ({ scenario }) => scenario },
      { title: 'DENSITY', value: ({ density }) => density?.toFixed(2) ?? 'none', align: 'right' },
      { title: 'ORACLE', value: ({ limit }) => limit?.toFixed(2) ?? 'none', align: 'right' },
      { title: 'STALLED', value: ({ stalledShare }) => percentOf(stalledShare), align: 'right' },
      { title: 'OOM KILLS', value: ({ oomKills }) => String(oomKills), align: 'right' },
    ])(best.trials),
  ];
  return lines.join('');
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(3)} %`;
}
