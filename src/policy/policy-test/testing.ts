/** Policy tests in memory, for the tests of this folder: a test says only what it is about. */
import type { PolicyFiles } from '../load.ts';
import { formatDiagnostic } from '../source/diagnostics.ts';
import { createCoverage } from './coverage.ts';
import { type LoadedTests, loadPolicyTests } from './load.ts';
import type { PolicyTest } from './policy-test.ts';
import { runPolicyTest } from './run.ts';
import type { Failure } from './verdict.ts';

/** Files by their paths; their folders are there too. */
export function memoryFiles(contents: Readonly<Record<string, string>>): PolicyFiles {
  const paths = Object.keys(contents);
  const isFolder = (path: string) => paths.some(file => file.startsWith(`${path}/`));
  return {
    kind: path => {
      if (!Object.hasOwn(contents, path) && !isFolder(path)) throw new Error('no such file or folder');
      return isFolder(path) ? 'folder' : 'file';
    },
    list: folder => {
      const inside = paths
        .filter(path => path.startsWith(`${folder}/`))
        .map(path => path.slice(folder.length + 1));
      return inside.filter(name => !name.includes('/'));
    },
    read: path => {
      const content = contents[path];
      if (content === undefined) throw new Error('no such file');
      return new TextEncoder().encode(content);
    },
  };
}

/** Knows `soft` below 20 %; every guest is given its demand and a reserve of 256 MiB, at once. */
export const POLICY = `apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec:
  mode: enforce
  reserve: {bytes: 0B}
  pressure: [{name: soft, when: host.available_ratio < 0.2, keepFor: 5s}]
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  target: guest.demand + guarantees.reserve
  behavior:
    tolerance: {percent: 0, bytes: 1MiB}
    shrink: {at: [soft], step: {max: 100%, min: 1MiB}, cooldown: 0s}
`;

/** One test of `POLICY`, on a host of 64 GiB with one guest `vm-1` of 8 GiB unless the body names its own. */
export function testText(body: string): string {
  const guests = /^guests:/m.test(body) ? '' : 'guests: [{name: vm-1, max: 8GiB}]\n';
  return `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: test}
policies: [p.yaml]
host: {memory: 64GiB}
${guests}${body}
`;
}

function loadText(text: string, policy: string = POLICY): LoadedTests {
  return loadPolicyTests(['p.test.yaml'], memoryFiles({ 'p.test.yaml': text, 'p.yaml': policy }));
}

/** The one test of a text that is sound. */
export function soundTest(text: string, policy: string = POLICY): PolicyTest {
  const { tests, diagnostics } = loadText(text, policy);
  const [test] = tests;
  if (test === undefined) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return test;
}

export function failuresOf(body: string, policy: string = POLICY): readonly Failure[] {
  return runPolicyTest(soundTest(testText(body), policy)).failures;
}

/** Lines of a policy set that tests with these bodies leave out, on a host of 64 GiB. */
export function missedIn(policy: string, bodies: readonly string[]): string[] {
  const text = bodies.map(
    (body, index) => `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: test ${index}}
policies: [p.yaml]
host: {memory: 64GiB}
always: ["true"]
${body}
`,
  );
  const files = memoryFiles({ 'p.yaml': policy, 'p.test.yaml': text.join('---\n') });
  const { tests, diagnostics } = loadPolicyTests(['p.test.yaml'], files);
  if (diagnostics.length > 0) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const coverage = createCoverage(tests, files);
  for (const test of tests) runPolicyTest(test, coverage.observe);
  return coverage
    .points()
    .filter(({ reached }) => !reached)
    .map(({ line, column, missing }) => `${line}:${column} ${missing}`);
}
