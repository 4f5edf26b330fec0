/** What `top` shows: lines of text with meaning, from what the daemon said and what the person has chosen. Pure. */
import type { z } from 'zod';
import type { Status } from '../../api/schema/answers.ts';
import type { Bytes } from '../../model/units.ts';
import { ago, percent, shortSize } from '../figures.ts';
import { SPLITS } from '../status.ts';
import {
  COLUMNS,
  EXTRA_COLUMNS,
  filterRows,
  NAME,
  REASON,
  type Row,
  reclaimedOf,
  sortRows,
  type TopColumn,
} from './columns.ts';
import type { Settings } from './settings.ts';
import { type Line, pad, printable, type Span, type Style, widthOf } from './text.ts';

/** What was seen of the daemon at one look. */
export interface Sight {
  /** Unix time, seconds. */
  readonly at: number;
  readonly status: z.output<typeof Status>;
  readonly guests: readonly Row[];
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Lines that are not guests: eight at the top with the titles, one at the bottom. */
const FRAME_LINES = 9;
const NAME_WIDTH = { least: 8, most: 40 };
const REASON_WIDTH = 18;
const BAR_WIDTH = 20;

/** Lines that a screen has for guests. */
export function pageOf({ rows }: Size): number {
  return Math.max(1, rows - FRAME_LINES);
}

/** The guests that are to be shown, in order. */
export function shownRows({ guests }: Sight, { filter, sort, reversed }: Settings): readonly Row[] {
  return sortRows(filterRows(guests, filter), sort, reversed);
}

/** @param problem what is wrong at the moment, in one line */
export function screen(sight: Sight, settings: Settings, size: Size, problem: string | undefined): Line[] {
  if (settings.help) return HELP.map(text => [{ text }]);
  const rows = shownRows(sight, settings);
  const page = pageOf(size);
  const offset = offsetOf(settings, rows.length, size);
  const lines = [
    ...header(sight, settings, size.columns, rows.length),
    noticeLine(settings, problem),
    ...table(rows.slice(offset, offset + page), sight.guests, settings, size.columns),
  ];
  const filled = [...lines, ...Array.from({ length: size.rows - 1 - lines.length }, (): Line => [])];
  const last = Math.min(rows.length, offset + page);
  const part = rows.length > page ? `  ${offset + 1}-${last} of ${rows.length}` : '';
  const hint: Line = [
    {
      text: `q quit  h help  s sort (${settings.sort})  r reverse  / filter  space pause${part}`,
      style: 'dim',
    },
  ];
  return [...filled.slice(0, size.rows - 1), hint];
}

/** The first line that is shown: never so far down that the page is not full. */
export function offsetOf({ offset }: Settings, rows: number, size: Size): number {
  return Math.min(offset, Math.max(0, rows - pageOf(size)));
}

/** The same without a screen: every guest, and names whole. */
export function report(sight: Sight, settings: Settings, columns: number): Line[] {
  const rows = shownRows(sight, settings);
  return [
    ...header(sight, settings, columns, rows.length),
    [],
    ...table(rows, sight.guests, settings, columns).map(line => line.map(unstyledTitle)),
    [],
  ];
}

function unstyledTitle({ text, style }: Span): Span {
  return { text, style: style === 'bar' ? undefined : style };
}

function header(
  { at, status, guests }: Sight,
  { delay, paused, filter }: Settings,
  columns: number,
  shown: number,
): Line[] {
  const { version, dryRun, mode, policy, host, budget, pressure, lastTick, failedTicks } = status;
  const time = new Date(at * 1000).toTimeString().slice(0, 8);
  const left = `ballonet ${version}  ${dryRun ? 'dry run' : mode}, policy ${printable(policy)}`;
  const right = paused ? `PAUSED at ${time}` : `${time}, every ${delay}s`;
  const gap = Math.max(2, columns - widthOf(left) - widthOf(right));
  const max = sum(guests, ({ maxBytes }) => maxBytes);
  const reclaimed = sum(guests, reclaimedOf);
  const counted = (wanted: Row['action']) => guests.filter(({ action }) => action === wanted).length;
  return [
    [
      { text: left, style: 'strong' },
      { text: ' '.repeat(gap) },
      { text: right, style: paused ? 'warn' : undefined },
    ],
    [...hostLine(host, columns)],
    [
      { text: 'pool      ' },
      ...(budget === undefined
        ? [{ text: 'not known yet' }]
        : [
            {
              text: `${shortSize(budget.totalBytes)}: ${shortSize(budget.committedBytes)} committed, ${shortSize(budget.freeBytes)} free; `,
            },
            { text: SPLITS[budget.split], style: SPLIT_STYLES[budget.split] },
          ]),
    ],
    [
      { text: 'pressure  ' },
      {
        text: printable(pressure.level),
        style: pressure.level === 'none' ? 'good' : levelStyle(pressure.level),
      },
      { text: ` for ${ago(pressure.seconds)}; ` },
      lastTick === undefined
        ? { text: 'no tick yet', style: 'warn' }
        : { text: `tick ${ago(lastTick.ageSeconds)} ago, took ${Math.round(lastTick.tookSeconds * 1000)}ms` },
      { text: failedTicks === 0 ? '' : `, ${failedTicks} failed since`, style: 'bad' },
    ],
    [
      { text: `reclaimed ${shortSize(reclaimed)} of ${shortSize(max)}` },
      { text: max === 0 ? '' : ` (${percent(reclaimed, max)})` },
    ],
    [
      { text: `guests    ${shown === guests.length ? '' : `${shown} of `}${guests.length}` },
      { text: filter === '' ? '' : ` with '${printable(filter)}'`, style: 'warn' },
      { text: `, ${status.guests.managed} managed` },
      { text: status.guests.paused === 0 ? '' : `, ${status.guests.paused} paused`, style: 'warn' },
      { text: '; ' },
      { text: `${counted('shrink')} shrink`, style: counted('shrink') > 0 ? 'take' : undefined },
      { text: ', ' },
      { text: `${counted('grow')} grow`, style: counted('grow') > 0 ? 'good' : undefined },
    ],
  ];
}

type HostFigures = Sight['status']['host'];

function hostLine({ totalBytes: total, availableBytes: available }: HostFigures, columns: number): Line {
  if (total === undefined || available === undefined) return [{ text: 'host      not known yet' }];
  const share = available / total;
  const style: Style = share < 0.08 ? 'bad' : share < 0.2 ? 'warn' : 'good';
  const text = `host      ${shortSize(total)}, ${shortSize(available)} available (${percent(available, total)})`;
  const cells = Math.round(BAR_WIDTH * Math.min(1, Math.max(0, 1 - share)));
  const bar: Line = [
    { text: `  [` },
    { text: '#'.repeat(cells), style },
    { text: `${'.'.repeat(BAR_WIDTH - cells)}]` },
  ];
  return columns - widthOf(text) < BAR_WIDTH + 4 ? [{ text }] : [{ text }, ...bar];
}

const SPLIT_STYLES: Readonly<Record<keyof typeof SPLITS, Style>> = {
  fits: 'good',
  cut: 'warn',
  insufficient: 'bad',
};

/** Levels are named by the policy; the shipped ones call the mildest soft. */
function levelStyle(level: string): Style {
  return level === 'soft' ? 'warn' : 'bad';
}

/** The line above the titles: what is typed, what is wrong, or nothing. */
function noticeLine({ prompt }: Settings, problem: string | undefined): Line {
  if (prompt !== undefined) {
    const title = prompt.for === 'filter' ? 'filter: ' : 'seconds between two looks: ';
    return [{ text: title }, { text: `${printable(prompt.text)}_`, style: 'strong' }];
  }
  return problem === undefined ? [] : [{ text: problem, style: 'bad' }];
}

/** The titles and the lines of guests. @param all of these the widths are made, so that they stay while one scrolls */
function table(rows: readonly Row[], all: readonly Row[], { sort }: Settings, columns: number): Line[] {
  const widest = Math.max(NAME_WIDTH.least, ...all.map(({ name }) => widthOf(name)));
  const name = Math.min(NAME_WIDTH.most, widest);
  const extra = extraColumns(columns - name - REASON_WIDTH - 1 - widthAll(COLUMNS));
  const middle = [...COLUMNS, ...extra];
  const left = columns - widthAll(middle) - 1;
  // The name gives way first, then the reason is cut.
  const nameWidth = Math.max(NAME_WIDTH.least, Math.min(name, left - REASON_WIDTH));
  const laid: readonly (readonly [TopColumn, number])[] = [
    [NAME, nameWidth],
    ...middle.map((column): [TopColumn, number] => [column, column.width ?? 0]),
    [REASON, Math.max(0, left - nameWidth)],
  ];
  const title: Line = [
    {
      text: pad(
        laid.map(([column, width]) => pad(titleOf(column, sort), width, column.align)).join(' '),
        columns,
      ),
      style: 'bar',
    },
  ];
  return [title, ...rows.map(row => rowLine(row, laid))];
}

/** A mark at the title that is sorted by, where there is room for one. */
function titleOf(
  { key, title, width = Number.POSITIVE_INFINITY }: TopColumn,
  sort: Settings['sort'],
): string {
  return key === sort ? `${title.slice(0, width - 1)}*` : title;
}

function rowLine(row: Row, laid: readonly (readonly [TopColumn, number])[]): Line {
  return laid.flatMap(([column, width], i): Span[] => [
    { text: i === 0 ? '' : ' ' },
    { text: pad(printable(column.text(row)), width, column.align), style: column.style?.(row) },
  ]);
}

/** Those for which there is room. */
function extraColumns(room: number): readonly TopColumn[] {
  let left = room;
  return EXTRA_COLUMNS.filter(({ width = 0 }) => {
    left -= width + 1;
    return left >= 0;
  });
}

function widthAll(columns: readonly TopColumn[]): number {
  return columns.reduce((all, { width = 0 }) => all + width + 1, 0);
}

/** Of what is known. */
function sum(rows: readonly Row[], bytes: (row: Row) => Bytes | undefined): Bytes {
  return rows.reduce((all, row) => all + (bytes(row) ?? 0), 0);
}

const HELP: readonly string[] = [
  'ballonet top: the guests, what their balloons do, and why',
  '',
  '  q, ctrl-c       quit',
  '  space, p        hold the picture, and go on',
  '  d               seconds between two looks',
  '  /               only what has a text in its name, state, policy, reason',
  '  escape          show all again',
  '  s, right, left  sort by another column',
  '  N C T M U A R   sort by name, current, target, max, used, available, reclaimed',
  '  r               the other way round',
  '  arrows, page up, page down, home, end   scroll',
  '  ctrl-l          look and draw anew',
  '',
  'CURRENT is the size that the balloon leaves the guest, TARGET the one it is on',
  'its way to, MAX the most that it can have, USED and AVAIL what it reports,',
  'RECLAIM what the balloon holds. A dash is a figure that is not known. Wide',
  'terminals also show RSS (what the guest takes of the host), the AGE of its',
  'report and its POLICY. A shrink is cyan, growth green; AVAIL is red under 5% of',
  'the size, a paused guest yellow, one that does not run dim.',
  '',
  'Any key goes back.',
];
