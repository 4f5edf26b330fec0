import { formatSize } from '../../model/units.ts';
import { labelOf, type Score } from '../../simulator/score.ts';
import { type Column, renderListing } from '../output.ts';

const COLUMNS: readonly Column<Score>[] = [
  { title: 'CONTROLLER', value: labelOf },
  { title: 'RECLAIMED GiB·h', value: score => score.reclaimedGiBHours.toFixed(2), align: 'right' },
  { title: 'EFFICIENCY', value: score => `${(100 * score.efficiency).toFixed(1)} %`, align: 'right' },
  { title: 'OVERRUN s', value: score => score.hostOverrunSeconds.toFixed(1), align: 'right' },
  { title: 'SHORTAGE GiB·s', value: score => score.shortageGiBSeconds.toFixed(2), align: 'right' },
  { title: 'STALLED s', value: score => score.stalledGuestSeconds.toFixed(1), align: 'right' },
  { title: 'OOM KILLS', value: score => String(score.oomKills), align: 'right' },
  { title: 'MOVES', value: score => String(score.moves), align: 'right' },
  { title: 'MOVED GiB', value: score => score.movedGiB.toFixed(1), align: 'right' },
];

const DENSITY: readonly Column<Score>[] = [
  {
    title: 'SMALLEST HOST',
    value: ({ minHostBytes }) => (minHostBytes === null ? 'none' : formatSize(minHostBytes)),
    align: 'right',
  },
  {
    title: 'DENSITY',
    value: ({ density }) => (density === null ? '-' : density.toFixed(2)),
    align: 'right',
  },
];

/** Scores as a table; the smallest hosts only where they were looked for. */
export function renderScores(scores: readonly Score[], format: 'table' | 'wide'): string {
  const columns = scores.some(({ density }) => density !== null) ? [...COLUMNS, ...DENSITY] : COLUMNS;
  const listing = {
    kind: 'Scores',
    rows: scores,
    columns,
    name: labelOf,
    object: (score: Score) => score,
  };
  return renderListing(listing, format);
}
