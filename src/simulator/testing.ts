/** What the simulator's tests are made of. */
import type { GuestSpec } from '../hypervisor/simulated/scenario.ts';
import { GiB, MiB } from '../model/units.ts';
import type { Simulation } from './scenario/generate.ts';
import { type LoadedScenario, loadScenario, type ScenarioFiles } from './scenario/load.ts';
import { csvTable } from './scenario/trace-table.ts';

/** A guest of 4 GiB that wants 1 GiB and reads few files. */
export function guestSpec(overrides: Partial<GuestSpec> = {}): GuestSpec {
  return {
    name: 'vm',
    maximum: 4 * GiB,
    demand: { kind: 'constant', bytes: 1 * GiB },
    files: { size: 256 * MiB, rate: 8 * MiB },
    ...overrides,
  };
}

/** A host of 16 GiB for five minutes. */
export function simulationWith(
  guests: readonly GuestSpec[],
  overrides: Partial<Simulation> = {},
): Simulation {
  return {
    scenario: {
      name: 'test',
      description: '',
      warmUp: 40,
      host: { memory: 16 * GiB, overhead: 1 * GiB, cache: 256 * MiB },
      guests,
    },
    seed: 1,
    seconds: 300,
    settleSeconds: 0,
    intervalSeconds: 0.1,
    minimumBytes: new Map(guests.map(({ name, maximum }) => [name, maximum / 4])),
    ...overrides,
  };
}

/** Files that exist in the test alone. */
export function filesOf(texts: Readonly<Record<string, string>>): ScenarioFiles {
  const textOf = (path: string): string => {
    const text = texts[path];
    if (text === undefined) throw new Error(`ENOENT: ${path}`);
    return text;
  };
  return {
    read: (path, limit) => new TextEncoder().encode(textOf(path)).subarray(0, limit),
    trace: path => csvTable(path, textOf(path)),
    beside: (_, path) => path,
  };
}

/** A scenario of one class of guests, given as its YAML lines. */
export function loadGuests(lines: readonly string[]): LoadedScenario {
  const text = [
    'apiVersion: ballonet/v1',
    'kind: Scenario',
    'metadata: {name: test}',
    'spec:',
    '  host: {memory: 16GiB}',
    '  guests:',
    ...lines.map(line => `    ${line}`),
    '',
  ].join('\n');
  return loadScenario('test.yaml', filesOf({ 'test.yaml': text }));
}
