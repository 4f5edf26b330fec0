import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBench } from '../../simulator/bench.ts';
import { loadScenario, requireScenario, simulationOf } from '../../simulator/scenario/load.ts';
import { csvTable } from '../../simulator/scenario/trace-table.ts';
import { hostScenarioFiles, SHIPPED_SCENARIOS } from './files.ts';

const FOLDER = `${SHIPPED_SCENARIOS}recorded/`;
const SCENARIOS = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'));

/** The beginnings of recordings that nobody made, with the columns that the scenarios say theirs have. */
const RECORDINGS: Readonly<Record<string, string>> = {
  nezha: [
    'day,pod,t_s,used_mib,limit_mib',
    ...['2022-08-22,cart,%,30,128', '2023-01-29,ticket,%,400,2000'].flatMap(row =>
      [0, 60, 120].map(seconds => row.replace('%', String(seconds))),
    ),
  ].join('\n'),
  pcp: [
    't_s,physmem_kib,free_kib,available_kib,cached_kib,bufmem_kib',
    '0,8000000,1000000,5000000,3000000,200000',
    '60,8000000,900000,4900000,3000000,200000',
  ].join('\n'),
  scout: ['timestamp,kbanonpg', '2018-01-06 03:19:09,586108', '2018-01-06 03:19:14,587068'].join('\n'),
};

const files: typeof hostScenarioFiles = {
  ...hostScenarioFiles,
  trace: path => {
    const source = /\/recordings\/(\w+)\//.exec(path)?.[1] ?? '';
    return csvTable(path, RECORDINGS[source] ?? '');
  },
};

describe('the scenarios over recordings', () => {
  it('are there', () => {
    expect(SCENARIOS.length).toBeGreaterThan(2);
  });

  it.each(SCENARIOS)('%s is sound where its recordings are, and names their source and licence', name => {
    const source = requireScenario(loadScenario(`${FOLDER}${name}`, files));
    const simulation = simulationOf(source, files);
    expect(simulation.scenario.name).toBe(basename(name, '.yaml'));
    expect(simulation.scenario.description).toMatch(/(MIT|GPL).*github\.com\//);
    const bench = createBench(simulation);
    bench.advanceTo(120);
    expect(bench.guests.every(guest => guest.active)).toBe(true);
  });
});
