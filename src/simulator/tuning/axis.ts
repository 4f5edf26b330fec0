/** The ranges of a search laid over the policy that it begins with. */
import { BallonetError } from '../../model/errors.ts';
import type { Ratio } from '../../model/units.ts';
import type { PolicyReading } from '../../policy/load.ts';
import type { Range } from './range.ts';
import type { Point } from './search.ts';
import { type Setting, settingIn } from './settings.ts';

/** A range, and where the policy stands in it now: beyond its bounds, at the nearer one. */
export interface Axis extends Range {
  readonly place: Ratio;
  /** As it is written in the policy. */
  readonly value: string;
}

/** @throws BallonetError USAGE when the field is not there, or has another unit */
export function axisIn(reading: PolicyReading, range: Range): Axis {
  const value = settingIn(reading, range.path);
  const found = range.placeOf(value);
  if (found === undefined) {
    throw new BallonetError(
      'USAGE',
      `${range.path} is '${value}' in the policy, which cannot be measured by the bounds given`,
    );
  }
  const place = Math.min(1, Math.max(0, found));
  return { ...range, place, value: place === found ? value : range.at(place) };
}

export function settingsAt(axes: readonly Axis[], point: Point): Setting[] {
  return axes.map(({ path, at, place, value }, i) => {
    const there = point[i] ?? place;
    return { path, value: there === place ? value : at(there) };
  });
}

/** What is not moved stays as it is written, in each policy that has it. */
export function changesIn(reading: PolicyReading, settings: readonly Setting[]): Setting[] {
  return settings.filter(({ path, value }) => value !== settingIn(reading, path));
}
