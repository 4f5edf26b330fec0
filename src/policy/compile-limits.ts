import type { Bytes } from '../model/units.ts';
import { type Compiling, reject } from './compile-document.ts';
import { type Amount, type GuestPolicy, LEVEL_NONE } from './policy-set.ts';
import type { Path } from './source/locate.ts';
import { suggestion } from './source/suggest.ts';

interface Movement {
  readonly at: readonly string[] | undefined;
  readonly step: { readonly max: Amount; readonly min: Bytes };
}

/** Reports levels that do not exist. */
export function checkLevels(
  compiling: Compiling,
  path: Path,
  at: readonly string[] | undefined,
  levels: readonly string[] | undefined,
): void {
  const known = [LEVEL_NONE, ...(levels ?? [])];
  for (const [index, level] of at?.entries() ?? []) {
    if (levels === undefined || known.includes(level)) continue;
    const message = `the host policy has no pressure level '${level}'`;
    reject(compiling, [...path, index], 'POLICY_LEVEL', message, suggestion(level, known, 'its levels'));
  }
}

/** Reports levels that do not exist, and steps that allow no move. */
export function checkDirection(
  compiling: Compiling,
  path: Path,
  { at, step }: Movement,
  levels: readonly string[] | undefined,
): void {
  checkLevels(compiling, [...path, 'at'], at, levels);
  if ('bytes' in step.max && step.max.bytes < step.min) {
    const message = 'the largest step is smaller than the smallest step, so that no move is possible';
    reject(compiling, [...path, 'step', 'max'], 'POLICY_RANGE', message);
  }
}

export function checkGuarantees(
  compiling: Compiling,
  path: Path,
  { min, max }: Pick<GuestPolicy['guarantees'], 'min' | 'max'>,
): void {
  const crossed =
    'ratio' in min && 'ratio' in max
      ? min.ratio > max.ratio
      : 'bytes' in min && 'bytes' in max && min.bytes > max.bytes;
  if (crossed) reject(compiling, [...path, 'min'], 'POLICY_RANGE', 'guarantees.min is above guarantees.max');
}
