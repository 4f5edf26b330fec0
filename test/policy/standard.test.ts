import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../../src/model/units.ts';
import { compilePolicies } from '../../src/policy/compile.ts';
import type { HostNames } from '../../src/policy/expression/expression.ts';
import { requirePolicySet } from '../../src/policy/load.ts';
import { hostReserve } from '../../src/policy/policy-set.ts';

const URL_OF_STANDARD = new URL('../../policies/standard.yaml', import.meta.url);
const content = readFileSync(URL_OF_STANDARD, 'utf8');
const { host, guests } = requirePolicySet(compilePolicies([{ file: 'standard.yaml', content }]));

function names(totalGiB: number, availableGiB: number, avg10?: number): HostNames {
  return {
    total: totalGiB * GiB,
    available: availableGiB * GiB,
    available_ratio: availableGiB / totalGiB,
    guests: 10,
    psi: { some: {}, full: avg10 === undefined ? {} : { avg10 } },
  };
}

function holding(scope: HostNames): (string | undefined)[] {
  return host.pressure.filter(({ when }) => when.evaluate({ host: scope }) === true).map(({ name }) => name);
}

describe('policies/standard.yaml', () => {
  it('enforces, looks every second, and keeps the larger of 1 GiB and 6 % of the host', () => {
    expect(host).toMatchObject({
      mode: 'enforce',
      intervalSeconds: 1,
      staleAfterSeconds: 10,
      memory: { kind: 'auto' },
    });
    expect(hostReserve(host, 8 * GiB)).toBe(GiB);
    expect(hostReserve(host, 100 * GiB)).toBe(6 * GiB);
  });

  it('tells its levels by available memory, also on a kernel without PSI', () => {
    expect(host.pressure.map(({ name }) => name)).toEqual(['critical', 'hard', 'soft']);
    expect(holding(names(100, 30))).toEqual([]);
    expect(holding(names(100, 15))).toEqual(['soft']);
    expect(holding(names(100, 7))).toEqual(['hard', 'soft']);
    expect(holding(names(100, 1.9))).toEqual(['critical', 'hard', 'soft']);
    expect(holding(names(100, 30, 25))).toEqual(['critical']);
  });

  it('does not call a small host critical while half of it is available', () => {
    expect(holding(names(2, 1))).toEqual([]);
  });

  it('has no condition that fails when host figures are there and PSI is not', () => {
    for (const { when } of host.pressure)
      expect(typeof when.evaluate({ host: names(64, 60) })).toBe('boolean');
  });

  it('governs every guest, keeps a quarter of it, and aims at demand and headroom', () => {
    const [policy] = guests;
    const scope = {
      host: { ...names(64, 32), level: 'soft' },
      guest: { name: 'g', uuid: 'u', max: 8 * GiB, demand: 4 * GiB },
      guarantees: { min: 2 * GiB, max: 8 * GiB, reserve: 256 * MiB },
      vars: {} as Record<string, number>,
    };
    for (const { name, expression } of policy?.variables ?? []) {
      const value = expression.evaluate(scope);
      if (typeof value === 'number') scope.vars[name] = value;
    }

    expect(guests).toHaveLength(1);
    expect(policy?.mismatch({})).toBeUndefined();
    expect(policy?.guarantees).toEqual({ min: { ratio: 0.25 }, max: { ratio: 1 }, reserve: 256 * MiB });
    expect(policy?.target.evaluate(scope)).toBe(4 * GiB + 0.15 * 4 * GiB);
    expect(policy?.target.evaluate({ ...scope, vars: {} })).toHaveProperty('problem');
  });

  it('takes memory under pressure only, and gives it at every level', () => {
    const [policy] = guests;

    expect([...(policy?.shrink.at ?? [])]).toEqual(['soft', 'hard', 'critical']);
    expect([...(policy?.grow.at ?? [])]).toEqual(['none', 'soft', 'hard', 'critical']);
    expect(policy?.grow.rate).toBeUndefined();
  });
});
