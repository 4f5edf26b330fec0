/** Finds the numbers with which a loss is least: one coordinate after the other, in steps that halve where none helps. */

export interface Coordinate {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly start: number;
}

/** Rounds without any gain, after each of which the steps are half as long. */
const HALVINGS = 6;

/** Deterministic; never leaves the bounds. */
export function search(
  coordinates: readonly Coordinate[],
  loss: (values: readonly number[]) => number,
): number[] {
  let values = coordinates.map(({ start }) => start);
  let best = loss(values);
  const steps = coordinates.map(({ least, most }) => (most - least) / 4);
  for (let halvings = 0; halvings < HALVINGS; ) {
    const before = best;
    for (const [i, { least, most }] of coordinates.entries()) {
      for (const sign of [1, -1]) {
        const tried = values.with(
          i,
          Math.min(most, Math.max(least, (values[i] ?? 0) + sign * (steps[i] ?? 0))),
        );
        const its = loss(tried);
        if (its >= best) continue;
        best = its;
        values = tried;
        break;
      }
    }
    if (best < before * 0.999) continue;
    halvings += 1;
    for (const i of steps.keys()) steps[i] = (steps[i] ?? 0) / 2;
  }
  return values;
}
