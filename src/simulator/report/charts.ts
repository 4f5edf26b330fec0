/** The two charts of a run: the host with its guests stacked, and each guest by itself. */
import type { Bytes } from '../../model/units.ts';
import type { GuestTrack, Recording } from '../recorder.ts';
import { axes, band, escapeHtml, type Frame, line, type Scale, xOf } from './svg.ts';

const HOST: Frame = { width: 960, height: 280, left: 56, bottom: 18 };
const GUEST: Frame = { width: 310, height: 130, left: 48, bottom: 16 };

/** Bands that eyes can tell apart; the rest of a fleet is one band. */
const BANDS = 16;

/** Guests whose charts are drawn; a page of two hundred would be read by nobody. */
const GUESTS_SHOWN = 36;

/** @param run index of the run, by which the page's script finds its figures */
export function hostChart(recording: Recording, memory: Bytes, run: number): string {
  const { times, capacity, guests } = recording;
  const layers = layersOf(guests, times.length);
  const totals = times.map((_, i) => layers.reduce((sum, { resident }) => sum + (resident[i] ?? 0), 0));
  const scale: Scale = { frame: HOST, times, most: Math.max(memory, ...totals) * 1.05 };
  let below = times.map(() => 0);
  const bands = layers.map(({ name, guest, resident }, i) => {
    const above = below.map((bytes, at) => bytes + (resident[at] ?? 0));
    const hue = Math.round((i * 360) / layers.length);
    const shape = band(
      scale,
      below,
      above,
      `class="layer" style="--hue:${hue}"${guest === undefined ? '' : ` data-guest="${guest}"`}`,
    );
    below = above;
    return shape.replace('/>', `><title>${escapeHtml(name)}</title></polygon>`);
  });
  const overruns = totals.flatMap((total, i) =>
    total > (capacity[i] ?? 0)
      ? [`<rect class="harm" x="${xOf(scale, i)}" y="0" width="3" height="8"/>`]
      : [],
  );
  const chart = svg(HOST, `host chart`, `data-run="${run}" data-guest="-1"`, [
    axes(scale, 5, 8),
    ...bands,
    line(scale, capacity, 'capacity'),
    ...overruns,
  ]);
  return `<div class="wide">${chart}</div>`;
}

interface Layer {
  readonly name: string;
  /** Its index; none for several guests. */
  readonly guest?: number;
  readonly resident: readonly Bytes[];
}

/** The largest guests by themselves, the others together. */
function layersOf(guests: readonly GuestTrack[], moments: number): Layer[] {
  const each = guests.map((track, guest) => ({ name: track.name, guest, resident: track.resident }));
  if (guests.length <= BANDS) return each;
  const sorted = each.toSorted((a, b) => sum(b.resident) - sum(a.resident));
  const others = sorted.slice(BANDS - 1);
  return [
    ...sorted.slice(0, BANDS - 1),
    {
      name: `${others.length} others`,
      resident: Array.from({ length: moments }, (_, i) =>
        others.reduce((total, { resident }) => total + (resident[i] ?? 0), 0),
      ),
    },
  ];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Indexes of the guests to draw: those that came to harm, then the largest, in the order of the scenario. */
export function guestsToShow(guests: readonly GuestTrack[]): number[] {
  const harmOf = ({ harm }: GuestTrack) =>
    harm.reduce((total, { stallSeconds, oomKills }) => total + stallSeconds + 60 * oomKills, 0);
  return guests
    .map((guest, index) => ({ index, harm: harmOf(guest), maximum: guest.maximum }))
    .toSorted((a, b) => b.harm - a.harm || b.maximum - a.maximum || a.index - b.index)
    .slice(0, GUESTS_SHOWN)
    .map(({ index }) => index)
    .toSorted((a, b) => a - b);
}

/** @param index of the guest, by which the page's script finds its figures */
export function guestChart({ times, guests }: Recording, index: number, run: number): string {
  const track = guests[index];
  if (track === undefined) return '';
  const scale: Scale = { frame: GUEST, times, most: Math.max(track.maximum, ...track.demand) * 1.02 };
  const zero = times.map(() => 0);
  const harm = track.harm.map(({ at, stallSeconds, oomKills }) => {
    const what = [
      ...(stallSeconds > 0 ? [`${stallSeconds.toFixed(1)} s lost`] : []),
      ...(oomKills > 0 ? [`${oomKills} OOM kills`] : []),
    ].join(', ');
    const height = oomKills > 0 ? 14 : 7;
    return `<rect class="harm" x="${xOf(scale, at) - 1}" y="${GUEST.height - GUEST.bottom - height}" width="2.5" height="${height}"><title>${what}</title></rect>`;
  });
  const chart = svg(GUEST, `chart of ${track.name}`, `data-run="${run}" data-guest="${index}"`, [
    axes(scale, 3, 3),
    band(scale, zero, track.demand, 'class="demand"'),
    line(scale, track.resident, 'resident'),
    line(scale, track.target, 'target'),
    line(scale, track.size, 'size'),
    ...harm,
  ]);
  const hurt = track.harm.length > 0 ? ' class="hurt"' : '';
  return `<figure${hurt}><figcaption>${escapeHtml(track.name)}</figcaption>${chart}</figure>`;
}

function svg({ width, height, left }: Frame, label: string, data: string, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(label)}" data-left="${left}" ${data}>${parts.join('')}</svg>`;
}
