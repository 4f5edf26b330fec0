/** Recordings as tables: CSV texts and journals. */

import { type Cell, CSV_COLUMNS, rowsOf } from '../../journal/csv.ts';
import { journalTicks } from '../../journal/read-sync.ts';
import type { Decision } from '../../model/decision.ts';
import type { TraceTable } from './trace.ts';

/** Comma-separated values with a header line; fields in double quotes may hold commas, and lines that begin with # say nothing. */
export function csvTable(file: string, text: string): TraceTable {
  const lines = text.split(/\r?\n/);
  const isData = (line: string): boolean => line !== '' && !line.startsWith('#');
  const header = lines.findIndex(isData);
  return {
    file,
    kind: 'csv',
    columns: fieldsOf(lines[header] ?? ''),
    *rows() {
      for (const [i, line] of lines.entries()) {
        if (i > header && isData(line)) yield { place: () => `${file}:${i + 1}`, cells: fieldsOf(line) };
      }
    },
  };
}

function fieldsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

/** A segment of a journal or a folder of them, with the columns of `replay --export csv`. */
export function journalTable(location: string): TraceTable {
  return {
    file: location,
    kind: 'journal',
    columns: CSV_COLUMNS.map(({ name }) => name),
    *rows() {
      const decided = new Map<string, Decision>();
      for (const { file, tick } of journalTicks(location)) {
        const place = (): string => `${file}, tick ${tick.snapshot.sequence}`;
        for (const cells of rowsOf(tick, decided))
          yield { place, cells } satisfies { cells: Cell[]; place: () => string };
      }
    },
  };
}
