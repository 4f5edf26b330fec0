import { describe, expect, it } from 'vitest';
import { createBench } from '../../simulator/bench.ts';
import { findScenario } from '../connect.ts';
import { scenarioFile, shippedScenarios } from './find.ts';
import { openSimulation } from './open.ts';

describe('scenarioFile', () => {
  it.each(['overcommitted', 'sim:///overcommitted'])('finds %s among those that are shipped', text => {
    expect(scenarioFile(text)).toMatch(/\/scenarios\/overcommitted\.yaml$/);
  });

  it.each([
    ['a/b.yaml', 'a/b.yaml'],
    ['sim:///a/b.yaml', 'a/b.yaml'],
    ['sim:////a/b.yml', '/a/b.yml'],
    ['./mine', './mine'],
  ])('takes %s for a path', (text, path) => {
    expect(scenarioFile(text)).toBe(path);
  });

  it('names the URI of a file that is meant, where a slash is missing', () => {
    const path = scenarioFile('overcommitted');
    expect(scenarioFile(`sim:///${path}`)).toBe(path);
    expect(() => scenarioFile(`sim://${path}`)).toThrow(
      expect.objectContaining({ code: 'URI_INVALID', message: expect.stringContaining(`sim:///${path}`) }),
    );
  });

  it.each(['', 'nowhere', '..', '%'])('refuses "%s"', name => {
    expect(() => scenarioFile(name)).toThrow(expect.objectContaining({ code: 'URI_INVALID' }));
  });
});

describe('the shipped scenarios', () => {
  it('are there', () => {
    expect(shippedScenarios()).toEqual([
      'cache-heavy',
      'correlated',
      'diurnal-fleet',
      'hostile',
      'overcommitted',
      'overload',
      'staggered',
      'surge',
    ]);
  });

  it.each(shippedScenarios())('%s is sound, and is called what its file is called', name => {
    const simulation = openSimulation(scenarioFile(name));
    expect(simulation.scenario.name).toBe(name);
    expect(simulation.scenario.description).not.toBe('');
    // Its guests can be started and go through their first minutes.
    const bench = createBench(simulation);
    bench.advanceTo(120);
    expect(bench.guests.filter(guest => guest.active).length).toBeGreaterThan(3);
  });

  it('promise more than their hosts have', () => {
    for (const name of shippedScenarios()) {
      const { scenario } = openSimulation(scenarioFile(name));
      const promised = scenario.guests.reduce((sum, { maximum }) => sum + maximum, 0);
      expect(promised / scenario.host.memory, name).toBeGreaterThan(1.3);
    }
  });
});

describe('findScenario', () => {
  it('draws with the seed that it is given, else with the scenario’s own', () => {
    expect(findScenario('overcommitted', undefined).seed).toBe(1);
    expect(findScenario('overcommitted', 5).seed).toBe(5);
  });
});
