/** A line without axes; the figures that it ends with stand beside it, so it is only for the eye. */
interface Props {
  readonly values: readonly (number | null)[];
  /** What the full height is. */
  readonly top: number | undefined;
  readonly width?: number;
  readonly height?: number;
}

export function Sparkline({ values, top, width = 96, height = 22 }: Props) {
  return (
    <svg
      class="sparkline"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      <path d={sparkPath(values, top, width, height)} />
    </svg>
  );
}

/** Path of a line over the width, broken where nothing is known. */
function sparkPath(
  values: readonly (number | null)[],
  top: number | undefined,
  width: number,
  height: number,
): string {
  const highest = Math.max(top ?? 0, ...values.map(value => value ?? 0));
  if (highest <= 0) return '';
  const step = values.length < 2 ? 0 : width / (values.length - 1);
  let path = '';
  let isBroken = true;
  for (const [i, value] of values.entries()) {
    if (value === null) {
      isBroken = true;
      continue;
    }
    const y = height - 1 - (value / highest) * (height - 2);
    path += `${isBroken ? 'M' : 'L'}${(i * step).toFixed(1)} ${y.toFixed(1)}`;
    isBroken = false;
  }
  return path;
}
