/** The tables in docs/policies: what the shipped policies do to a guest, found by running them in policy tests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { GiB, MiB } from '../../src/model/units.ts';
import { loadPolicyTests } from '../../src/policy/policy-test/load.ts';
import type { PolicyTest } from '../../src/policy/policy-test/policy-test.ts';
import { runPolicyTest } from '../../src/policy/policy-test/run.ts';
import { momTarget } from '../../src/simulator/baselines/mom.ts';

const POLICIES = fileURLToPath(new URL('../../policies/', import.meta.url));

/** One kind of guest that a policy treats in a way of its own. */
interface Variant {
  readonly label?: string;
  /** Of the guest in the test: `name: desk-1`. */
  readonly guest?: string;
  /** When the test starts. */
  readonly start?: string;
}

interface Level {
  readonly name: string;
  /** What is available of a host of 64 GiB. */
  readonly available: string;
}

const NONE: Level = { name: 'none', available: '30GiB' };
const SOFT: Level = { name: 'soft', available: '10GiB' };
const HARD: Level = { name: 'hard', available: '4.5GiB' };
const CRITICAL: Level = { name: 'critical', available: '1.5GiB' };

/** What is shown of each policy. */
export const SHOWN: Readonly<
  Record<string, { readonly levels: readonly Level[]; readonly variants: readonly Variant[] }>
> = {
  standard: { levels: [NONE, SOFT, HARD, CRITICAL], variants: [{}] },
  dense: { levels: [NONE, HARD, CRITICAL], variants: [{}] },
  gentle: { levels: [NONE, HARD, CRITICAL], variants: [{}] },
  'office-hours': {
    levels: [NONE, SOFT, HARD, CRITICAL],
    variants: [
      { label: 'a desktop at noon', guest: 'name: desk-1', start: '2026-01-05T12:00:00+01:00' },
      { label: 'a desktop at night', guest: 'name: desk-1', start: '2026-01-05T23:00:00+01:00' },
      { label: 'batch work', guest: 'name: build', start: '2026-01-05T12:00:00+01:00' },
    ],
  },
  'mixed-tiers': {
    levels: [NONE, SOFT, HARD, CRITICAL],
    variants: ['gold', 'silver', 'bronze'].map(tier => ({
      label: tier,
      guest: `name: vm-1, tags: {tier: ${tier}}`,
    })),
  },
  'mom-compatible': {
    levels: [NONE, { name: 'pressure', available: '6.4GiB' }],
    variants: [{}],
  },
};

const MAX = 8 * GiB;

/** Long enough for the slowest of them to come to rest. */
const DURATION = 900;

interface Course {
  readonly finalBytes: number;
  readonly firstStepBytes: number;
  /** Until the guest is within a hundredth of its maximum of where it ends; undefined for one that is not moved. */
  readonly seconds: number | undefined;
}

function loadTest(text: string, edit = (policy: string) => policy): PolicyTest {
  const files = {
    kind: () => 'file' as const,
    list: () => [],
    read: (path: string) =>
      new TextEncoder().encode(path === 'p.test.yaml' ? text : edit(readFileSync(POLICIES + path, 'utf8'))),
  };
  const { tests, diagnostics } = loadPolicyTests(['p.test.yaml'], files);
  const [test] = tests;
  if (test === undefined) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return test;
}

/** A quarter of an hour of a guest of 8 GiB. */
function course(
  policy: string,
  level: Level,
  { guest = 'name: vm-1', start }: Variant,
  used: string,
): Course {
  const name = /name: ([\w-]+)/.exec(guest)?.[1] ?? '';
  const text = `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: a course}
policies: [${policy}.yaml]
${start === undefined ? '' : `start: ${start}`}
duration: ${DURATION}s
host: {memory: 64GiB}
guests: [{${guest}, max: 8GiB}]
series: {host.available: ${level.available}, ${name}.used: ${used}}
always: ["true"]
`;
  const test = loadTest(text);
  const sizes: number[] = [];
  runPolicyTest(test, ({ decisions, state }) => {
    sizes.push(decisions[0]?.targetBytes ?? Number.NaN);
    if (sizes.length === test.ticks && state.pressure.level !== level.name)
      throw new Error(`${policy} is at ${state.pressure.level} and not at ${level.name}`);
  });
  const finalBytes = sizes.at(-1) ?? Number.NaN;
  const first = sizes.findIndex(size => size < MAX);
  const settled = sizes.findIndex(size => Math.abs(size - finalBytes) < 0.01 * MAX);
  return {
    finalBytes,
    firstStepBytes: first < 0 ? 0 : MAX - (sizes[first] ?? 0),
    seconds: first < 0 ? undefined : settled * test.interval,
  };
}

/** A Markdown table of what the policy leaves a guest, and how fast. */
export function policyTable(policy: string): string {
  const shown = SHOWN[policy];
  if (shown === undefined) throw new Error(`nothing is shown of ${policy}`);
  const { levels, variants } = shown;
  const labelled = variants.some(({ label }) => label !== undefined);
  const rows = variants.flatMap(variant =>
    levels.map(level => {
      const [idle, busy] = ['1GiB', '4GiB'].map(used => cellOf(course(policy, level, variant, used)));
      return `| ${labelled ? `${variant.label} | ` : ''}${level.name} | ${idle} | ${busy} |`;
    }),
  );
  return [
    `| ${labelled ? 'guest | ' : ''}level | one that uses 1 GiB keeps | one that uses 4 GiB keeps |`,
    `|${labelled ? '---|' : ''}---|---|---|`,
    ...rows,
  ].join('\n');
}

function cellOf({ finalBytes, firstStepBytes, seconds }: Course): string {
  if (seconds === undefined) return 'all of it';
  const after = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 30) / 2} min`;
  return `${sizeOf(finalBytes)} after ${after}, the first ${sizeOf(firstStepBytes)} at once`;
}

/** To a tenth of a GiB, or a whole MiB below that. */
function sizeOf(bytes: number): string {
  return bytes >= GiB ? `${(bytes / GiB).toFixed(1)} GiB` : `${Math.round(bytes / MiB)} MiB`;
}

/** What MOM's default rules do next with a guest of 8 GiB, and what the policy does that is to replace them. */
export function momTable(): string {
  const rows = [
    [0.3, 4 * GiB, 2 * GiB],
    [0.3, 4 * GiB, 16 * MiB],
    [0.19, 8 * GiB, 4 * GiB],
    [0.1, 8 * GiB, 4 * GiB],
    [0.1, 4 * GiB, 2 * GiB],
    [0.1, 4 * GiB, 128 * MiB],
    [0.04, 4 * GiB, 2 * GiB],
    [0.04, 4 * GiB, 0],
  ] as const;
  return [
    '| host free | guest has | free in the guest | MOM makes it | this policy makes it |',
    '|---|---|---|---|---|',
    ...rows.map(([share, size, free]) => {
      const theirs = momTarget(share, { size, max: MAX, meanSize: size, meanFree: free }) ?? size;
      const cells = [`${Math.round(share * 100)} %`, sizeOf(size), sizeOf(free)];
      return `| ${[...cells, changeOf(theirs, size), changeOf(ours(share, size, free), size)].join(' | ')} |`;
    }),
  ].join('\n');
}

function changeOf(target: number, size: number): string {
  const percent = ((target - size) / size) * 100;
  return Math.abs(percent) < 0.05
    ? 'stays'
    : `${sizeOf(target)} (${percent > 0 ? '+' : ''}${percent.toFixed(1)} %)`;
}

/** The first size that the policy asks for, once its level has been entered. */
function ours(share: number, size: number, free: number): number {
  const text = `apiVersion: ballonet/v1
kind: PolicyTest
metadata: {name: a move}
policies: [mom-compatible.yaml]
duration: 120s
host: {memory: 64GiB}
guests: [{name: vm-1, max: 8GiB, current: ${size}B}]
series: {host.available: ${Math.round(share * 64 * GiB)}B, vm-1.used: ${size - free}B, vm-1.free: ${free}B}
always: ["true"]
`;
  // MOM's history is constant: it has been under pressure for long.
  const test = loadTest(text, policy => policy.replace('for: 25s', 'for: 0s'));
  let target: number | undefined;
  runPolicyTest(test, ({ decisions: [decision] }) => {
    if (decision !== undefined && decision.action !== 'hold') target ??= decision.targetBytes;
  });
  return target ?? size;
}
