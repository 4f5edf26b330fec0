/** Sweeps: the same policy under several values of its fields. */
import type { Parsed } from '../../model/units.ts';
import type { Setting } from '../../simulator/tuning/settings.ts';

/** A field and the values that it takes in turn. */
export interface Sweep {
  readonly path: string;
  readonly values: readonly string[];
}

/** More runs than anybody reads, or waits for. */
export const RUNS_MAX = 256;

/** Reads `guest.estimate.window=2m,5m,10m`; a comma within brackets or quotes is part of a value. */
export function parseSweep(text: string): Parsed<Sweep> {
  const at = text.indexOf('=');
  const path = text.slice(0, at).trim();
  const values = splitList(text.slice(at + 1));
  if (at <= 0 || values.some(value => value === '')) {
    const example = 'guest.estimate.window=2m,5m,10m';
    return { problem: `'${text}' is no field with its values; write them as in ${example}` };
  }
  return { value: { path, values } };
}

function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let quote = '';
  let part = '';
  for (const letter of text) {
    if (quote !== '') {
      if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if ('([{'.includes(letter)) depth++;
    else if (')]}'.includes(letter)) depth--;
    if (letter === ',' && depth === 0 && quote === '') {
      parts.push(part.trim());
      part = '';
    } else part += letter;
  }
  return [...parts, part.trim()];
}

/** Every value of each field with every value of the others, the last field changing fastest; one empty one where there is none. */
export function combinations(sweeps: readonly Sweep[]): Setting[][] {
  return sweeps.reduce<Setting[][]>(
    (before, { path, values }) =>
      before.flatMap(settings => values.map(value => [...settings, { path, value }])),
    [[]],
  );
}
