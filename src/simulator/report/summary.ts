/** What a comparison came to, in sentences for who decides and does not tune. */
import { GiB, type Ratio, type Seconds } from '../../model/units.ts';
import { labelOf, type Score } from '../score.ts';
import type { SimulationReport } from './report.ts';

/** Sentences of plain text, the most important first. */
export function summaryOf({ runs, host, guests, seconds }: SimulationReport): string[] {
  const rivals = runs.filter(({ controller }) => controller !== 'oracle' && controller !== 'static');
  const idle = runs.find(({ controller }) => controller === 'static');
  const hours = seconds / 3600;
  const average = ({ reclaimedGiBHours }: Score) => reclaimedGiBHours / hours;
  const guestSeconds = guests * seconds;
  const harmless = rivals
    .filter(score => harmsOf(score, guestSeconds).length === 0 && score.reclaimedGiBHours > 0)
    .toSorted((a, b) => b.reclaimedGiBHours - a.reclaimedGiBHours);
  const [first] = harmless;
  const lines: string[] = [];
  if (first !== undefined) {
    const share = (100 * average(first)) / (host.memoryBytes / GiB);
    lines.push(
      `${labelOf(first)} gives back the most of those that harm nobody: ${average(first).toFixed(1)} GiB on average, ${share.toFixed(0)} % of the host's memory and ${(100 * first.efficiency).toFixed(0)} % of what a controller with full foresight could.`,
    );
  } else if (rivals.length > 0) {
    lines.push('None of the controllers gives memory back without harm.');
  }
  for (const score of rivals) {
    if (score === first) continue;
    const harms = harmsOf(score, guestSeconds);
    lines.push(
      `${labelOf(score)} gives back ${average(score).toFixed(1)} GiB on average${harms.length === 0 ? ' and harms nobody' : `; ${harms.join(', ')}`}.`,
    );
  }
  if (idle !== undefined) {
    const harms = harmsOf(idle, guestSeconds);
    lines.push(
      harms.length === 0
        ? 'With nobody at the balloons nothing goes wrong on this host either: a smaller one shows what controllers are worth (--density).'
        : `With nobody at the balloons ${harms.join(', ')}.`,
    );
  }
  return lines;
}

function harmsOf(
  { hostOverrunSeconds, stalledGuestSeconds, oomKills }: Score,
  guestSeconds: Seconds,
): string[] {
  return [
    ...(oomKills > 0
      ? [oomKills === 1 ? 'one program is killed' : `programs are killed ${oomKills} times`]
      : []),
    ...(stalledGuestSeconds > 0
      ? [
          `guests wait ${lengthOf(stalledGuestSeconds)} in all, ${percent(stalledGuestSeconds / guestSeconds)} of their time`,
        ]
      : []),
    ...(hostOverrunSeconds > 0 ? [`the host is overrun for ${lengthOf(hostOverrunSeconds)}`] : []),
  ];
}

function lengthOf(seconds: Seconds): string {
  if (seconds >= 2 * 3600) return `${(seconds / 3600).toFixed(1)} hours`;
  return seconds >= 120 ? `${Math.round(seconds / 60)} minutes` : `${seconds.toFixed(1)} s`;
}

function percent(share: Ratio): string {
  return share < 0.0001 ? 'less than 0.01 %' : `${Number((100 * share).toPrecision(2))} %`;
}
