/** A chart over time, with what it shows as a legend of figures and as a table. */
import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { axisTime, clockTime, roundSize, size } from './format.ts';
import { Scroll } from './scroll.tsx';
import { stacked } from './stack.ts';
import { colour, theme } from './theme.ts';

export interface Line {
  readonly label: string;
  /** Name of a colour of style.css. */
  readonly colour: string;
  /** `area` lies on the areas before it; `line` and `dashes` stand for themselves; `dashed-area` is an area with a dashed edge. */
  readonly kind: 'area' | 'dashed-area' | 'line' | 'dashes';
  readonly values: readonly (number | null)[];
}

export interface ChartData {
  /** Unix times. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** What held from one row to the next, such as the pressure level; drawn as a strip on top. */
  readonly strip?: {
    readonly label: string;
    readonly calm: string;
    readonly values: readonly (string | null)[];
  };
}

interface Props {
  /** What it shows, in words. */
  readonly title: string;
  readonly data: ChartData;
  readonly height?: number;
}

/** Rows of the table that says the same: more would be read by nobody. */
const TABLE_ROWS = 12;
const STRIP_PIXELS = 6;
/** Seconds: a chart of a daemon that has just begun is not all of one moment. */
const SPAN_MIN = 60;

export function Chart({ title, data, height = 280 }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const [at, setAt] = useState<number | undefined>(undefined);
  // Another set of lines, another theme: another chart.
  const shape = `${theme.value} ${height} ${data.lines.map(({ label, kind }) => `${label}:${kind}`).join('|')}`;

  useEffect(() => {
    const host = place.current;
    if (host === null) return;
    const made = new uPlot(
      optionsOf(() => latest.current, host.clientWidth, height, setAt),
      plotData(latest.current),
      host,
    );
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height }));
    watcher.observe(host);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = undefined;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(plotData(data));
  }, [data]);

  const row = at !== undefined && at < data.times.length ? at : data.times.length - 1;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="plot" aria-hidden="true" style={{ height: `${height}px` }} />
      <Legend data={data} row={row} />
      <details>
        <summary>The same as a table</summary>
        <Table data={data} title={title} />
      </details>
    </figure>
  );
}

/** Those that lie on top first, as the eye finds them. */
function Legend({ data, row }: { readonly data: ChartData; readonly row: number }) {
  const { times, lines, strip } = data;
  const time = times[row];
  return (
    <ul class="legend">
      <li class="when">
        {time === undefined ? 'no figures yet' : clockTime(new Date(time * 1000).toISOString())}
      </li>
      {lines.toReversed().map(line => (
        <li key={line.label}>
          <span class={`swatch ${line.kind}`} style={{ '--swatch': `var(--${line.colour})` }} />
          {line.label} <b>{size(line.values[row])}</b>
        </li>
      ))}
      {strip && (
        <li key="strip">
          <span class={strip.values[row] === strip.calm ? 'swatch area calm' : 'swatch area alarm'} />
          {strip.label} <b>{strip.values[row] ?? '–'}</b>
        </li>
      )}
    </ul>
  );
}

function Table({ data, title }: { readonly data: ChartData; readonly title: string }) {
  const { times, lines, strip } = data;
  const step = Math.max(1, Math.ceil(times.length / TABLE_ROWS));
  const rows = times.map((_, i) => i).filter(i => (times.length - 1 - i) % step === 0);
  return (
    <Scroll label={`${title}, table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ label }) => (
              <th key={label} scope="col" class="number">
                {label}
              </th>
            ))}
            {strip && <th scope="col">{strip.label}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.toReversed().map(i => (
            <tr key={i}>
              <th scope="row">{clockTime(new Date((times[i] ?? 0) * 1000).toISOString())}</th>
              {lines.map(({ label, values }) => (
                <td key={label} class="number">
                  {size(values[i])}
                </td>
              ))}
              {strip && <td>{strip.values[i] ?? '–'}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function plotData({ times, lines }: ChartData): uPlot.AlignedData {
  const isArea = lines.map(({ kind }) => kind === 'area' || kind === 'dashed-area');
  return [
    [...times],
    ...stacked(
      lines.map(({ values }) => values),
      isArea,
    ),
  ];
}

function optionsOf(
  data: () => ChartData,
  width: number,
  height: number,
  setAt: (row: number | undefined) => void,
): uPlot.Options {
  const { lines } = data();
  const areas = lines.flatMap(({ kind }, i) => (kind === 'area' || kind === 'dashed-area' ? [i + 1] : []));
  const axis = {
    stroke: colour('text-dim'),
    grid: { stroke: colour('line'), width: 1 },
    ticks: { stroke: colour('line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width,
    height,
    // On the right, half of a time of the axis below.
    padding: [STRIP_PIXELS + 4, 32, 0, 0],
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: (_, from, to) => [Math.min(from, to - SPAN_MIN), to] },
      y: { range: (_, __, top) => [0, Math.max(1, top * 1.04)] },
    },
    axes: [
      {
        ...axis,
        space: 96,
        values: (_, splits, __, ___, step) => splits.map(time => axisTime(time, step < 60)),
      },
      { ...axis, size: 68, values: (_, splits) => splits.map(roundSize), incrs: INCREMENTS },
    ],
    series: [{}, ...lines.map(seriesOf)],
    // Each area is filled down to the one below it.
    bands: areas.slice(1).map((series, i) => ({
      series: [series, areas[i] ?? 1],
      fill: colour(lines[series - 1]?.colour ?? ''),
    })),
    hooks: {
      setCursor: [({ cursor: { idx } }) => setAt(idx ?? undefined)],
      draw: [plot => drawStrip(plot, data())],
    },
  };
}

function seriesOf({ label, colour: name, kind }: Line, i: number): uPlot.Series {
  const own = colour(name);
  const isArea = kind === 'area' || kind === 'dashed-area';
  return {
    label,
    stroke: kind === 'area' ? colour('surface') : own,
    width: kind === 'area' ? 0.75 : 1.75,
    points: { show: false },
    spanGaps: false,
    ...(kind === 'dashes' || kind === 'dashed-area' ? { dash: [5, 4] } : {}),
    ...(isArea && i === 0 ? { fill: own } : {}),
  };
}

/** Powers of two, as sizes of memory are: 16 MiB up to 512 TiB, and each one's half more. */
const INCREMENTS = Array.from({ length: 26 }, (_, i) => 2 ** (24 + i));

function drawStrip(plot: uPlot, { strip }: ChartData): void {
  if (strip === undefined) return;
  const { ctx, bbox } = plot;
  const [times] = plot.data;
  const ratio = devicePixelRatio;
  const top = bbox.top - (STRIP_PIXELS + 3) * ratio;
  ctx.save();
  for (let i = 0; i < times.length; i++) {
    const [from, to, value] = [times[i], times[i + 1], strip.values[i]];
    if (from === undefined || value === null || value === undefined) continue;
    const left = plot.valToPos(from, 'x', true);
    const right = to === undefined ? left + 2 * ratio : plot.valToPos(to, 'x', true);
    ctx.fillStyle = colour(value === strip.calm ? 'calm' : 'alarm');
    ctx.fillRect(left, top, Math.max(1, right - left), STRIP_PIXELS * ratio);
  }
  ctx.restore();
}
