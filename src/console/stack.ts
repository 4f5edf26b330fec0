type Values = readonly (number | null)[];

/**
 * Lays areas on each other: each becomes the sum of itself and the areas before it; what is no area stays as it is. Where the first
 * area is not known nothing is; where a later one is not known it has no height.
 */
export function stacked(columns: readonly Values[], isArea: readonly boolean[]): (number | null)[][] {
  let below: (number | null)[] | undefined;
  return columns.map((values, column) => {
    if (isArea[column] !== true) return [...values];
    const base = below;
    const sums = values.map((value, row) => {
      if (base === undefined) return value;
      const ground = base[row];
      return ground === null || ground === undefined ? null : ground + (value ?? 0);
    });
    below = sums;
    return sums;
  });
}
