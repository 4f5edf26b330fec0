import { describe, expect, it } from 'vitest';
import { tuningPage } from '../report/tuning-page.ts';
import {
  frontOf,
  scoreOfTrials,
  type Trial,
  type TunedCandidate,
  type TuningReport,
  tunedCandidate,
} from './tuning.ts';
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
    unavoidable: { stalledShare: 0, oomKills: 0 },
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
    const unavoidable = { stalledShare: 0.02, oomKills: 3 };
    expect(score(trial({ stalledShare: 0.02, oomKills: 3, unavoidable }))).toBe(score(trial()));
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
  before: candidate({ densityShare: 0.4 }),
  best: candidate(),
  front: [candidate()],
  tried: [candidate(), candidate({ densityShare: 0.3, stalledShare: 0.002, oomKills: 2 })],
};

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
});
