/** The policy file that a search writes: the author's, with the new values and the figures in comments. */
import type { TunedCandidate, TuningReport } from './tuning.ts';

/** Lines of an earlier search begin with this and are replaced. */
const MARK = '#|';

/** @param command that does the search again */
export function tunedText(text: string, report: TuningReport, command: string): string {
  const lines = text.split('\n').filter(line => !line.startsWith(MARK));
  // After the author's own words at the top.
  const at = lines.findIndex(line => !line.startsWith('#'));
  return [...lines.slice(0, at), ...figures(report, command), ...lines.slice(at)].join('\n');
}

function figures({ best, before, stallLimit, seed }: TuningReport, command: string): string[] {
  const rows = best.trials.map(({ scenario, density, limit, stalledShare, oomKills }) => [
    scenario,
    density === null ? 'none' : density.toFixed(2),
    limit === null ? 'none' : limit.toFixed(2),
    percent(stalledShare),
    String(oomKills),
  ]);
  const titles = ['scenario', 'density', 'oracle', 'stalled', 'OOM kills'];
  const widths = titles.map((title, i) => Math.max(title.length, ...rows.map(row => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ');
  return [
    '',
    'Tuned with',
    ...wrapped(command).map(part => `  ${part}`),
    `Seed ${seed}; guests may lose ${percent(stallLimit)} of their time. Stalls and kills are those on the scenario's own host.`,
    '',
    `  ${line(titles)}`,
    ...rows.map(row => `  ${line(row)}`),
    '',
    `Geometric mean of density over the oracle's: ${share(best)}; before: ${share(before)}.`,
  ].map(each => `${MARK} ${each}`.trimEnd());
}

function share({ densityShare }: TunedCandidate): string {
  return densityShare.toFixed(3);
}

function percent(ratio: number): string {
  return `${Number((100 * ratio).toFixed(3))} %`;
}

/** As a shell takes it. */
function wrapped(command: string): string[] {
  const parts: string[] = [''];
  for (const word of command.split(/ (?=--)/)) {
    const line = parts.at(-1) ?? '';
    if (line.length + word.length > 110) parts.push(word);
    else parts[parts.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return parts.map((part, i) => (i < parts.length - 1 ? `${part} \\` : part));
}
