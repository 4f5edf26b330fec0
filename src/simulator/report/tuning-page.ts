/** The outcome of a search as one HTML page: the trade-off as a chart, and the figures. */
import type { TunedCandidate, TuningReport } from '../tuning/tuning.ts';
import { htmlPage } from './html-page.ts';
import { escapeHtml } from './svg.ts';

const [WIDTH, HEIGHT, LEFT, BOTTOM] = [960, 360, 56, 34];
/** Points of candidates that lose no time stand clear of the figures beside the plane. */
const ASIDE = 10;

export function tuningPage(report: TuningReport): string {
  const { policy, scenarios, stallLimit, seed, tried, front, before, best, withinLimit } = report;
  const name = withinLimit ? 'best' : 'nearest';
  const title = `${policy}: ${tried.length} candidates between stalls and density`;
  return htmlPage(
    title,
    `<p><strong>${escapeHtml(outcomeOf(report))}</strong></p>
<p>Each point is the policy with other values. Further up: smaller hosts do for the same guests. Further right: programs lose more time on the scenarios' own
hosts. The line joins those that nobody beats in both. Scenarios: ${escapeHtml(scenarios.join(', '))}; seed ${seed}; the search allows ${percent(stallLimit)} of lost time.</p>
${chart(report)}
<p class="legend"><span><i style="background:var(--resident)"></i>nobody beats it</span><span><i style="background:var(--soft)"></i>beaten</span><span><i
style="background:var(--harm)"></i>programs were killed</span><span><i style="background:var(--target)"></i>before</span><span><i style="background:var(--size)"></i>${name}</span><span><i class="dash"></i>what the search allows</span></p>
<h2>The trade-off</h2>
${candidates([['before', before], [name, best], ...front.map((one, i) => [String(i + 1), one] as const)])}
<h2>The ${name} on each scenario</h2>
${trials(best)}`,
  );
}

/** For who decides and does not tune. */
export function outcomeOf({ before, best, withinLimit }: TuningReport): string {
  if (!withinLimit)
    return 'No candidate is within the limit: none keeps the guests of every scenario from harm that the oracle spares them. The nearest is marked.';
  const smaller = 1 - before.densityShare / best.densityShare;
  const lost = `guests lose ${percent(best.stalledShare)} of their time`;
  if (before.densityShare === 0)
    return `With the best values there are hosts on which nothing goes wrong; ${lost}.`;
  if (smaller < 0.001) return 'Nothing that was tried needs smaller hosts than the policy as it was.';
  return `With the best values the same guests fit on hosts ${(100 * smaller).toFixed(1)} % smaller than before; ${lost}, before ${percent(before.stalledShare)}.`;
}

function chart({ tried, front, before, best, stallLimit }: TuningReport): string {
  const most = Math.max(1e-6, stallLimit, ...tried.map(({ stalledShare }) => stalledShare)) * 1.05;
  const shares = tried.map(({ densityShare }) => densityShare);
  const [low, high] = [Math.min(...shares) * 0.98, Math.max(1e-6, ...shares) * 1.02];
  const across = (stalledShare: number) =>
    tenth(LEFT + ASIDE + (stalledShare / most) * (WIDTH - LEFT - ASIDE - 8));
  const x = ({ stalledShare }: TunedCandidate) => across(stalledShare);
  const limit = across(stallLimit);
  const y = ({ densityShare }: TunedCandidate) =>
    tenth((HEIGHT - BOTTOM) * (1 - (densityShare - low) / (high - low)));
  const point = (one: TunedCandidate) => {
    const colour =
      one === best
        ? 'size'
        : one === before
          ? 'target'
          : one.oomKills > 0
            ? 'harm'
            : front.includes(one)
              ? 'resident'
              : 'soft';
    const words = [
      `density ${one.densityShare.toFixed(3)} of the oracle's`,
      `${percent(one.stalledShare)} stalled`,
      `${one.oomKills} OOM kills`,
    ];
    const settings = one.settings.map(({ path, value }) => `${path}=${value}`);
    const radius = one === best || one === before ? 6 : 4;
    return `<circle cx="${x(one)}" cy="${y(one)}" r="${radius}" fill="var(--${colour})"><title>${escapeHtml([...words, ...settings].join('\n'))}</title></circle>`;
  };
  const ticks = [
    ...roundValues(low, high).flatMap(value => {
      const at = tenth((HEIGHT - BOTTOM) * (1 - (value - low) / (high - low)));
      return [
        `<line class="grid" x1="${LEFT}" x2="${WIDTH}" y1="${at}" y2="${at}"/>`,
        `<text class="tick" x="${LEFT - 5}" y="${Math.max(9, at + 3)}" text-anchor="end">${Number(value.toFixed(6))}</text>`,
      ];
    }),
    ...roundValues(0, most).map(
      stalls =>
        `<text class="tick" x="${across(stalls)}" y="${HEIGHT - BOTTOM + 13}" text-anchor="${across(stalls) > WIDTH - 30 ? 'end' : 'middle'}">${percent(stalls)}</text>`,
    ),
  ];
  const line = front.map(one => `${x(one)},${y(one)}`).join(' ');
  const others = tried.filter(one => one !== best && one !== before);
  return `<div class="wide"><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="density against stalls">${ticks.join('')}
<line class="capacity" x1="${limit}" x2="${limit}" y1="0" y2="${HEIGHT - BOTTOM}"><title>what the search allows</title></line>
<text class="tick" x="${WIDTH / 2}" y="${HEIGHT - 4}" text-anchor="middle">time lost on the scenarios' own hosts</text>
<polyline points="${line}" style="stroke:var(--resident)"/>${[...others, before, best].map(point).join('')}</svg></div>`;
}

/** Four or so round values between the two. */
function roundValues(low: number, high: number): number[] {
  const least = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(least));
  const step = power * ([1, 2, 5].find(times => times * power >= least) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

function candidates(rows: readonly (readonly [name: string, candidate: TunedCandidate])[]): string {
  const head = ['', 'density of the oracle’s', 'stalled', 'OOM kills', 'read again GiB', 'settings'];
  return table(
    head,
    rows.map(([name, { densityShare, stalledShare, oomKills, rereadBytes, settings }]) => [
      name,
      densityShare.toFixed(3),
      percent(stalledShare),
      String(oomKills),
      (rereadBytes / 1024 ** 3).toFixed(1),
      settings.map(({ path, value }) => `${path}=${value}`).join(' '),
    ]),
  );
}

function trials({ trials: rows }: TunedCandidate): string {
  return table(
    ['scenario', 'density', 'oracle', 'stalled', 'OOM kills'],
    rows.map(({ scenario, density, limit, stalledShare, oomKills }) => [
      scenario,
      density?.toFixed(2) ?? 'none',
      limit?.toFixed(2) ?? 'none',
      percent(stalledShare),
      String(oomKills),
    ]),
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map(cell => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<div class="scores"><table><thead>${line(head, 'th')}</thead><tbody>${rows.map(row => line(row, 'td')).join('\n')}</tbody></table></div>`;
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(3))} %`;
}

function tenth(value: number): number {
  return Math.round(value * 10) / 10;
}
