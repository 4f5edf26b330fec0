/** The host, guests and series of a policy test, with everything that is wrong with them. */
import type { z } from 'zod';
import { TAG_HINT, TAG_NAME } from '../compile-selector.ts';
import type { PolicyTestDocument } from '../schema/policy-test.ts';
import { type Diagnostic, type DiagnosticCode, errorAt } from '../source/diagnostics.ts';
import type { SourceDocument } from '../source/documents.ts';
import { keyPlace, type Path, scalarText, valuePlace } from '../source/locate.ts';
import { identifierOf, nameProblem } from './conditions.ts';
import { findFigure, type GuestSlot, type HostSlot } from './figures.ts';
import { parseSeries, type Series } from './series.ts';

/** A test that is being compiled, and what has been found wrong with it and others so far. */
export interface Compiling {
  readonly document: SourceDocument;
  readonly diagnostics: Diagnostic[];
}

/** What the schema makes of the document. */
export type ParsedTest = z.output<typeof PolicyTestDocument>;

/** Reports what is wrong with the value at a path. */
export function reject(
  { document, diagnostics }: Compiling,
  path: Path,
  code: DiagnosticCode,
  message: string,
  hint?: string,
): void {
  diagnostics.push(errorAt(valuePlace(document, path), code, message, { hint }));
}

/** What is wrong with the guests among each other. */
export function checkGuests(compiling: Compiling, { guests }: ParsedTest): void {
  const identifiers = new Map<string, string>();
  const uuids = new Set<string>();
  for (const [index, { name, uuid, tags, max, current }] of guests.entries()) {
    const path = ['guests', index];
    const problem = nameProblem(name);
    if (problem !== undefined) reject(compiling, [...path, 'name'], 'POLICY_RANGE', problem);
    const identifier = identifierOf(name);
    const other = identifiers.get(identifier);
    if (other === name) {
      reject(compiling, [...path, 'name'], 'POLICY_DUPLICATE', `there already is a guest '${name}' above`);
    } else if (other !== undefined) {
      const message = `'${name}' and '${other}' are the same name in conditions: letters and digits must tell guests apart`;
      reject(compiling, [...path, 'name'], 'POLICY_DUPLICATE', message);
    }
    identifiers.set(identifier, name);
    if (uuid !== undefined && uuids.has(uuid.toLowerCase())) {
      reject(compiling, [...path, 'uuid'], 'POLICY_DUPLICATE', 'another guest above has this UUID');
    }
    if (uuid !== undefined) uuids.add(uuid.toLowerCase());
    for (const tag of Object.keys(tags ?? {})) {
      if (TAG_NAME.test(tag)) continue;
      reject(
        compiling,
        [...path, 'tags', tag],
        'POLICY_RANGE',
        `no guest can have a tag named '${tag}'`,
        TAG_HINT,
      );
    }
    if (current !== undefined && current > max) {
      reject(compiling, [...path, 'current'], 'POLICY_RANGE', 'the guest is larger than its maximum');
    }
  }
}

/** The series of a test by what they are about. */
export interface AllSeries {
  readonly host: ReadonlyMap<HostSlot, Series>;
  /** One for each guest of the test, in its order. */
  readonly guests: readonly ReadonlyMap<GuestSlot, Series>[];
}

export function compileSeries(compiling: Compiling, names: readonly string[]): AllSeries {
  const { document, diagnostics } = compiling;
  const host = new Map<HostSlot, Series>();
  const guests = names.map(() => new Map<GuestSlot, Series>());
  // As read, not as validated: a record of zod leaves out the key __proto__ without a word.
  for (const name of keysOf(document.value, 'series')) {
    const path = ['series', name];
    const target = findFigure(name, names);
    if ('problem' in target) {
      const { problem, hint } = target;
      diagnostics.push(errorAt(keyPlace(document, path), 'POLICY_UNKNOWN_FIELD', problem, { hint }));
      continue;
    }
    const scalar = scalarText(document, path);
    const parsed = parseSeries(scalar?.text ?? '', target.figure.unit);
    if ('problem' in parsed) {
      const { code, message, hint, start, end } = parsed.problem;
      const place = scalar?.place(start, end) ?? valuePlace(document, path);
      diagnostics.push(errorAt(place, code, message, { hint }));
      continue;
    }
    const { series } = parsed;
    if (target.figure.steady === true && series.runs.some(({ kind }) => kind !== 'value')) {
      reject(compiling, path, 'POLICY_SERIES', `${name} is always known; it cannot be _ or stale`);
    }
    if (target.of === 'host') host.set(target.figure.slot, series);
    else guests[names.indexOf(target.guest)]?.set(target.figure.slot, series);
  }
  return { host, guests };
}

function keysOf(value: unknown, field: string): string[] {
  const at: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
  return typeof at === 'object' && at !== null ? Object.keys(at) : [];
}
