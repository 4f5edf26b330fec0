import { runInNewContext } from 'node:vm';
import { SaxesParser } from 'saxes';
import { beforeAll, describe, expect, it } from 'vitest';
import { GiB } from '../../model/units.ts';
import { BASELINES } from '../controllers.ts';
import type { Recording } from '../recorder.ts';
import { runSimulation } from '../run.ts';
import { scoreOf } from '../score.ts';
import { guestSpec, simulationWith } from '../testing.ts';
import { guestsToShow } from './charts.ts';
import { HOVER } from './hover.ts';
import { reportPage } from './page.ts';
import { axes, momentText } from './svg.ts';

const HOSTILE = '</script><script>alert("1")</script>';

async function page(): Promise<string> {
  const demand = {
    kind: 'steps',
    levels: [
      { bytes: GiB, seconds: 100 },
      { bytes: 5 * GiB, seconds: 20 },
    ],
  } as const;
  const simulation = simulationWith([
    guestSpec({ name: HOSTILE, swap: 0, demand }),
    guestSpec({ name: 'quiet' }),
  ]);
  const [nobody, oracle] = [
    await runSimulation(simulation, BASELINES.static, { record: true }),
    await runSimulation(simulation, BASELINES.oracle, { record: true }),
  ];
  const references = { static: nobody.tally, oracle: oracle.tally };
  const runs = [nobody, oracle].flatMap(run =>
    run.recording === undefined
      ? []
      : [
          {
            score: { ...scoreOf(run, references), shortageGiBSeconds: 0.02 },
            recording: run.recording,
            rereadBytes: run.tally.rereadBytes,
          },
        ],
  );
  return reportPage({
    report: {
      apiVersion: 'ballonet/v1',
      kind: 'SimulationReport',
      scenario: HOSTILE,
      seed: 1,
      host: { memoryBytes: 16 * GiB },
      guests: 2,
      seconds: 300,
      runs: runs.map(({ score }) => score),
    },
    description: HOSTILE,
    runs,
  });
}

describe('reportPage', { timeout: 60_000 }, () => {
  let html = '';
  beforeAll(async () => {
    html = await page();
  });

  it('needs nothing from anywhere else', () => {
    expect(html).not.toMatch(/\b(?:src|href)=|@import|url\(|https?:/);
  });

  it('is not led astray by what guests and scenarios are called', () => {
    expect(html).not.toContain('<script>alert');
    expect(html.match(/<\/script>/g)).toHaveLength(2);
  });

  it('draws a chart of the host and one of every guest for each run, as sound XML', () => {
    const charts = html.match(/<svg .*?<\/svg>/gs) ?? [];
    expect(charts).toHaveLength(2 * 3);
    for (const chart of charts) {
      const parser = new SaxesParser();
      parser.on('error', error => {
        throw error;
      });
      parser.write(chart).close();
      expect(chart).not.toMatch(/NaN|undefined|Infinity/);
    }
  });

  it('names as the best nobody who does harm, and calls no harm nought', () => {
    const rows = [...html.matchAll(/<tr><td>(.*?)<\/tr>/g)].map(([, row = '']) => row);
    expect(rows.filter(row => row.includes('class="bad"')).join()).not.toContain('class="best"');
    expect(html).toContain('<td class="bad">&lt;0.1</td>');
    expect(html).not.toMatch(/class="bad">[0.]+</);
  });

  it('marks harm where it was done', () => {
    expect(html).toMatch(/<figure class="hurt">/);
    expect(html).toMatch(/<rect class="harm"[^>]*><title>[^<]*OOM kills/);
    expect(html).toMatch(/<td class="bad">/);
  });

  it('says under the pointer what was so at that moment', () => {
    const json = /<script type="application\/json" id="runs">(.*?)<\/script>/s.exec(html)?.[1] ?? '';
    const tip = { style: {}, textContent: '', offsetWidth: 1, offsetHeight: 1 };
    const listeners: ((event: unknown) => void)[] = [];
    const document = {
      getElementById: (id: string) => (id === 'runs' ? { textContent: json } : tip),
      addEventListener: (_: string, listener: (event: unknown) => void) => listeners.push(listener),
    };
    runInNewContext(HOVER, { document, innerWidth: 100, innerHeight: 100 });
    const chart = {
      dataset: { run: '1', guest: '1', left: '48' },
      getBoundingClientRect: () => ({ left: 0, width: 310 }),
      viewBox: { baseVal: { width: 310 } },
    };
    listeners[0]?.({ clientX: 310, clientY: 5, target: { closest: () => chart } });
    expect(tip.textContent).toMatch(/^00:04:\d\d\nsize [\d.]+ GiB\ntarget .*\nwanted 1.\d\d GiB\nresident /);
  });
});

describe('guestsToShow', () => {
  it('chooses of a fleet those that came to harm and the largest, in their order', () => {
    const guests = Array.from({ length: 100 }, (_, i): Recording['guests'][number] => ({
      name: `g${i}`,
      maximum: i === 7 ? 64 * GiB : GiB,
      size: [],
      target: [],
      resident: [],
      demand: [],
      harm: i === 90 ? [{ at: 0, stallSeconds: 1, oomKills: 0 }] : [],
      notes: [],
    }));
    const shown = guestsToShow(guests);
    expect(shown).toHaveLength(36);
    expect(shown).toContain(7);
    expect(shown).toContain(90);
    expect(shown).toEqual(shown.toSorted((a, b) => a - b));
  });
});

describe('momentText', () => {
  it.each([
    [0, '0'],
    [65, '1m 5s'],
    [600, '10m'],
    [4800, '1h 20m'],
    [86_400, '1d'],
    [129_600, '1d 12h'],
  ])('writes %i s as %s', (seconds, text) => {
    expect(momentText(seconds)).toBe(text);
  });
});

describe('axes', () => {
  const frame = { width: 960, height: 280, left: 56, bottom: 18 };
  const momentsOf = (last: number) =>
    [...axes({ frame, times: [0, last], most: GiB }, 5, 8).matchAll(/y="278"[^>]*>([^<]*)</g)].map(
      ([, text]) => text,
    );

  it('names round moments, wherever the run ends', () => {
    expect(momentsOf(3597)).toEqual(['0', '10m', '20m', '30m', '40m', '50m']);
    expect(momentsOf(604_795)).toEqual(['0', '1d', '2d', '3d', '4d', '5d', '6d']);
    expect(momentsOf(39).at(-1)).toBe('35s');
  });
});
