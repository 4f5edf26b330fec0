import type { z } from 'zod';
import { formatSize } from '../model/units.ts';
import { type Compiling, expressionAt, reject } from './compile-document.ts';
import { MATCH_SCOPE } from './expression/names.ts';
import { GLOB_FIELDS, type MemoryBounds, type Selection, type Selector } from './match.ts';
import { type Glob, parseGlob } from './match-glob.ts';
import type { GuestPolicyDocument } from './schema/guest-policy.ts';
import type { Path } from './source/locate.ts';

type Spec = z.output<typeof GuestPolicyDocument>['spec'];

/** A name that an attribute of an XML element can have, and that is not one of a namespace. */
export const TAG_NAME = /^[\p{L}_][\p{L}\p{N}._-]*$/u;

/** What to write instead of a tag that cannot be. */
export const TAG_HINT = 'tags are attributes of an XML element: letters, digits, dot, dash and underscore';

export function compileSelection(compiling: Compiling, { match, exclude }: Spec): Selection {
  if (exclude !== undefined && Object.values(exclude).every(value => value === undefined)) {
    const hint = 'leave exclude out, or name what it excludes';
    const message = 'an empty exclude would exclude every guest';
    reject(compiling, ['spec', 'exclude'], 'POLICY_RANGE', message, hint);
  }
  return {
    match: compileSelector(compiling, ['spec', 'match'], match),
    exclude: exclude === undefined ? undefined : compileSelector(compiling, ['spec', 'exclude'], exclude),
  };
}

export function compileSelector(compiling: Compiling, path: Path, selector: Spec['match']): Selector {
  const result: { -readonly [K in keyof Selector]: Selector[K] } = {};
  for (const field of GLOB_FIELDS) {
    const globs = compileGlobs(compiling, [...path, field], selector[field], field === 'uuid');
    if (globs !== undefined) result[field] = globs;
  }
  if (selector.tags !== undefined) result.tags = compileTags(compiling, [...path, 'tags'], selector.tags);
  if (selector.memory !== undefined)
    result.memory = compileMemory(compiling, [...path, 'memory'], selector.memory);
  if (selector.expression !== undefined) {
    const expression = expressionAt(compiling, [...path, 'expression'], 'bool', MATCH_SCOPE);
    if (expression !== undefined) result.expression = expression;
  }
  return result;
}

function compileGlobs(
  compiling: Compiling,
  path: Path,
  texts: readonly string[] | undefined,
  lower = false,
): Glob[] | undefined {
  return texts?.flatMap((text, index): Glob[] => {
    const parsed = parseGlob(lower ? text.toLowerCase() : text);
    if ('glob' in parsed) return [parsed.glob];
    reject(compiling, [...path, index], 'POLICY_GLOB', parsed.problem);
    return [];
  });
}

function compileTags(
  compiling: Compiling,
  path: Path,
  tags: NonNullable<Spec['match']['tags']>,
): ReadonlyMap<string, readonly Glob[]> {
  const entries = Object.entries(tags);
  if (entries.length === 0)
    reject(compiling, path, 'POLICY_RANGE', 'no tag is named', 'leave tags out, or name one: {tier: [gold]}');
  return new Map(
    entries.map(([tag, globs]) => {
      if (!TAG_NAME.test(tag)) {
        reject(compiling, [...path, tag], 'POLICY_RANGE', `no guest can have a tag named '${tag}'`, TAG_HINT);
      }
      return [tag, compileGlobs(compiling, [...path, tag], globs) ?? []];
    }),
  );
}

function compileMemory(
  compiling: Compiling,
  path: Path,
  { min, max }: NonNullable<Spec['match']['memory']>,
): MemoryBounds {
  if (min === undefined && max === undefined)
    reject(
      compiling,
      path,
      'POLICY_MISSING',
      'memory has neither min nor max',
      'leave memory out, or give one',
    );
  if (min !== undefined && max !== undefined && min > max) {
    const message = `no guest has at least ${formatSize(min)} and at most ${formatSize(max)}`;
    reject(compiling, [...path, 'min'], 'POLICY_RANGE', message);
  }
  return { min: min ?? 0, max: max ?? Number.POSITIVE_INFINITY };
}
