import type { Expression, HostNames, Scope } from './expression/expression.ts';
import { type Glob, globCovers, globMatches, globsIntersect } from './match-glob.ts';
import type { GuestMatch } from './policy-set.ts';

/** Fields of a selector that are lists of globs for a text of the guest. */
export const GLOB_FIELDS = ['name', 'uuid', 'title', 'os'] as const;

type GlobField = (typeof GLOB_FIELDS)[number];

export interface MemoryBounds {
  readonly min: number;
  readonly max: number;
}

/** Fields AND, globs of one field OR. No field at all selects every guest. */
export type Selector = { readonly [K in GlobField]?: readonly Glob[] } & {
  readonly tags?: ReadonlyMap<string, readonly Glob[]>;
  /** Of the guest's maximum, both inclusive. */
  readonly memory?: MemoryBounds;
  readonly expression?: Expression<boolean>;
};

/** Which guests a policy is for: those that `match` selects and `exclude` does not. */
export interface Selection {
  readonly match: Selector;
  readonly exclude: Selector | undefined;
}

/** The first field of the selector that the guest does not match; undefined when it matches all of them. */
export function refusingField(selector: Selector, guest: GuestMatch): string | undefined {
  for (const field of GLOB_FIELDS) {
    const globs = selector[field];
    if (globs === undefined) continue;
    const value = field === 'uuid' ? guest.uuid?.toLowerCase() : guest[field];
    if (value === undefined || !globs.some(glob => globMatches(glob, value))) return field;
  }
  for (const [tag, globs] of selector.tags ?? []) {
    const value = guest.tags !== undefined && Object.hasOwn(guest.tags, tag) ? guest.tags[tag] : undefined;
    if (value === undefined || !globs.some(glob => globMatches(glob, value))) return `tags.${tag}`;
  }
  const { memory, expression } = selector;
  const max = guest.readings?.max.value;
  if (memory !== undefined && (max === undefined || max < memory.min || max > memory.max)) return 'memory';
  if (expression !== undefined && expression.evaluate(matchScope(guest)) !== true) return 'expression';
  return undefined;
}

const NO_HOST: HostNames = { guests: 0, psi: { some: {}, full: {} } };

/** What the expression of a selector sees of a guest. */
export function matchScope({ name = '', uuid = '', title, tags, os, readings }: GuestMatch): Scope {
  const max = readings?.max.value;
  return {
    host: NO_HOST,
    guest: {
      name,
      uuid,
      ...(title === undefined ? {} : { title }),
      ...(tags === undefined ? {} : { tags }),
      ...(os === undefined ? {} : { os }),
      ...(max === undefined ? {} : { max }),
    },
  };
}

/** Names of the fields that a selector has. */
function fieldsOf(selector: Selector): string[] {
  const { tags, memory, expression } = selector;
  return [
    ...GLOB_FIELDS.filter(field => selector[field] !== undefined),
    ...[...(tags?.keys() ?? [])].map(tag => `tags.${tag}`),
    ...(memory === undefined ? [] : ['memory']),
    ...(expression === undefined ? [] : ['expression']),
  ];
}

/** Undefined when the guest is selected; else what said no: `match.name`, or `exclude.name` with the fields that excluded it. */
export function mismatchOf({ match, exclude }: Selection, guest: GuestMatch): string | undefined {
  const refusing = refusingField(match, guest);
  if (refusing !== undefined) return `match.${refusing}`;
  if (exclude === undefined || refusingField(exclude, guest) !== undefined) return undefined;
  return `exclude.${fieldsOf(exclude).join('+')}`;
}

/** Steps that a search for overlaps may still take; lists of long globs could otherwise take minutes. */
export interface Work {
  left: number;
}

/**
 * True when one guest could be selected by both: no field that both have keeps them apart, and neither excludes all of the
 * other. An exclusion counts when it names the other's globs themselves, or covers the plain names that the other lists. Two
 * expressions are never known to keep guests apart.
 */
export function selectionsOverlap(a: Selection, b: Selection, work: Work): boolean {
  if (excludesAll(a, b) || excludesAll(b, a)) return false;
  const [mine, theirs] = [a.match, b.match];
  if (mine.memory !== undefined && theirs.memory !== undefined) {
    if (mine.memory.min > theirs.memory.max || theirs.memory.min > mine.memory.max) return false;
  }
  for (const [tag, globs] of mine.tags ?? []) {
    if (!listsMeet(globs, theirs.tags?.get(tag), work)) return false;
  }
  return GLOB_FIELDS.every(field => listsMeet(mine[field], theirs[field], work));
}

function listsMeet(
  mine: readonly Glob[] | undefined,
  theirs: readonly Glob[] | undefined,
  work: Work,
): boolean {
  if (mine === undefined || theirs === undefined) return true;
  return mine.some(glob =>
    theirs.some(other => {
      work.left -= (glob.tokens.length + 1) * (other.tokens.length + 1);
      // Out of work: the answer that refuses the set is the safe one.
      return work.left < 0 || globsIntersect(glob, other);
    }),
  );
}

/** True when every guest that `match` selects is known to be selected by `wider`, by their own fields. */
export function selectorCovers(wider: Selector, match: Selector): boolean {
  return excludesAll({ match: {}, exclude: wider }, { match, exclude: undefined });
}

function excludesAll({ exclude }: Selection, { match }: Selection): boolean {
  if (exclude === undefined) return false;
  const { memory, expression, tags } = exclude;
  if (expression !== undefined && expression.text !== match.expression?.text) return false;
  if (memory !== undefined) {
    if (match.memory === undefined) return false;
    if (match.memory.min < memory.min || match.memory.max > memory.max) return false;
  }
  for (const [tag, globs] of tags ?? []) {
    if (!coversAll(globs, match.tags?.get(tag))) return false;
  }
  return GLOB_FIELDS.every(field => coversAll(exclude[field], match[field]));
}

function coversAll(excluding: readonly Glob[] | undefined, matched: readonly Glob[] | undefined): boolean {
  if (excluding === undefined) return true;
  return matched?.every(glob => excluding.some(cover => globCovers(cover, glob))) === true;
}
