/**
 * What deciding costs a guest and a tick, against a hand-written loop in the same run, and what reading a large set costs.
 *
 *   npm run bench -- decide [--guests 10,100,1000,5000] [--rounds 15] [--policy mixed-tiers]
 *
 * How to read it:
 * - Every tick has new reports of every guest, whose use wanders; the host is at level soft and does not have what all of them
 *   want, and guests follow their targets. What is timed is `decide()` alone, with everything that it records.
 * - The two take turns, so that a busy machine slows both; `median` and `best` are of the rounds, each the mean of its ticks.
 *   `CPU` is the median of the processor time, which does not count what other processes took; aims are held against it.
 * - Once with policies/standard.yaml, and once with policies/mixed-tiers.yaml, whose three ranks the guests have.
 * - `MOM` is the ratio to 2.6 ms a guest, which oVirt's Memory Overcommitment Manager has been measured to take to evaluate its
 *   rules for one.
 * - The set that is read has 500 guest policies in five files, told apart by name; it is compiled and linted.
 * - `reference` is test/bench/decide-reference.ts: no language, no stages, no memory of moves, everything changed in place.
 *
 * No time is asserted.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { compilePolicies } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { initialState, type PolicyState } from '../../src/policy/state.ts';
import { createReference } from './decide-reference.ts';
import { createWorld } from './decide-world.ts';
import { eachInItsProcess } from './processes.ts';

const AIM = { guests: 1000, milliseconds: 5 } as const;
/** Five minutes of a daemon: until then V8 still compiles, which is paid once and not a tick. */
const WARM_UP_TICKS = 300;
const READING_AIM_SECONDS = 1;
const MOM_MICROSECONDS = 2600;

function policyFile(name: string): string {
  return fileURLToPath(new URL(`../../../policies/${name}.yaml`, import.meta.url));
}

/** Microseconds a guest and tick, one figure a round. */
interface Figures {
  readonly guests: number;
  readonly decide: readonly number[];
  /** Of all threads, garbage collection included. */
  readonly cpu: readonly number[];
  readonly reference: readonly number[];
  readonly moves: number;
}

function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function measure(count: number, rounds: number, policies: PolicySet): Figures {
  const world = createWorld(count);
  const reference = createReference(count);
  const ticks = Math.max(3, Math.round(4000 / count));
  let state: PolicyState = initialState(0);
  let now = 0;
  let moves = 0;
  let checksum = 0;

  function round(): { ours: number; cpu: number; theirs: number } {
    let ours = 0;
    let cpu = 0;
    let theirs = 0;
    for (let i = 0; i < ticks; i++) {
      const snapshot = world.next();
      const used = cpuMilliseconds();
      const started = performance.now();
      const tick = decide(state, snapshot, policies, { monotonic: ++now, wall: 1e9 + now });
      ours += performance.now() - started;
      cpu += cpuMilliseconds() - used;
      const begun = performance.now();
      checksum += reference.tick(snapshot, now);
      theirs += performance.now() - begun;
      state = tick.state;
      moves += tick.decisions.filter(({ action }) => action !== 'hold').length;
      world.follow(tick);
    }
    const perGuest = 1000 / (ticks * count);
    return { ours: ours * perGuest, cpu: cpu * perGuest, theirs: theirs * perGuest };
  }

  while (now < WARM_UP_TICKS || now * count < 40_000) round();
  moves = 0;
  const from = now;
  const results = Array.from({ length: rounds }, round);
  if (!Number.isFinite(checksum)) throw new Error('the reference came to no result');
  return {
    guests: count,
    decide: results.map(({ ours }) => ours),
    cpu: results.map(({ cpu }) => cpu),
    reference: results.map(({ theirs }) => theirs),
    moves: moves / (now - from) / count,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function line({ guests, decide: ours, cpu, reference, moves }: Figures): string {
  const [mid, best, ref] = [median(ours), Math.min(...ours), median(reference)];
  return [
    String(guests).padStart(6),
    mid.toFixed(2).padStart(10),
    best.toFixed(2).padStart(10),
    median(cpu).toFixed(2).padStart(10),
    ref.toFixed(2).padStart(10),
    `${(mid / ref).toFixed(1)} x`.padStart(8),
    ((mid * guests) / 1000).toFixed(2).padStart(11),
    `${(100 * moves).toFixed(1)} %`.padStart(8),
    `${Math.round(MOM_MICROSECONDS / median(cpu))} x`.padStart(7),
  ].join('  ');
}

function benchmark(): void {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '10,100,1000,5000' },
      rounds: { type: 'string', default: '15' },
      policy: { type: 'string' },
    },
  });
  if (values.policy === undefined) {
    eachInItsProcess(['standard', 'mixed-tiers']);
    reading();
    return;
  }
  const policies = requirePolicySet(loadPolicySet([policyFile(values.policy)], hostPolicyFiles));
  console.log(`policies/${values.policy}.yaml`);
  console.log(
    'µs a guest and tick   median        best         CPU   reference     ratio  ms a tick  moving      MOM',
  );
  for (const guests of values.guests.split(',').map(Number)) {
    const figures = measure(guests, Number(values.rounds), policies);
    console.log(line(figures));
    if (guests !== AIM.guests) continue;
    const taken = (median(figures.cpu) * guests) / 1000;
    const met = taken <= AIM.milliseconds ? 'meets' : 'misses';
    console.log(`        ${taken.toFixed(2)} ms a tick ${met} the aim of ${AIM.milliseconds} ms`);
  }
}

/** Reads a set of 500 guest policies, five times over. */
function reading(): void {
  const [host = '', rank = ''] = readFileSync(policyFile('mixed-tiers'), 'utf8')
    .split(/^---$/m)
    .flatMap((document, index) => (index === 0 || document.includes('name: silver') ? [document] : []));
  const policyOf = (i: number) =>
    rank.replace('name: silver', `name: policy-${i}`).replace('match: {}', `match: {name: [guest-${i}-*]}`);
  const sources = Array.from({ length: 5 }, (_, file) => ({
    file: `set-${file}.yaml`,
    content: [
      ...(file === 0 ? [host] : []),
      ...Array.from({ length: 100 }, (__, i) => policyOf(100 * file + i)),
    ].join('---\n'),
  }));
  const taken = Array.from({ length: 5 }, () => {
    const used = cpuMilliseconds();
    const { set, lint, diagnostics } = compilePolicies(sources);
    if (set?.guests.length !== 500) throw new Error(diagnostics[0]?.message ?? 'the set is not whole');
    lint(1e9);
    return (cpuMilliseconds() - used) / 1000;
  });
  const met = median(taken) <= READING_AIM_SECONDS ? 'meets' : 'misses';
  console.log(
    `reading and checking 500 policies: ${median(taken).toFixed(2)} s CPU, first ${taken[0]?.toFixed(2)} s; ${met} the aim of ${READING_AIM_SECONDS} s`,
  );
}

benchmark();
