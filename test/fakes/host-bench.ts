/** The host's figures over files that a test can change. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { createHostCollector } from '../../src/collectors/host/host-collector.ts';
import type { Pool } from '../../src/collectors/host/pool.ts';
import { createProblemReporter, type Problem } from '../../src/collectors/problems.ts';
import type { HostFigure, HostSample } from '../../src/model/snapshot.ts';
import { KiB } from '../../src/model/units.ts';
import { createFakeClock } from './fake-clock.ts';
import { createFakeHypervisor } from './fake-hypervisor.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** A host collector over a copy of a fixture tree, with ways to read and change the copy's files. It is removed with the test. */
export function hostBench(fixture: 'host-v1' | 'host-v2', local = true) {
  const root = mkdtempSync(join(tmpdir(), 'ballonet-host-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  cpSync(join(FIXTURES, fixture), root, { recursive: true });
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ local });
  const problems = createProblemReporter();
  const seen: Problem[] = [];
  problems.stream.subscribe(problem => seen.push(problem));
  const collector = createHostCollector({ hypervisor, clock, procRoot: root, problems });
  return {
    ...{ clock, hypervisor, seen },
    read: (path: string) => readFileSync(join(root, path), 'utf8'),
    sample: async (pool: Pool, guestsHeld?: number) => (await collector.read(pool)).sample(guestsHeld),
    write: (path: string, text: string) => writeFileSync(join(root, path), text),
    remove: (path: string) => rmSync(join(root, path), { recursive: true }),
    kib: (name: string) => {
      const text = readFileSync(join(root, 'proc/meminfo'), 'utf8');
      return Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]) * KiB;
    },
  };
}

export function values(sample: HostSample, ...figures: HostFigure[]) {
  return figures.map(figure => sample.readings[figure].value);
}

export function qualities(sample: HostSample, ...figures: HostFigure[]) {
  return figures.map(figure => sample.readings[figure].quality);
}
