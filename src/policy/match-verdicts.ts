/** Why a selection takes a guest or leaves it: every field by itself. */
import type { FieldVerdict } from '../model/explanation.ts';
import { formatSize } from '../model/units.ts';
import {
  GLOB_FIELDS,
  type MemoryBounds,
  matchScope,
  refusingField,
  type Selection,
  type Selector,
} from './match.ts';
import type { GuestMatch } from './policy-set.ts';

/** What each field of `match`, then of `exclude`, says of the guest. */
export function verdictsOf({ match, exclude }: Selection, guest: GuestMatch): FieldVerdict[] {
  return [
    ...selectorVerdicts('match', match, guest),
    ...(exclude === undefined ? [] : selectorVerdicts('exclude', exclude, guest)),
  ];
}

function selectorVerdicts(side: 'match' | 'exclude', selector: Selector, guest: GuestMatch): FieldVerdict[] {
  const verdicts: FieldVerdict[] = [];
  const judge = (
    name: string,
    wants: string,
    has: string | number | undefined,
    alone: Selector,
    extra?: Pick<FieldVerdict, 'trace'>,
  ): void => {
    const holds = refusingField(alone, guest) === undefined;
    const field = `${side}.${name}`;
    verdicts.push({ field, wants, holds, ...(has === undefined ? {} : { has }), ...extra });
  };
  for (const field of GLOB_FIELDS) {
    const globs = selector[field];
    if (globs !== undefined) judge(field, listed(globs), guest[field], { [field]: globs });
  }
  for (const [tag, globs] of selector.tags ?? []) {
    const has = guest.tags !== undefined && Object.hasOwn(guest.tags, tag) ? guest.tags[tag] : undefined;
    judge(`tags.${tag}`, listed(globs), has, { tags: new Map([[tag, globs]]) });
  }
  const { memory, expression } = selector;
  if (memory !== undefined) judge('memory', bounds(memory), guest.readings?.max.value, { memory });
  if (expression !== undefined)
    judge(
      'expression',
      expression.text,
      undefined,
      { expression },
      { trace: expression.trace(matchScope(guest)) },
    );
  return verdicts;
}

function listed(globs: readonly { readonly text: string }[]): string {
  return globs.map(({ text }) => text).join(', ');
}

function bounds({ min, max }: MemoryBounds): string {
  if (!Number.isFinite(max)) return `at least ${formatSize(min)}`;
  return min > 0 ? `${formatSize(min)} to ${formatSize(max)}` : `at most ${formatSize(max)}`;
}
