import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outcomeOf, tuningPage } from '../report/tuning-page.ts';
import {
  frontOf,
  isWithin,
  ranked,
  scoreOfTrials,
  type Trial,
  type TunedCandidate,
  type TuningReport,
  tunedCandidate,
} from './tuning.ts';
import { tuningVerdict } from './verdict.ts';
import { tunedText } from './write.ts';

function trial(overrides: Partial<Trial> = {}): Trial {
  return {
    scenario: 'test',
    density: 2,
    limit: 4,
    stalledShare: 0,
    oomKills: 0,
    overrunSeconds: 0,
    rereadBytes: 0,
    unavoidable: { stalledShare: 0, oomKills: 0, overrunSeconds: 0 },
    ...overrides,
  };
}

function candidate(overrides: Partial<TunedCandidate> = {}): TunedCandidate {
  const settings = [{ path: 'guest.estimate.window', value: '30s' }];
  return { ...tunedCandidate({ point: [0], results: [trial()], score: 0 }, settings), ...overrides };
}

describe('scoreOfTrials', () => {
  const score = (...trials: Trial[]) => scoreOfTrials(trials, 0.001);

  it('rises with density and not with anything else that does no harm', () => {
    expect(score(trial({ density: 3 }))).toBeGreaterThan(score(trial()));
    expect(score(trial({ stalledShare: 0.0009 }))).toBe(score(trial()));
  });

  it('puts a harmless candidate above any that kills, overruns or stalls its guests', () => {
    const gentle = score(trial({ density: 1.4 }));
    expect(score(trial({ density: 4, oomKills: 1 }))).toBeLessThan(gentle);
    expect(score(trial({ density: 4, overrunSeconds: 1000 }))).toBeLessThan(gentle);
    expect(score(trial({ density: 4, stalledShare: 0.1 }))).toBeLessThan(gentle);
    expect(score(trial({ oomKills: 9 }))).toBeLessThan(score(trial({ oomKills: 1 })));
  });

  it('charges nobody with what cannot be helped', () => {
    const unavoidable = { stalledShare: 0.02, oomKills: 3, overrunSeconds: 40 };
    expect(score(trial({ ...unavoidable, unavoidable }))).toBe(score(trial()));
    expect(score(trial({ ...unavoidable, overrunSeconds: 41, unavoidable }))).toBeLessThan(score(trial()));
  });

  it('asks for no density where even the oracle finds no host', () => {
    expect(score(trial({ density: null, limit: null }))).toBe(0);
    expect(score(trial({ density: null }))).toBeLessThan(score(trial()));
  });
});

describe('frontOf', () => {
  it('keeps who is densest for his stalls and drops whoever is beaten or had programs killed', () => {
    const one = (densityShare: number, stalledShare: number, oomKills = 0) =>
      candidate({ densityShare, stalledShare, oomKills });
    const [gentle, beaten, dense, killer] = [one(0.5, 0), one(0.4, 0.001), one(0.8, 0.01), one(0.9, 0.01, 1)];
    expect(frontOf([dense, killer, beaten, gentle])).toEqual([gentle, dense]);
  });
});

const REPORT: TuningReport = {
  apiVersion: 'ballonet/v1',
  kind: 'TuningReport',
  policy: '<b>dense</b>',
  seed: 3,
  stallLimit: 0.001,
  scenarios: ['test'],
  bounds: [{ path: 'guest.estimate.window', least: '10s', most: '30s' }],
  before: candidate({ densityShare: 0.4 }),
  withinLimit: true,
  best: candidate(),
  front: [candidate()],
  tried: [candidate(), candidate({ densityShare: 0.3, stalledShare: 0.002, oomKills: 2 })],
};

describe('ranked', () => {
  const one = (score: number, ...results: Trial[]) => ({ point: [score], results, score });

  it('puts who is within the limit on every scenario first, however dense the others are', () => {
    const harmless = one(-2, trial(), trial());
    const dense = one(3, trial({ density: 4 }), trial({ stalledShare: 0.0011 }));
    expect(ranked([dense, harmless], 0.001)).toEqual([harmless, dense]);
    expect([harmless, dense].map(({ results }) => isWithin(results, 0.001))).toEqual([true, false]);
  });

  it('ranks the harmless by their score, and the others by their harm', () => {
    const [worse, better] = [one(1, trial()), one(2, trial())];
    const [killer, staller] = [one(9, trial({ oomKills: 3 })), one(8, trial({ stalledShare: 0.002 }))];
    expect(ranked([killer, worse, staller, better], 0.001)).toEqual([better, worse, staller, killer]);
  });
});

describe('tuningVerdict', () => {
  const beyond = (...trials: Trial[]): TuningReport => {
    const best = { ...candidate(), trials };
    return { ...REPORT, best, withinLimit: isWithin(trials, REPORT.stallLimit) };
  };

  it('has nothing to say of a search that found what it was for', () => {
    expect(tuningVerdict(REPORT, 8)).toEqual([]);
  });

  it('names the nearest candidate, what it does on which scenario, and a limit that it would keep', () => {
    const said = tuningVerdict(
      beyond(trial({ scenario: 'calm' }), trial({ scenario: 'storm', stalledShare: 0.0123 })),
      8,
    );
    expect(said.join('\n')).toMatch(
      /within the limit of 0\.1%.*guest\.estimate\.window=30s.*storm: 1\.2%.*upper bound, 30s.*--budget 32.*--stall-limit 1\.3%/s,
    );
    expect(said.join('\n')).not.toContain('calm');
  });

  it('does not advise a higher limit of stalls where programs are killed or hosts overrun', () => {
    for (const harm of [{ oomKills: 2 }, { overrunSeconds: 3 }]) {
      const said = tuningVerdict(beyond(trial({ ...harm, stalledShare: 0.0123 })), 8).join('\n');
      expect(said).toMatch(/2 OOM kills|overrun for 3 s/);
      expect(said).not.toContain('--stall-limit');
    }
  });

  it('advises limits that the nearest candidate keeps, whatever it loses', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.0011, max: 0.9, noNaN: true }), stalledShare => {
        const said = tuningVerdict(beyond(trial({ stalledShare })), 8).join('\n');
        const [, limit = ''] = /--stall-limit ([\d.]+)%/.exec(said) ?? [];
        expect(isWithin([trial({ stalledShare })], Number(limit) / 100)).toBe(true);
      }),
    );
  });
});

describe('tunedText', () => {
  const policy = '# The author’s words.\nkind: HostPolicy\n';

  it('puts the command and the figures behind the words at the top', () => {
    const text = tunedText(policy, REPORT, 'ballonet tune a.yaml --scenario test');
    expect(text).toMatch(
      /^# The author’s words\.\n#\|\n.*ballonet tune a\.yaml --scenario test\n.*\nkind: HostPolicy\n$/s,
    );
    expect(text).toMatch(/#\| +test +2\.00 +4\.00 +0 % +0\n/);
  });

  it('replaces those of an earlier search', () => {
    const once = tunedText(policy, REPORT, 'ballonet tune a.yaml');
    expect(tunedText(once, REPORT, 'ballonet tune a.yaml')).toBe(once);
  });
});

describe('tuningPage', () => {
  const html = tuningPage(REPORT);

  it('needs nothing from anywhere else, and is not led astray by names', () => {
    expect(html).not.toMatch(/\b(?:src|href)=|@import|url\(|https?:/);
    expect(html).not.toContain('<b>dense');
  });

  it('draws every candidate, those that had programs killed in red', () => {
    expect(html.match(/<circle /g)).toHaveLength(4);
    expect(html).toMatch(/fill="var\(--harm\)"><title>density 0\.300/);
    expect(html).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('begins with what came of it, in a sentence', () => {
    const outcome = (density: number, change: Partial<TuningReport> = {}) =>
      outcomeOf({ ...REPORT, best: { ...REPORT.before, densityShare: density }, ...change });
    const { densityShare } = REPORT.before;
    expect(html).toContain(`<strong>${outcomeOf(REPORT)}`);
    expect(outcome(1.25 * densityShare)).toMatch(/hosts 20\.0 % smaller than before; guests lose/);
    expect(outcome(densityShare)).toMatch(/^Nothing that was tried/);
    expect(outcome(1, { withinLimit: false })).toMatch(/^No candidate is within the limit/);
    expect(outcome(1, { before: { ...REPORT.before, densityShare: 0 } })).not.toMatch(/NaN|Infinity|smaller/);
  });

  it('names round values at its axes, whatever was found', () => {
    for (const densityShare of [0, 0.6857, 1]) {
      const one = { ...REPORT.before, densityShare, stalledShare: 0 };
      const page = tuningPage({
        ...REPORT,
        before: one,
        best: one,
        tried: [one],
        front: [one],
        stallLimit: 0.001,
      });
      const ticks = [...page.matchAll(/text-anchor="(?:middle|end)">([\d.]+)/g)].map(([, text = '']) => text);
      expect(page).not.toMatch(/NaN|Infinity/);
      expect(ticks.length).toBeGreaterThan(4);
      if (densityShare > 0)
        for (const text of ticks) expect(text.replace(/^0?\.?0*/, '').length).toBeLessThan(5);
    }
  });
});
