/**
 * What a tick of `decide()` allocates: what of it the tick itself returns (the state and the decisions, which live until the next
 * tick), and what is garbage as soon as it returns.
 *
 *   npm run bench -- decide-garbage [--guests 1000] [--policy mixed-tiers]
 *
 * The heap is measured before a tick, after it, and after a full collection that follows; run.mjs gives this benchmark a young
 * generation that no tick fills. No figure is asserted.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { decide, type Tick } from '../../src/policy/decide.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import { initialState, type PolicyState } from '../../src/policy/state.ts';
import { createWorld } from './decide-world.ts';
import { eachInItsProcess } from './processes.ts';

const AIM_BYTES = 1e6;
const WARM_UP_TICKS = 150;
const TICKS = 15;

function heapUsed(): number {
  return process.memoryUsage().heapUsed;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function measure(name: string, count: number, collect: () => void): void {
  const file = fileURLToPath(new URL(`../../../policies/${name}.yaml`, import.meta.url));
  const policies = requirePolicySet(loadPolicySet([file], hostPolicyFiles));
  const world = createWorld(count);
  let state: PolicyState = initialState(0);
  let now = 0;
  const tick = (snapshot: ReturnType<typeof world.next>): Tick =>
    decide(state, snapshot, policies, { monotonic: ++now, wall: 1e9 + now });
  for (let i = 0; i < WARM_UP_TICKS; i++) {
    const decided = tick(world.next());
    state = decided.state;
    world.follow(decided);
  }
  const allocated: number[] = [];
  const garbage: number[] = [];
  // What an earlier tick leaves must not be collected within this one.
  const kept: unknown[] = [];
  for (let i = 0; i < TICKS; i++) {
    const snapshot = world.next();
    collect();
    const before = heapUsed();
    const decided = tick(snapshot);
    const after = heapUsed();
    collect();
    allocated.push(after - before);
    garbage.push(after - heapUsed());
    kept.push(snapshot, state, decided);
    state = decided.state;
    world.follow(decided);
  }
  if (kept.length === 0) throw new Error('nothing was kept');
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  const met = median(garbage) <= AIM_BYTES ? 'meets' : 'misses';
  console.log(
    `${name}, ${count} guests: ${mb(median(allocated))} allocated a tick, of which ${mb(median(garbage))} garbage: ${met} the aim of ${mb(AIM_BYTES)}`,
  );
}

const { values } = parseArgs({
  options: { guests: { type: 'string', default: '1000' }, policy: { type: 'string' } },
});
const collector = globalThis.gc;
if (collector === undefined) throw new Error('node needs --expose-gc for this');
if (values.policy === undefined) eachInItsProcess(['standard', 'mixed-tiers']);
else measure(values.policy, Number(values.guests), () => collector());
