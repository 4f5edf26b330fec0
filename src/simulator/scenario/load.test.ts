import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../model/units.ts';
import { filesOf, loadGuests } from '../testing.ts';
import type { Simulation } from './generate.ts';
import { loadScenario, requireScenario, simulationOf } from './load.ts';

function simulate(lines: readonly string[], seed?: number, files = filesOf({})): Simulation {
  return simulationOf(requireScenario(loadGuests(lines)), files, seed);
}

describe('loadScenario', () => {
  it.each([
    [
      'an unknown field',
      ['- {name: a, memory: 1GiB, demand: {constant: 1MiB}, coun: 2}'],
      'POLICY_UNKNOWN_FIELD',
      7,
    ],
    ['a size without unit', ['- {name: a, memory: 1024, demand: {constant: 1MiB}}'], 'POLICY_UNIT', 7],
    ['two forms of demand', ['- {name: a, memory: 1GiB, demand: {constant: 1MiB, sum: []}}'], undefined, 7],
    ['no form of demand', ['- {name: a, memory: 1GiB, demand: {}}'], 'POLICY_RANGE', 7],
    [
      'a name that is there twice',
      [
        '- {name: a, count: 2, memory: 1GiB, demand: {constant: 1MiB}}',
        '- {name: a-2, memory: 1GiB, demand: {constant: 1MiB}}',
      ],
      'POLICY_DUPLICATE',
      8,
    ],
  ])('refuses %s, with its place', (_, lines, code, line) => {
    const { scenario, diagnostics } = loadGuests(lines);
    expect(scenario).toBeUndefined();
    expect(diagnostics[0]).toMatchObject({ line, ...(code && { code }) });
  });

  it('says which file cannot be read', () => {
    expect(loadScenario('gone.yaml', filesOf({})).diagnostics[0]).toMatchObject({
      file: 'gone.yaml',
      code: 'POLICY_UNREADABLE',
    });
    expect(() => requireScenario(loadScenario('gone.yaml', filesOf({})))).toThrow(
      expect.objectContaining({ code: 'SCENARIO_INVALID' }),
    );
  });
});

describe('simulationOf', () => {
  it('makes the guests of a class, with shares of their own maximum', () => {
    const { scenario, minimumBytes } = simulate([
      '- {name: a, count: 3, memory: 2GiB, demand: {constant: 50%}, files: {size: 25%, rate: 1MiB/s}, stagger: 10s}',
    ]);
    expect(scenario.guests.map(({ name }) => name)).toEqual(['a-1', 'a-2', 'a-3']);
    expect(scenario.guests[0]).toMatchObject({
      maximum: 2 * GiB,
      demand: { kind: 'constant', bytes: 1 * GiB },
      files: { size: 512 * MiB, rate: 1 * MiB },
    });
    expect(scenario.guests[2]?.demand).toMatchObject({ kind: 'delayed', by: 20 });
    expect(minimumBytes.get('a-2')).toBe(0.5 * GiB);
  });

  it('draws the quantiles that are written down, in an order that the seed says', () => {
    const lines = [
      '- {name: a, count: 200, memory: {p5: 128MiB, p50: 4GiB, p95: 32GiB}, demand: {constant: 1MiB}}',
    ];
    const maxima = (seed: number) => simulate(lines, seed).scenario.guests.map(({ maximum }) => maximum);
    const sorted = maxima(1).toSorted((a, b) => a - b);
    expect((sorted[10] ?? 0) / MiB).toBeGreaterThan(115);
    expect((sorted[10] ?? 0) / MiB).toBeLessThan(140);
    expect((sorted[100] ?? 0) / GiB).toBeCloseTo(4, 0);
    expect((sorted[190] ?? 0) / GiB).toBeGreaterThan(30);
    expect(maxima(1)).toEqual(maxima(1));
    expect(maxima(2)).not.toEqual(maxima(1));
    expect(maxima(2).toSorted((a, b) => a - b)).toEqual(sorted);
  });

  it('lets correlated guests draw the same chances, and the others their own', () => {
    const burst =
      'bursts: {base: 0B, peak: {from: 10MiB, to: 1GiB}, every: 60s, length: {from: 5s, to: 20s}, rise: 1s, chance: 50%}';
    const { scenario } = simulate([
      `- {name: a, count: 2, memory: 2GiB, demand: {correlated: {with: rush, demand: {${burst}}}}}`,
      `- {name: b, memory: 2GiB, demand: {correlated: {with: rush, demand: {${burst}}}}}`,
      `- {name: c, memory: 2GiB, demand: {correlated: {with: other, demand: {${burst}}}}}`,
    ]);
    const [one, two, three, four] = scenario.guests.map(({ demand }) => demand);
    expect(two).toEqual(one);
    expect(three).toEqual(one);
    expect(four).not.toEqual(one);
  });

  it('repeats what happens again and again, to the guest that it is about', () => {
    const { scenario } = simulate([
      '- {name: a, count: 2, memory: 1GiB, demand: {constant: 1MiB}, events: [{at: 100s, every: 1000s, for: 10s, guest: 2, what: pause}]}',
    ]);
    expect(scenario.guests[0]?.mishaps).toEqual([]);
    expect(scenario.guests[1]?.mishaps?.map(({ at }) => at)).toEqual([100, 1100, 2100, 3100]);
  });

  it('says all that can befall a guest, and of what kind', () => {
    const { scenario } = simulate([
      '- name: a',
      '  memory: 1GiB',
      '  demand: {constant: 1MiB}',
      '  autodeflate: true',
      '  freePageReporting: true',
      '  obstacles: [passthrough]',
      '  events:',
      '    - {at: 1s, what: lies, says: starved}',
      '    - {at: 2s, what: lies}',
      '    - {at: 3s, for: 1s, what: hotplug, bytes: 128MiB}',
      '    - {at: 4s, what: job, locked: true}',
      '    - {at: 5s, what: reboot, events: 3}',
      '    - {at: 6s, what: garbage, values: {usable: 7}}',
      '    - {at: 7s, what: missing}',
    ]);
    expect(scenario.guests[0]).toMatchObject({
      autodeflate: true,
      freePageReporting: true,
      obstacles: ['passthrough'],
    });
    expect(scenario.guests[0]?.mishaps?.map(({ mishap }) => mishap)).toEqual([
      { kind: 'lies', says: 'starved' },
      { kind: 'lies', says: 'both' },
      { kind: 'hotplug', bytes: 128 * MiB },
      { kind: 'job', locked: true },
      { kind: 'reboot', events: 3 },
      { kind: 'garbage', values: { usable: 7 } },
      { kind: 'missing' },
    ]);
  });

  it.each([
    ['a key of another kind of event', '{at: 1s, what: stuck, says: idle}'],
    ['hotplug of nothing', '{at: 1s, what: hotplug}'],
    ['a reboot that lasts', '{at: 1s, for: 3s, what: reboot}'],
  ])('refuses %s', (_, event) => {
    const { diagnostics } = loadGuests([
      '- name: a',
      '  memory: 1GiB',
      '  demand: {constant: 1MiB}',
      `  events: [${event}]`,
    ]);
    expect(diagnostics[0]).toMatchObject({ code: 'POLICY_RANGE', line: 10 });
  });

  it('gives each guest its series of a trace, scaled to its size', () => {
    const csv =
      'day,pod,t,used,total\n1,x,0,10,100\n1,y,0,20,100\n2,x,60,99,100\n1,x,60,50,100\n1,y,60,,100\n1,y,120,40,100\n';
    const lines = [
      '- name: a',
      '  count: 3',
      '  memory: 1GiB',
      '  demand: {trace: {file: t.csv, time: t, value: used, total: total, where: {day: "1"}, each: pod, speed: 2}}',
    ];
    const { scenario } = simulate(lines, 1, filesOf({ 't.csv': csv }));
    expect(scenario.guests.map(({ demand }) => demand)).toMatchObject([
      { times: [0, 30], bytes: [0.1 * GiB, 0.5 * GiB] },
      { times: [0, 60], bytes: [0.2 * GiB, 0.4 * GiB] },
      { times: [0, 30], bytes: [0.1 * GiB, 0.5 * GiB] },
    ]);
  });

  it.each([
    ['a column that is not there', 'time,used\n0,1\n', 'usd'],
    ['no row that can be used', 'time,used\n,1\n', 'used'],
    ['a word for a number', 'time,used\n0,1\n60,much\n', 'used'],
    ['a word for a time', 'time,used\n0,1\nlater,2\n', 'used'],
    ['times that go back', 'time,used\n0,1\n60,2\n0,3\n', 'used'],
    ['no name for what is used', 'time,used\n0,1\n', undefined],
  ])('refuses a trace with %s', (_, csv, value) => {
    const lines = [
      '- name: a',
      '  memory: 1GiB',
      `  demand: {trace: {file: t.csv, time: time${value === undefined ? '' : `, value: ${value}`}}}`,
    ];
    expect(() => simulate(lines, 1, filesOf({ 't.csv': csv }))).toThrow(
      expect.objectContaining({ code: 'TRACE_INVALID' }),
    );
    expect(() => simulate(lines)).toThrow(
      expect.objectContaining({ code: 'TRACE_INVALID', message: expect.stringContaining(':9:30: ') }),
    );
  });

  it('names the line of a trace that is wrong', () => {
    const lines = ['- name: a', '  memory: 1GiB', '  demand: {trace: {file: t.csv, value: used}}'];
    const csv = '# made by hand\nt_s,used\n0,1\n60,much\n';
    expect(() => simulate(lines, 1, filesOf({ 't.csv': csv }))).toThrow(/^t\.csv:4: /);
  });

  it.each([
    ['', 'is empty'],
    ['\u0000\u001b[2Jt_s,used\n0,1\n', 'is no text'],
    ['when,used\n0,1\n', "'time' must say which"],
    ['t_s,used\n0,\u001b[2J1\n', 'is not a number'],
  ])('says of the trace %j that it %s, and keeps its escape sequences from the terminal', (csv, problem) => {
    const lines = ['- name: a', '  memory: 1GiB', '  demand: {trace: {file: t.csv, value: used}}'];
    const said = () => simulate(lines, 1, filesOf({ 't.csv': csv }));
    expect(said).toThrow(problem);
    expect(said).not.toThrow(/\p{Cc}/u);
  });

  it('wants as many times more as it is told', () => {
    const lines = [
      '- {name: a, memory: 1GiB, demand: {trace: {file: t.csv, value: used, unit: MiB, scale: 2.5}}}',
    ];
    const csv = 't_s,used\n10,100\n70,200\n';
    expect(simulate(lines, 1, filesOf({ 't.csv': csv })).scenario.guests[0]?.demand).toMatchObject({
      times: [0, 60],
      bytes: [250 * MiB, 500 * MiB],
    });
  });

  it('reads dates and differences of columns', () => {
    const csv = 'timestamp,used,cached-kb\n2018-01-06 03:19:09,300,100\n2018-01-06 03:19:14,400,100\n';
    const lines = [
      '- name: a',
      '  memory: 1GiB',
      '  demand: {trace: {file: t.csv, time: timestamp, value: used - cached-kb, unit: KiB}}',
    ];
    expect(simulate(lines, 1, filesOf({ 't.csv': csv })).scenario.guests[0]?.demand).toMatchObject({
      times: [0, 5],
      bytes: [200 * 1024, 300 * 1024],
    });
  });
});
