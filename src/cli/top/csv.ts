/** `top --csv`: one row a guest and look. */
import { csvLine } from '../../journal/csv.ts';
import { type Row, reclaimedOf } from './columns.ts';
import type { Sight } from './view.ts';

type CsvRow = Row & { readonly at: number };

const FIELDS: readonly (readonly [string, (row: CsvRow) => string | number | undefined])[] = [
  ['time', ({ at }) => new Date(at * 1000).toISOString()],
  ['name', ({ name }) => name],
  ['uuid', ({ uuid }) => uuid],
  ['state', ({ state }) => state],
  ['policy', ({ policy }) => policy],
  ['action', ({ action }) => action],
  ['reason', ({ reason }) => reason],
  ['current', ({ currentBytes }) => currentBytes],
  ['target', ({ targetBytes }) => targetBytes],
  ['max', ({ maxBytes }) => maxBytes],
  ['used', ({ usedBytes }) => usedBytes],
  ['available', ({ availableBytes }) => availableBytes],
  ['reclaimed', reclaimedOf],
  ['rss', ({ rssBytes }) => rssBytes],
  ['stats_age', ({ statsAgeSeconds }) => statsAgeSeconds],
];

export function csvTitles(): string {
  return csvLine(FIELDS.map(([name]) => name));
}

export function csvRows({ at }: Sight, rows: readonly Row[]): string {
  return rows.map(row => csvLine(FIELDS.map(([, value]) => value({ ...row, at })))).join('');
}
