/** The table that is printed, and what it says about the aims. */
import type { Blocks, Figures } from './collect-rounds.ts';

export interface Row extends Figures {
  readonly server: string;
  readonly domains: number;
  readonly blocks?: Blocks;
}

/** Aims for a host of this size: ratios to C, and milliseconds. */
const AIM = { domains: 5000, wall: 1.1, cpu: 1, block: 20 } as const;
const HEAD = [
  'server',
  'domains',
  'client',
  'wall ms',
  '× C',
  'best ms',
  '× C',
  'CPU ms',
  '× C',
  'block ms (longest, wall)',
];
/** Columns of words; the others are of numbers. */
const LEFT = new Set([0, 2]);

export function formatTable(rows: readonly Row[]): string {
  const cells = rows.map(row => {
    const base = baseOf(rows, row);
    return [
      row.server,
      String(row.domains),
      row.label,
      row.wall.toFixed(2),
      ratio(row.wall, base?.wall),
      row.best.toFixed(2),
      ratio(row.best, base?.best),
      row.cpu.toFixed(2),
      ratio(row.cpu, base?.cpu),
      row.blocks ? formatBlocks(row.blocks) : '',
    ];
  });
  const widths = HEAD.map((head, i) => Math.max(head.length, ...cells.map(row => row[i]?.length ?? 0)));
  return [HEAD, ...cells]
    .map(row =>
      row
        .map((cell, i) => (LEFT.has(i) ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** One line a server that was measured at the size that the aims are for. */
export function formatAims(rows: readonly Row[]): string {
  return rows
    .filter(({ label, domains }) => label === 'ours' && domains === AIM.domains)
    .map(row => {
      const base = baseOf(rows, row);
      const parts = [
        verdict('wall', row.wall / (base?.wall ?? Number.NaN), AIM.wall, '× C'),
        verdict('CPU', row.cpu / (base?.cpu ?? Number.NaN), AIM.cpu, '× C'),
        verdict('block', row.blocks?.typical ?? Number.NaN, AIM.block, 'ms'),
      ];
      return `${row.server}, ${AIM.domains} domains: ${parts.join('; ')}`;
    })
    .join('\n');
}

/** The C client's row of the same server, size and kind of collection. */
function baseOf(rows: readonly Row[], row: Row): Row | undefined {
  const kind = row.label.endsWith('one by one') || row.label.endsWith('four at once') ? 'C, one by one' : 'C';
  return rows.find(
    ({ server, domains, label }) => server === row.server && domains === row.domains && label === kind,
  );
}

function formatBlocks({ typical, longest, longestWall }: Blocks): string {
  return `${typical.toFixed(1)} (${longest.toFixed(1)}, ${longestWall.toFixed(1)})`;
}

function ratio(value: number, base: number | undefined): string {
  return base === undefined ? '' : (value / base).toFixed(2);
}

function verdict(what: string, value: number, aim: number, unit: string): string {
  return `${what} ${value.toFixed(2)} ${unit}, aim ${aim.toFixed(1)} ${value <= aim ? 'met' : 'MISSED'}`;
}
