/**
 * What deciding costs a guest and a tick, with the standard policy, against a hand-written loop in the same run.
 *
 *   npm run bench -- decide [--guests 10,100,1000,5000] [--rounds 15]
 *
 * How to read it:
 * - Every tick has new reports of every guest, whose use wanders; the host is at level soft and does not have what all of them
 *   want, and guests follow their targets. What is timed is `decide()` alone, with everything that it records.
 * - The two take turns, so that a busy machine slows both; `median` and `best` are of the rounds, each the mean of its ticks.
 *   `CPU` is the median of the processor time, which does not count what other processes took.
 * - `reference` is test/bench/decide-reference.ts: no language, no stages, no memory of moves, everything changed in place.
 *
 * No time is asserted.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { ABSENT, type GuestSample, known, type Snapshot } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import { decide, type Tick } from '../../src/policy/decide.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import type { PolicySet } from '../../src/policy/policy-set.ts';
import { initialState, type PolicyState } from '../../src/policy/state.ts';
import { createReference } from './decide-reference.ts';

const STANDARD = fileURLToPath(new URL('../../../policies/standard.yaml', import.meta.url));
const AIM = { guests: 1000, microseconds: 10 } as const;

function standardPolicies(): PolicySet {
  return requirePolicySet(loadPolicySet([STANDARD], hostPolicyFiles));
}

interface Body {
  readonly uuid: string;
  readonly max: Bytes;
  current: Bytes;
  used: Bytes;
}

/** A host of guests whose use wanders, in the same way in every run. */
interface World {
  /** New reports of all guests. */
  next(): Snapshot;
  follow(tick: Tick): void;
}

function createWorld(count: number): World {
  const random = randomOf(count);
  const bodies = Array.from({ length: count }, (_, i): Body => {
    const max = (1 + Math.floor(random() * 16)) * GiB;
    const uuid = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
    return { uuid, max, current: max, used: max * (0.1 + 0.5 * random()) };
  });
  const byUuid = new Map(bodies.map(body => [body.uuid, body]));
  const total = bodies.reduce((sum, { max }) => sum + max, 0) * 0.55;
  let sequence = 0;
  return {
    next() {
      sequence++;
      for (const body of bodies) {
        body.used *= 1 + 0.04 * (random() - 0.5);
        body.used = Math.min(body.current - 96 * MiB, Math.max(128 * MiB, body.used));
      }
      const guests = bodies.map(body => sampleOf(body, sequence));
      return { sequence, guests, host: hostOf(total) };
    },
    follow({ decisions }) {
      for (const { uuid, action, targetBytes } of decisions) {
        const body = byUuid.get(uuid);
        if (action !== 'hold' && body !== undefined && targetBytes !== undefined) body.current = targetBytes;
      }
    },
  };
}

function sampleOf({ uuid, max, current, used }: Body, sequence: number): GuestSample {
  const total = current - 64 * MiB;
  return {
    uuid,
    name: `guest-${uuid.slice(-5)}`,
    id: 1,
    balloon: { device: 'virtio', autodeflate: false },
    state: 'running',
    statsAgeSeconds: 0.2,
    epoch: 1,
    reportsInEpoch: sequence,
    uptimeSeconds: sequence,
    readings: {
      max: known(max),
      current: known(current),
      rss: known(Math.min(current, 0.8 * max)),
      total: known(total, 0.2),
      available: known(Math.max(0, total - used), 0.2),
      free: known(Math.max(0, total - used) / 2, 0.2),
      cache: known(used / 4, 0.2),
      used: known(used, 0.2),
      swapInRate: known(0, 0.2),
      swapOutRate: known(0, 0.2),
      majorFaultRate: known(3, 0.2),
      oomKills: ABSENT,
      allocStalls: ABSENT,
      psiSome: ABSENT,
      psiFull: ABSENT,
    },
  };
}

function hostOf(total: Bytes): Snapshot['host'] {
  const none = known(0);
  return {
    source: 'meminfo',
    readings: {
      total: known(total),
      available: known(0.15 * total),
      free: known(0.1 * total),
      swapUsed: none,
      swapInRate: none,
      swapOutRate: none,
      committed: known(total),
      psiSomeAvg10: none,
      psiSomeAvg60: none,
      psiSomeAvg300: none,
      psiFullAvg10: none,
      psiFullAvg60: none,
      psiFullAvg300: none,
    },
  };
}

/** Numbers in 0..1, the same for the same seed (a linear congruential generator with the constants of glibc's TYPE_0). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
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

  while (now < 60 || now * count < 40_000) round();
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
  ].join('  ');
}

function benchmark(): void {
  const { values } = parseArgs({
    options: {
      guests: { type: 'string', default: '10,100,1000,5000' },
      rounds: { type: 'string', default: '15' },
    },
  });
  const policies = standardPolicies();
  console.log(
    'µs a guest and tick   median        best         CPU   reference     ratio  ms a tick  moving',
  );
  for (const guests of values.guests.split(',').map(Number)) {
    const figures = measure(guests, Number(values.rounds), policies);
    console.log(line(figures));
    if (guests !== AIM.guests) continue;
    const met = median(figures.decide) <= AIM.microseconds;
    console.log(
      `        ${met ? 'meets' : 'misses'} the aim of ${AIM.microseconds} µs at ${AIM.guests} guests`,
    );
  }
}

benchmark();
