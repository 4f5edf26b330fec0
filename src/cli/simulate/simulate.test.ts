import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BallonetError } from '../../model/errors.ts';
import { simulate } from './simulate.ts';

const STANDARD = fileURLToPath(new URL('../../../policies/standard.yaml', import.meta.url));
const SHORT = fileURLToPath(new URL('../../../test/fixtures/scenarios/short.yaml', import.meta.url));
const QUIET = { out: () => {}, err: () => {} };

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => (error instanceof BallonetError ? error.code : 'another'),
  );
}

/** A busy machine takes its time. */
const PATIENCE = { timeout: 60_000 };

describe('simulate', PATIENCE, () => {
  it('reports every controller in the order in which it was asked for, in the shape of the contract', async () => {
    const report = await simulate(
      SHORT,
      { policy: [STANDARD], baseline: 'oracle,static', seed: 7 },
      1,
      QUIET,
    );
    expect(report).toMatchObject({
      apiVersion: 'ballonet/v1',
      kind: 'SimulationReport',
      scenario: 'short',
      seed: 7,
      host: { memoryBytes: 4 * 1024 ** 3 },
      guests: 3,
      seconds: 120,
    });
    expect(report.runs.map(({ controller }) => controller)).toEqual(['policy:standard', 'oracle', 'static']);
    expect(Object.keys(report.runs[0] ?? {})).toEqual([
      'controller',
      'reclaimedGiBHours',
      'efficiency',
      'hostOverrunSeconds',
      'shortageGiBSeconds',
      'stalledGuestSeconds',
      'oomKills',
      'moves',
      'movedGiB',
      'density',
      'minHostBytes',
    ]);
    expect(report.runs.map(({ efficiency }) => efficiency)).toEqual([expect.any(Number), 1, 0]);
    expect(report.runs.map(({ density }) => density)).toEqual([null, null, null]);
  });

  it('looks for the smallest host, which is smaller for the oracle than for nobody', async () => {
    const { runs } = await simulate(
      SHORT,
      { policy: [], baseline: 'static,oracle', density: true },
      1,
      QUIET,
    );
    const [nobody, oracle] = runs.map(({ minHostBytes }) => minHostBytes ?? 0);
    expect(oracle).toBeGreaterThan(1024 ** 3);
    expect(oracle).toBeLessThan(nobody ?? 0);
    expect(runs[1]?.density).toBeCloseTo((6 * 1024 ** 3) / (oracle ?? 1), 3);
  });

  it('runs a policy once for each value of a sweep, and says which is which', async () => {
    const set = [
      { path: 'guest.vetoes.booting.when', values: ['guest.uptime < 600', 'guest.uptime < 1'] },
      { path: 'host.reserve.percent', values: ['6'] },
    ];
    const { runs } = await simulate(SHORT, { policy: ['policies/dense.yaml'], set }, 1, QUIET);
    expect(runs.map(({ settings }) => settings)).toEqual([
      { 'guest.vetoes.booting.when': 'guest.uptime < 600', 'host.reserve.percent': '6' },
      { 'guest.vetoes.booting.when': 'guest.uptime < 1', 'host.reserve.percent': '6' },
    ]);
    expect(runs[1]?.reclaimedGiBHours).toBeGreaterThan(runs[0]?.reclaimedGiBHours ?? Number.NaN);
  });

  it.each([
    [
      'a sweep without a policy',
      SHORT,
      { policy: [], set: [{ path: 'guest.idleTax', values: ['0'] }] },
      'USAGE',
    ],
    [
      'a sweep over a field that is not there',
      SHORT,
      { policy: [STANDARD], set: [{ path: 'guest.idelTax', values: ['0'] }] },
      'USAGE',
    ],
    [
      'a sweep over values that are none',
      SHORT,
      { policy: [STANDARD], set: [{ path: 'guest.idleTax', values: ['much'] }] },
      'POLICY_INVALID',
    ],
    ['nothing to compare', SHORT, { policy: [] }, 'USAGE'],
    ['a baseline that does not exist', SHORT, { policy: [], baseline: 'statc' }, 'USAGE'],
    ['a scenario that does not exist', 'overcomitted', { policy: [], baseline: 'all' }, 'URI_INVALID'],
    ['a policy that cannot be read', SHORT, { policy: ['gone.yaml'] }, 'POLICY_UNREADABLE'],
  ])('refuses %s', async (_, scenario, options, code) => {
    expect(await codeOf(simulate(scenario, options, 1, QUIET))).toBe(code);
  });

  it.each([
    ['guest.estimate.windw', '1m', 'USAGE'],
    ['guest.estimate.window', '1', 'POLICY_INVALID'],
  ])('refuses %s=%s, the last of several values, before it runs anything', async (path, value, code) => {
    const told: string[] = [];
    const streams = { out: () => {}, err: (text: string) => told.push(text) };
    const set = [
      { path: 'guest.estimate.window', values: ['1m'] },
      { path, values: [value] },
    ];
    expect(await codeOf(simulate(SHORT, { policy: [STANDARD], set }, 1, streams))).toBe(code);
    expect(told).toEqual([]);
  });

  it('tells its progress on stderr', async () => {
    const told: string[] = [];
    await simulate(SHORT, { policy: [], baseline: 'static' }, 1, {
      out: () => {},
      err: text => told.push(text),
    });
    expect(told.at(-1)).toContain('100 %');
  });
});
