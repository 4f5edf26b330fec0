import type { Parsed } from '../../model/units.ts';

/** Reads the seed of a simulation or a search. */
export function parseSeed(text: string): Parsed<number> {
  return /^\d{1,9}$/.test(text)
    ? { value: Number(text) }
    : { problem: `'${text}' is not a seed; write a whole number of at most nine digits` };
}
