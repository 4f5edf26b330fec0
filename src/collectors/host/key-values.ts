/** Numbers by name, as the kernel's flat files give them. A value that a double cannot hold exactly is `Infinity`. */
export type KeyValues = ReadonlyMap<string, number>;

const FLAT_LINE = /^(\S+) (\d+)$/;
const MEMINFO_LINE = /^(\S+):\s+(\d+)(?: kB)?$/;

/** Reads `name value` lines: /proc/vmstat and the memory.stat of both cgroup versions. Other lines are not taken. */
export function parseFlatKeyed(text: string): KeyValues {
  return parseLines(text, FLAT_LINE);
}

/**
 * Reads `Name:  value kB` lines: /proc/meminfo. The values stay as they stand there: what the kernel labels kB is KiB
 * (Linux, Documentation/filesystems/proc.rst), and the HugePages_ lines are counts.
 */
export function parseMeminfoLines(text: string): KeyValues {
  return parseLines(text, MEMINFO_LINE);
}

/** A number as the kernel prints it alone in a file; undefined if it is none, `Infinity` past what a double holds exactly. */
export function parseNumber(text: string): number | undefined {
  const digits = text.trim();
  if (!/^\d+$/.test(digits)) return undefined;
  const value = Number(digits);
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

function parseLines(text: string, line: RegExp): KeyValues {
  const values = new Map<string, number>();
  for (const row of text.split('\n')) {
    const match = line.exec(row);
    if (match === null) continue;
    const [, name = '', digits = ''] = match;
    const value = parseNumber(digits);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}
