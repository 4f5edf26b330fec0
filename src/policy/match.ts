import { type Glob, globCovers, globMatches, globsIntersect } from './match-glob.ts';
import type { GuestMatch } from './policy-set.ts';

export const MATCH_FIELDS = ['name', 'uuid', 'title'] as const;

type MatchField = (typeof MATCH_FIELDS)[number];

/** Fields AND, globs of one field OR. No field at all selects every guest. */
export type Selector = { readonly [K in MatchField]?: readonly Glob[] };

/** Which guests a policy is for: those that `match` selects and `exclude` does not. */
export interface Selection {
  readonly match: Selector;
  readonly exclude: Selector | undefined;
}

/** The first field of the selector that the guest does not match; undefined when it matches all of them. */
function refusingField(selector: Selector, guest: GuestMatch): MatchField | undefined {
  return MATCH_FIELDS.find(field => {
    const globs = selector[field];
    if (globs === undefined) return false;
    const value = field === 'uuid' ? guest.uuid?.toLowerCase() : guest[field];
    return value === undefined || !globs.some(glob => globMatches(glob, value));
  });
}

/** Undefined when the guest is selected; else what said no: `match.name`, or `exclude.name` with the fields that excluded it. */
export function mismatchOf({ match, exclude }: Selection, guest: GuestMatch): string | undefined {
  const refusing = refusingField(match, guest);
  if (refusing !== undefined) return `match.${refusing}`;
  if (exclude === undefined || refusingField(exclude, guest) !== undefined) return undefined;
  return `exclude.${MATCH_FIELDS.filter(field => exclude[field] !== undefined).join('+')}`;
}

/** Steps that a search for overlaps may still take; lists of long globs could otherwise take minutes. */
export interface Work {
  left: number;
}

/**
 * True when one guest could be selected by both: no field that both have keeps them apart, and neither excludes all of the
 * other. An exclusion counts when it names the other's globs themselves, or covers the plain names that the other lists.
 */
export function selectionsOverlap(a: Selection, b: Selection, work: Work): boolean {
  if (excludesAll(a, b) || excludesAll(b, a)) return false;
  return MATCH_FIELDS.every(field => {
    const [mine, theirs] = [a.match[field], b.match[field]];
    if (mine === undefined || theirs === undefined) return true;
    return mine.some(glob =>
      theirs.some(other => {
        work.left -= (glob.tokens.length + 1) * (other.tokens.length + 1);
        // Out of work: the answer that refuses the set is the safe one.
        return work.left < 0 || globsIntersect(glob, other);
      }),
    );
  });
}

function excludesAll({ exclude }: Selection, { match }: Selection): boolean {
  if (exclude === undefined) return false;
  return MATCH_FIELDS.every(field => {
    const excluding = exclude[field];
    if (excluding === undefined) return true;
    const matched = match[field];
    return matched?.every(glob => excluding.some(cover => globCovers(cover, glob))) === true;
  });
}
