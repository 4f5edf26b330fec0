/** The columns of `top`, and the keys that its lines are sorted by. */
import type { z } from 'zod';
import type { GuestSummary } from '../../api/schema/answers.ts';
import type { Bytes } from '../../model/units.ts';
import { ago, shortSize } from '../figures.ts';
import type { Style } from './text.ts';

export type Row = z.output<typeof GuestSummary>;

export interface TopColumn {
  readonly key: SortKey;
  readonly title: string;
  /** Without the blank before it; undefined for the two that share what is left. */
  readonly width?: number;
  readonly align?: 'right';
  readonly text: (row: Row) => string;
  /** What lines are sorted by: numbers come largest first, words in order, what is not known last. */
  readonly rank: (row: Row) => number | string | undefined;
  readonly style?: (row: Row) => Style | undefined;
}

export const SORT_KEYS = [
  'name',
  'current',
  'target',
  'max',
  'used',
  'available',
  'reclaimed',
  'rss',
  'age',
  'policy',
  'action',
  'reason',
] as const;
export type SortKey = (typeof SORT_KEYS)[number];

/** A guest with less than this share of its size available is close to swapping or reclaiming from itself. */
const LOW_RATIO = 0.05;

/** What the balloon keeps from a guest. */
export function reclaimedOf({ maxBytes, currentBytes }: Row): Bytes | undefined {
  return maxBytes === undefined || currentBytes === undefined
    ? undefined
    : Math.max(0, maxBytes - currentBytes);
}

const ACTION_STYLES: Readonly<Record<Row['action'], Style | undefined>> = {
  shrink: 'take',
  grow: 'good',
  hold: undefined,
};

export const NAME: TopColumn = {
  key: 'name',
  title: 'NAME',
  text: ({ name }) => name,
  rank: ({ name }) => name,
  style: ({ state }) => (state === 'running' ? undefined : 'dim'),
};

export const REASON: TopColumn = {
  key: 'reason',
  title: 'REASON',
  text: ({ reason }) => reason,
  rank: ({ reason }) => reason,
  style: ({ pause }) => (pause === undefined ? undefined : 'warn'),
};

/** There at every width. */
export const COLUMNS: readonly TopColumn[] = [
  sizeColumn('current', 'CURRENT', row => row.currentBytes),
  {
    ...sizeColumn('target', 'TARGET', targetOf),
    style: ({ action }) => ACTION_STYLES[action],
  },
  sizeColumn('max', 'MAX', row => row.maxBytes),
  sizeColumn('used', 'USED', row => row.usedBytes),
  {
    ...sizeColumn('available', 'AVAIL', row => row.availableBytes),
    style: ({ availableBytes, currentBytes }) =>
      availableBytes !== undefined && currentBytes !== undefined && availableBytes < LOW_RATIO * currentBytes
        ? 'bad'
        : undefined,
  },
  {
    key: 'action',
    title: 'ACTION',
    width: 6,
    text: ({ action }) => action,
    rank: ({ action }) => (action === 'hold' ? 'z' : action),
    style: ({ action }) => ACTION_STYLES[action],
  },
];

/** Added where a terminal is wide enough, in this order. */
export const EXTRA_COLUMNS: readonly TopColumn[] = [
  sizeColumn('reclaimed', 'RECLAIM', reclaimedOf),
  sizeColumn('rss', 'RSS', row => row.rssBytes),
  {
    key: 'age',
    title: 'AGE',
    width: 6,
    align: 'right',
    text: ({ statsAgeSeconds }) => ago(statsAgeSeconds),
    rank: ({ statsAgeSeconds }) => statsAgeSeconds,
  },
  {
    key: 'policy',
    title: 'POLICY',
    width: 16,
    text: ({ policy }) => policy ?? '-',
    rank: ({ policy }) => policy,
  },
];

const ALL: readonly TopColumn[] = [NAME, ...COLUMNS, ...EXTRA_COLUMNS, REASON];

/** The size that a guest is on its way to; none while it is held. */
function targetOf({ action, targetBytes }: Row): Bytes | undefined {
  return action === 'hold' ? undefined : targetBytes;
}

/** Capital letters choose what is sorted by; `M` is the maximum, `R` what was reclaimed. */
export function sortKeyOfLetter(letter: string): SortKey | undefined {
  return /^[NCTMUAR]$/.test(letter) ? SORT_KEYS.find(key => key.startsWith(letter.toLowerCase())) : undefined;
}

/** @returns the rows in the order of a key; those without it come last, and the name decides between equals */
export function sortRows(rows: readonly Row[], key: SortKey, reversed: boolean): readonly Row[] {
  const rank = ALL.find(column => column.key === key)?.rank ?? NAME.rank;
  const sign = reversed ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [x, y] = [rank(a), rank(b)];
    if (x === undefined || y === undefined)
      return x === y ? compareText(a.name, b.name) : x === undefined ? 1 : -1;
    const order = typeof x === 'number' && typeof y === 'number' ? y - x : compareText(String(x), String(y));
    return order === 0 ? compareText(a.name, b.name) : sign * order;
  });
}

/** @param text what a row's name, state, policy, action or reason must contain, in any case */
export function filterRows(rows: readonly Row[], text: string): readonly Row[] {
  if (text === '') return rows;
  const wanted = text.toLowerCase();
  return rows.filter(({ name, state, policy = '', action, reason }) =>
    [name, state, policy, action, reason].some(word => word.toLowerCase().includes(wanted)),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sizeColumn(key: SortKey, title: string, bytes: (row: Row) => Bytes | undefined): TopColumn {
  return { key, title, width: 7, align: 'right', text: row => shortSize(bytes(row)), rank: bytes };
}
