import { describe, expect, it } from 'vitest';
import { createCoverage } from './coverage.ts';
import { loadPolicyTests } from './load.ts';
import { runPolicyTest } from './run.ts';
import { memoryFiles, testText } from './testing.ts';

const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
  pressure:
    - {name: hard, when: host.available_ratio < 0.1}
    - {name: soft, when: host.available_ratio < 0.2, keepFor: 5s}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: 50%, max: 7GiB, reserve: 1GiB}
  variables: [{name: room, expression: guarantees.reserve}]
  target: guest.demand + vars.room
  behavior:
    tolerance: {percent: 0, bytes: 1MiB}
    shrink: {at: [soft], step: {max: 1GiB, min: 1MiB}, rate: 1GiB/s, cooldown: 2s}
    grow: {step: {max: 100%, min: 0B}, cooldown: 0s}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: web}
spec:
  precedence: 200
  match: {name: [web-*]}
  target: guest.demand
`;

function missedBy(...bodies: string[]): string[] {
  const texts = bodies.map((body, i) =>
    testText(`${body}\nalways: ["true"]`).replace('name: test', `name: test ${i}`),
  );
  const files = memoryFiles({ 'p.yaml': POLICY, 'p.test.yaml': texts.join('---\n') });
  const { tests, diagnostics } = loadPolicyTests(['p.test.yaml'], files);
  expect(diagnostics).toEqual([]);
  const coverage = createCoverage(tests, files);
  for (const test of tests) runPolicyTest(test, coverage.observe);
  return coverage
    .points()
    .filter(({ reached }) => !reached)
    .map(({ line, missing }) => `${line} ${missing}`);
}

const OTHERS = ["26 policy 'web' governed no guest"];

describe('coverage', () => {
  it('names levels, policies and limits that no test has reached, by their lines', () => {
    expect(missedBy('series: {host.available: 30GiB, vm-1.used: 2GiB}')).toEqual([
      "8 level 'hard' was never entered",
      "9 level 'soft' was never entered",
      "16 guarantees.max of policy 'all' never limited anything",
      "20 behavior.tolerance of policy 'all' never limited anything",
      "21 behavior.shrink.step.max of policy 'all' never limited anything",
      "21 behavior.shrink.step.min of policy 'all' never limited anything",
      "21 behavior.shrink.rate of policy 'all' never limited anything",
      "21 behavior.shrink.cooldown of policy 'all' never limited anything",
      ...OTHERS,
    ]);
  });

  it('adds up what several tests reach', () => {
    const soft = 'series: {host.available: 9GiBx30, vm-1.used: 2GiB}';
    const hard = 'series: {host.available: 5GiBx9, vm-1.used: 6272MiB}';

    expect(missedBy(soft)).toContain("8 level 'hard' was never entered");
    expect(missedBy(soft, hard)).toEqual([
      "21 behavior.shrink.step.min of policy 'all' never limited anything",
      "21 behavior.shrink.rate of policy 'all' never limited anything",
      ...OTHERS,
    ]);
  });

  it('says of a policy that governs no guest only that', () => {
    expect(missedBy('').filter(line => line.includes('web'))).toEqual(OTHERS);
  });

  it('counts a variable that fails as evaluated, and the target after it not', () => {
    const policy = POLICY.replace('guarantees.reserve}', 'host.committed}');
    const files = memoryFiles({ 'p.yaml': policy, 'p.test.yaml': testText('always: ["true"]') });
    const { tests } = loadPolicyTests(['p.test.yaml'], files);
    const coverage = createCoverage(tests, files);
    for (const test of tests) runPolicyTest(test, coverage.observe);
    const reached = new Map(coverage.points().map(point => [point.missing, point.reached]));

    expect(reached.get("variable 'room' of policy 'all' was never evaluated")).toBe(true);
    expect(reached.get("the target of policy 'all' was never evaluated")).toBe(false);
  });
});
