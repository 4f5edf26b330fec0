/** Small charts of what was recorded and what the model made of it. */
import type { Played } from './errors.ts';
import { AMOUNTS, FIGURES, type Figure } from './recording.ts';

const PANEL = { width: 250, height: 96 };
const GAP = { x: 18, y: 34 };
const COLUMNS = 3;

const STYLE = `
  text { font: 11px system-ui, sans-serif; fill: #333 }
  polyline { fill: none; stroke-width: 1.4 }
  .real { stroke: #888 } .model { stroke: #0b63c5; stroke-dasharray: 4 2 } .frame { fill: none; stroke: #ccc }
  @media (prefers-color-scheme: dark) {
    text { fill: #ddd } .real { stroke: #aaa } .model { stroke: #6cb0ff } .frame { stroke: #444 }
  }`;

/** One panel for each figure that moved; real guest and model over time. */
export function plot({ script, recording, model }: Played): string {
  const moved = FIGURES.filter(figure => Math.max(...recording.figures[figure], ...model[figure]) > 0);
  const rows = Math.ceil(moved.length / COLUMNS);
  const [width, height] = [COLUMNS * (PANEL.width + GAP.x), rows * (PANEL.height + GAP.y)];
  const panels = moved.map((figure, i) => {
    const x = (i % COLUMNS) * (PANEL.width + GAP.x) + GAP.x / 2;
    const y = Math.floor(i / COLUMNS) * (PANEL.height + GAP.y) + GAP.y / 2;
    const most = Math.max(...recording.figures[figure], ...model[figure]);
    const line = (values: readonly number[], style: string) =>
      `<polyline class="${style}" points="${points(recording.times, values, script.seconds, most)}"/>`;
    return [
      `<g transform="translate(${x} ${y})">`,
      `<text y="-4">${figure}, at most ${label(figure, most)}</text>`,
      `<rect class="frame" width="${PANEL.width}" height="${PANEL.height}"/>`,
      line(recording.figures[figure], 'real'),
      line(model[figure], 'model'),
      '</g>',
    ].join('');
  });
  const title = `<title>${script.name}: real guest (grey) and model (blue, dashed) over ${script.seconds} s</title>`;
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`;
  return `${head}${title}<style>${STYLE}</style>\n${panels.join('\n')}\n</svg>\n`;
}

/** Only where the line bends. */
function points(times: readonly number[], values: readonly number[], seconds: number, most: number): string {
  const at = (i: number): string => {
    const x = ((times[i] ?? 0) / seconds) * PANEL.width;
    const y = PANEL.height * (1 - (values[i] ?? 0) / most);
    return `${Math.round(x * 10) / 10},${Math.round(y * 10) / 10}`;
  };
  return values
    .map((value, i) => (value === values[i - 1] && value === values[i + 1] ? '' : at(i)))
    .filter(point => point !== '')
    .join(' ');
}

function label(figure: Figure, most: number): string {
  const inMemory = AMOUNTS.includes(figure) || figure === 'swapIn' || figure === 'swapOut';
  return inMemory ? `${Math.round(most / 1024)} MiB` : String(Math.round(most));
}
