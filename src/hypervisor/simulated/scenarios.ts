/** The scenarios that `sim:///NAME` knows. */
import { BallonetError } from '../../model/errors.ts';
import { GiB, MiB } from '../../model/units.ts';
import type { GuestSpec, Scenario } from './scenario.ts';

/**
 * Web servers with a compressed day, databases and caches on a plateau, build machines and desktops in bursts: together they
 * may use 1.7 times the host's memory, but never need all of it at once. Three start small and soon want more.
 */
const OVERCOMMITTED: Scenario = {
  name: 'overcommitted',
  description: 'Twelve guests whose maxima add up to 1.7 times the host; their peaks take turns.',
  host: { memory: 24 * GiB, overhead: 1 * GiB, cache: 512 * MiB },
  warmUp: 40,
  guests: [
    { ...web('web-1', 'Shop front', 0), current: 1280 * MiB },
    web('web-2', 'Shop front', 1 / 3),
    web('web-3', 'Public site', 2 / 3),
    {
      name: 'db-1',
      title: 'Orders database',
      vcpus: 4,
      maximum: 6 * GiB,
      demand: { kind: 'plateau', level: 1.9 * GiB, wobble: 0.05, over: 45 },
      files: { size: 1280 * MiB, rate: 12 * MiB },
      hotShare: 0.7,
      touched: 0.35,
      statsPeriod: 1,
    },
    {
      name: 'db-2',
      title: 'Reports database',
      vcpus: 2,
      maximum: 4 * GiB,
      demand: {
        kind: 'sum',
        parts: [
          { kind: 'plateau', level: 900 * MiB, wobble: 0.05, over: 60 },
          { kind: 'ramps', low: 0, high: 800 * MiB, rest: 100, rise: 20, hold: 40, fall: 20, jitter: 0.2 },
        ],
      },
      files: { size: 768 * MiB, rate: 8 * MiB },
      touched: 0.4,
      statsPeriod: 1,
    },
    {
      name: 'cache-1',
      title: 'Object cache',
      vcpus: 2,
      maximum: 3 * GiB,
      demand: {
        kind: 'ramps',
        low: 600 * MiB,
        high: 1.6 * GiB,
        rest: 5,
        rise: 150,
        hold: 30,
        fall: 2,
        offset: 60,
      },
      hotShare: 0.8,
      touched: 0.35,
      statsPeriod: 1,
    },
    build('ci-1'),
    build('ci-2'),
    {
      name: 'desktop-1',
      title: 'Anna',
      vcpus: 2,
      maximum: 4 * GiB,
      demand: {
        kind: 'sum',
        parts: [
          { kind: 'plateau', level: 700 * MiB, wobble: 0.1, over: 30 },
          {
            kind: 'bursts',
            base: 0,
            peak: [300 * MiB, 900 * MiB],
            every: 90,
            length: [20, 45],
            rise: 8,
            chance: 0.7,
          },
        ],
      },
      files: { size: 512 * MiB, rate: 6 * MiB },
      touched: 0.35,
      statsPeriod: 1,
    },
    {
      name: 'desktop-2',
      title: 'Bruno',
      vcpus: 2,
      maximum: 3 * GiB,
      current: 1280 * MiB,
      demand: {
        kind: 'ramps',
        low: 350 * MiB,
        high: 1.1 * GiB,
        rest: 70,
        rise: 12,
        hold: 50,
        fall: 6,
        jitter: 0.25,
        offset: 20,
      },
      files: { size: 384 * MiB, rate: 6 * MiB },
      touched: 0.35,
    },
    {
      name: 'batch-1',
      title: 'Nightly jobs, all day',
      vcpus: 4,
      maximum: 3 * GiB,
      current: 1 * GiB,
      demand: {
        kind: 'steps',
        levels: [
          { bytes: 300 * MiB, seconds: 80 },
          { bytes: 480 * MiB, seconds: 35 },
          { bytes: 660 * MiB, seconds: 45 },
        ],
        jitter: 0.05,
        offset: 50,
      },
      hotShare: 0.3,
      touched: 0.3,
    },
    {
      name: 'mail-1',
      maximum: 2 * GiB,
      demand: { kind: 'plateau', level: 380 * MiB, wobble: 0.1, over: 120 },
      files: { size: 320 * MiB, rate: 3 * MiB },
      touched: 0.3,
      statsPeriod: 5,
    },
  ],
};

const SCENARIOS: readonly Scenario[] = [OVERCOMMITTED];

/** @throws BallonetError URI_INVALID, naming the scenarios there are */
export function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find(scenario => scenario.name === name);
  if (found) return found;
  const known = SCENARIOS.map(scenario => `sim:///${scenario.name}`).join(', ');
  throw new BallonetError('URI_INVALID', `there is no simulated host '${name}'; known: ${known}`);
}

function web(name: string, title: string, phase: number): GuestSpec {
  return {
    name,
    title,
    vcpus: 2,
    maximum: 3 * GiB,
    demand: { kind: 'diurnal', low: 350 * MiB, high: 1.3 * GiB, period: 210, phase },
    files: { size: 320 * MiB, rate: 6 * MiB },
    touched: 0.35,
    statsPeriod: 1,
  };
}

function build(name: string): GuestSpec {
  return {
    name,
    title: 'Build machine',
    vcpus: 4,
    maximum: 4 * GiB,
    demand: {
      kind: 'bursts',
      base: 250 * MiB,
      peak: [900 * MiB, 2 * GiB],
      every: 100,
      length: [15, 40],
      rise: 25,
      chance: 0.8,
    },
    files: { size: 640 * MiB, rate: 10 * MiB },
    hotShare: 0.6,
    touched: 0.3,
    statsPeriod: 1,
  };
}
