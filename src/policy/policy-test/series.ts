/**
 * Figures over time in the expanding notation of promtool (Prometheus, docs/configuration/unit_testing_rules.md), with units:
 * `axn` is a and n more samples of it, `a+bxn` and `a-bxn` are a and n more samples in steps of b, `_` is a missing sample and
 * `_xn` n of them. Of our own: `stale` is a source that stops, and `stalexn` n samples of that. After its end a series keeps
 * its last sample.
 */
import { type Parsed, parseDuration, parseRate, parseSize } from '../../model/units.ts';
import { TICKS_MAX } from '../schema/policy-test.ts';
import type { DiagnosticCode } from '../source/diagnostics.ts';

/** What the samples of a series are written in: `2GiB`, `1MiB/s`, `90s`, or a plain number. */
export type SeriesUnit = 'size' | 'rate' | 'duration' | 'number';

/** One sample: a value in bytes, bytes per second, seconds or plain; or none. */
export type Sample = number | 'missing' | 'stale';

type Run =
  | { readonly kind: 'value'; readonly first: number; readonly step: number; readonly from: number }
  | { readonly kind: 'missing' | 'stale'; readonly from: number };

export interface Series {
  /** Samples that are written out. */
  readonly length: number;
  /** In order; `from` is the index of the first sample of each. */
  readonly runs: readonly Run[];
}

/** What is wrong with a series; `start` and `end` count the characters of its text from 0. */
export interface SeriesProblem {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
  readonly start: number;
  readonly end: number;
}

const UNITS: Readonly<
  Record<SeriesUnit, { readonly example: string; read: (text: string) => Parsed<number> }>
> = {
  size: { example: '20GiB 9GiBx60', read: parseSize },
  rate: { example: '0B/s 1MiB/sx60', read: parseRate },
  duration: { example: '10s+1sx60', read: parseDuration },
  number: { example: '0 12.5x60', read: readNumber },
};

function readNumber(text: string): Parsed<number> {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? { value } : { problem: `'${text}' is not a number` };
}

/** Reads a series. Never throws. */
export function parseSeries(
  text: string,
  unit: SeriesUnit,
): { readonly series: Series } | { readonly problem: SeriesProblem } {
  const runs: Run[] = [];
  let length = 0;
  for (const match of text.matchAll(/\S+/g)) {
    const [token] = match;
    const read = readToken(token, unit, length);
    if ('message' in read) {
      const { at = 0, span = token.length, ...problem } = read;
      const start = match.index + at;
      return { problem: { ...problem, start, end: start + span } };
    }
    runs.push(read.run);
    length += read.count;
    if (length > TICKS_MAX) {
      const message = `the series has more than ${TICKS_MAX} samples`;
      const place = { start: match.index, end: match.index + token.length };
      return { problem: { code: 'POLICY_LIMIT', message, ...place } };
    }
  }
  if (length > 0) return { series: { length, runs } };
  const message = 'the series is empty';
  return { problem: { code: 'POLICY_SERIES', message, hint: exampleOf(unit), start: 0, end: text.length } };
}

function exampleOf(unit: SeriesUnit): string {
  return `write one sample a tick, such as ${UNITS[unit].example}`;
}

interface TokenProblem {
  readonly code: DiagnosticCode;
  readonly message: string;
  readonly hint?: string;
  /** Part of the token that is meant; all of it when left out. */
  readonly at?: number;
  readonly span?: number;
}

function readToken(
  token: string,
  unit: SeriesUnit,
  from: number,
): { readonly run: Run; readonly count: number } | TokenProblem {
  const gap = /^(_|stale)(?:x(\d+))?$/.exec(token);
  if (gap !== null) {
    const count = gap[2] === undefined ? 1 : Number(gap[2]);
    if (count === 0) return { code: 'POLICY_SERIES', message: `'${token}' is no sample at all` };
    return { run: { kind: gap[1] === '_' ? 'missing' : 'stale', from }, count };
  }
  // No unit has an x in it.
  const parts = /^([^+\-x]+)(?:([+-])([^+\-x]+))?(?:x(\d+))?$/.exec(token);
  if (parts === null) {
    const message = `'${token}' is not a sample`;
    const hint = token.startsWith('-') ? 'no figure is negative' : exampleOf(unit);
    return { code: 'POLICY_SERIES', message, hint };
  }
  const [, firstText = '', sign, stepText, countText] = parts;
  if (sign !== undefined && countText === undefined) {
    const message = `'${token}' has a step but does not say how often`;
    return { code: 'POLICY_SERIES', message, hint: `write ${token}x10 for ten more samples` };
  }
  const first = readValue(firstText, unit, 0);
  if ('message' in first) return first;
  const step = stepText === undefined ? { value: 0 } : readValue(stepText, unit, firstText.length + 1);
  if ('message' in step) return step;
  const more = Number(countText ?? 0);
  const signed = sign === '-' ? -step.value : step.value;
  const last = first.value + signed * more;
  if (last < 0) return { code: 'POLICY_RANGE', message: `'${token}' falls under zero` };
  if (last > Number.MAX_SAFE_INTEGER)
    return { code: 'POLICY_RANGE', message: `'${token}' becomes too large` };
  return { run: { kind: 'value', first: first.value, step: signed, from }, count: more + 1 };
}

function readValue(text: string, unit: SeriesUnit, at: number): { readonly value: number } | TokenProblem {
  const parsed = UNITS[unit].read(text);
  if (!('problem' in parsed)) return parsed;
  return {
    code: unit === 'number' ? 'POLICY_SERIES' : 'POLICY_UNIT',
    message: parsed.problem,
    at,
    span: text.length,
  };
}

/** The sample of a tick, counted from 0. */
export function sampleAt({ runs, length }: Series, tick: number): Sample {
  const index = Math.min(tick, length - 1);
  let [low, high] = [0, runs.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((runs[middle]?.from ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  const run = runs[low];
  if (run === undefined) return 'missing';
  return run.kind === 'value' ? run.first + run.step * (index - run.from) : run.kind;
}
