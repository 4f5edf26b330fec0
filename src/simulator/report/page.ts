/** The report as one HTML page that needs nothing else. */
import { type Bytes, formatDuration, formatSize, MiB } from '../../model/units.ts';
import type { Recording } from '../recorder.ts';
import { labelOf, type Score } from '../score.ts';
import { guestChart, guestsToShow, hostChart } from './charts.ts';
import { HOVER } from './hover.ts';
import { htmlPage } from './html-page.ts';
import type { SimulationReport } from './report.ts';
import { summaryOf } from './summary.ts';
import { escapeHtml } from './svg.ts';

/** One run of the report with what it looked like. */
export interface ReportedRun {
  readonly score: Score;
  readonly recording: Recording;
  /** File data that guests had to read again. */
  readonly rereadBytes: Bytes;
}

export interface Page {
  readonly report: SimulationReport;
  readonly description: string;
  readonly runs: readonly ReportedRun[];
}

export function reportPage({ report, description, runs }: Page): string {
  const { scenario, seed, guests, seconds, host } = report;
  const title = `${scenario}: ${runs.length} controller${runs.length === 1 ? '' : 's compared'}`;
  return htmlPage(
    title,
    `<p>${escapeHtml(description)} ${guests} guests on a host of ${formatSize(host.memoryBytes)}, ${formatDuration(seconds)} of virtual time, seed ${seed}.</p>
<ul class="summary">${summaryOf(report)
      .map(line => `<li>${escapeHtml(line)}</li>`)
      .join('')}</ul>
<h2>Who gives back how much, and at whose cost</h2>
<div class="scores">${scoreTable(runs)}</div>
<p class="soft">Reclaimed: host memory that guests would hold if nobody moved a balloon, less what they held. Of the limit: against a controller that knows every demand in
advance; more than all of it means that guests went short. Red: harm, to the host (its memory did not reach), or to guests (time lost waiting for memory, programs killed).
Read again: file data that guests had cached and had to fetch once more; no score counts it.</p>
<p class="legend"><span><i style="background:var(--size)"></i>size</span><span><i style="background:var(--target)"></i>target</span><span><i
style="background:var(--demand)"></i>wanted by programs and kernel</span><span><i style="background:var(--resident)"></i>resident on the host</span><span><i
style="background:var(--harm)"></i>harm</span><span><i class="dash"></i>what the host has for guests</span></p>
${runs.map((run, index) => runSection(run, host.memoryBytes, index)).join('\n')}
<div id="tip" role="status"></div>
<script type="application/json" id="runs">${figures(runs)}</script>
<script>${HOVER}</script>`,
  );
}

interface Cell {
  readonly title: string;
  readonly text: (run: ReportedRun) => string;
  readonly value: (run: ReportedRun) => number;
  readonly best?: 'most';
  readonly bad?: true;
}

const CELLS: readonly Cell[] = [
  {
    title: 'reclaimed GiB·h',
    text: ({ score }) => score.reclaimedGiBHours.toFixed(2),
    value: ({ score }) => score.reclaimedGiBHours,
    best: 'most',
  },
  {
    title: 'of the limit',
    text: ({ score }) => `${(100 * score.efficiency).toFixed(0)} %`,
    value: ({ score }) => score.efficiency,
  },
  {
    title: 'host overrun s',
    text: ({ score }) => harmText(score.hostOverrunSeconds),
    value: ({ score }) => score.hostOverrunSeconds,
    bad: true,
  },
  {
    title: 'shortage GiB·s',
    text: ({ score }) => harmText(score.shortageGiBSeconds),
    value: ({ score }) => score.shortageGiBSeconds,
    bad: true,
  },
  {
    title: 'stalled s',
    text: ({ score }) => harmText(score.stalledGuestSeconds),
    value: ({ score }) => score.stalledGuestSeconds,
    bad: true,
  },
  {
    title: 'OOM kills',
    text: ({ score }) => String(score.oomKills),
    value: ({ score }) => score.oomKills,
    bad: true,
  },
  { title: 'moves', text: ({ score }) => String(score.moves), value: ({ score }) => score.moves },
  {
    title: 'moved GiB',
    text: ({ score }) => score.movedGiB.toFixed(1),
    value: ({ score }) => score.movedGiB,
  },
  {
    title: 'read again GiB',
    text: ({ rereadBytes }) => (rereadBytes / 1024 ** 3).toFixed(1),
    value: ({ rereadBytes }) => rereadBytes,
  },
];

/** A little harm is not none. */
function harmText(amount: number): string {
  return amount > 0 && amount < 0.05 ? '&lt;0.1' : amount.toFixed(1);
}

const DENSITY: readonly Cell[] = [
  {
    title: 'smallest host',
    text: ({ score }) => (score.minHostBytes === null ? 'none' : formatSize(score.minHostBytes)),
    value: ({ score }) => score.minHostBytes ?? 0,
  },
  {
    title: 'density',
    text: ({ score }) => (score.density === null ? '-' : score.density.toFixed(2)),
    value: ({ score }) => score.density ?? 0,
    best: 'most',
  },
];

function scoreTable(runs: readonly ReportedRun[]): string {
  const cells = runs.some(({ score }) => score.density !== null) ? [...CELLS, ...DENSITY] : CELLS;
  // The limit is nobody's achievement, and neither is what others pay for.
  const rivals = runs.filter(
    run => run.score.controller !== 'oracle' && !CELLS.some(({ bad, value }) => bad && value(run) > 0),
  );
  const head = ['controller', ...cells.map(({ title }) => title)].map(title => `<th>${title}</th>`).join('');
  const rows = runs.map(run => {
    const columns = cells.map(({ text, value, best, bad }) => {
      const leads =
        best !== undefined && rivals.includes(run) && value(run) === Math.max(...rivals.map(value));
      const mark = bad && value(run) > 0 ? ' class="bad"' : leads ? ' class="best"' : '';
      return `<td${mark}>${text(run)}</td>`;
    });
    return `<tr><td>${escapeHtml(labelOf(run.score))}</td>${columns.join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

function runSection({ score, recording }: ReportedRun, memory: Bytes, index: number): string {
  const shown = guestsToShow(recording.guests);
  const total = recording.guests.length;
  const note =
    shown.length < total
      ? `<p class="soft">${shown.length} of ${total} guests: those that came to harm, and the largest.</p>`
      : '';
  const charts = shown.map(guest => guestChart(recording, guest, index)).join('\n');
  const sum = `reclaims ${score.reclaimedGiBHours.toFixed(2)} GiB·h, ${score.stalledGuestSeconds.toFixed(1)} s stalled, ${score.oomKills} OOM kills`;
  return `<details${index === 0 ? ' open' : ''}><summary>${escapeHtml(labelOf(score))} <span>${sum}</span></summary>
${hostChart(recording, memory, index)}
${note}<div class="guests">
${charts}
</div></details>`;
}

/** The figures for the page's script, in MiB. Nothing in them can end the script element. */
function figures(runs: readonly ReportedRun[]): string {
  const mib = (values: readonly Bytes[]) => values.map(value => Math.round(value / MiB));
  const data = runs.map(({ recording: { times, capacity, guests } }) => ({
    times: times.map(time => Math.round(time)),
    capacity: mib(capacity),
    guests: guests.map(({ size, target, demand, resident, notes, harm }) => ({
      size: mib(size),
      target: mib(target),
      demand: mib(demand),
      resident: mib(resident),
      notes: notes.map(({ at, text }) => [at, text]),
      harm: harm.map(({ at, stallSeconds, oomKills }) => [at, Math.round(stallSeconds * 10) / 10, oomKills]),
    })),
  }));
  return JSON.stringify(data).replaceAll('<', '\\u003c');
}
