/** A scenario as the model takes it: every guest with its own figures, drawn by the seed. */
import type { DemandSpec } from '../../hypervisor/simulated/demand.ts';
import type { Planned } from '../../hypervisor/simulated/faults.ts';
import { deriveSeed } from '../../hypervisor/simulated/random.ts';
import type { GuestSpec, Scenario } from '../../hypervisor/simulated/scenario.ts';
import { type Bytes, GiB, type Seconds } from '../../model/units.ts';
import { type Amount, resolveAmount } from '../../policy/policy-set.ts';
import type { Draw } from './amounts.ts';
import type { DemandNode, TraceNode } from './demand-schema.ts';
import { drawn, type Rank } from './draw.ts';
import { hostMishapOf, mishapOf } from './event-schema.ts';
import type { GuestClass, ScenarioSpec } from './schema.ts';

/** Everything that a run needs but the controller. */
export interface Simulation {
  readonly scenario: Scenario;
  readonly seed: number;
  /** From the first tick on. */
  readonly seconds: Seconds;
  /** Of that, the time at the start that is not scored. */
  readonly settleSeconds: Seconds;
  /** The shortest time between two ticks of a controller. */
  readonly intervalSeconds: Seconds;
  /** Least size that an operator would set, by guest name. */
  readonly minimumBytes: ReadonlyMap<string, Bytes>;
}

/** One series of a trace, for a guest of this maximum. */
export type TraceSeries = (
  trace: TraceNode,
  index: number,
  maximum: Bytes,
) => Pick<DemandSpec & { kind: 'trace' }, 'times' | 'bytes'>;

export interface Generation {
  readonly name: string;
  readonly description: string;
  readonly spec: ScenarioSpec;
  /** Instead of the scenario's own. */
  readonly seed?: number | undefined;
  readonly traces: TraceSeries;
}

export function generate({ name, description, spec, seed = spec.seed, traces }: Generation): Simulation {
  const { memory, overhead, cache, swap, swapRate, load, events } = spec.host;
  const end = spec.warmUp + spec.duration;
  const people = spec.guests.flatMap(group => guestsOf(group, seed, end, traces));
  const only: Rank = { seed, index: 0, count: 1 };
  return {
    scenario: {
      name,
      description,
      warmUp: spec.warmUp,
      step: spec.step,
      host: {
        memory,
        overhead,
        cache,
        swap,
        swapRate,
        mishaps: events.flatMap(event => planned(event, hostMishapOf(event), end)),
        ...(load && { load: demandOf(load, { seed, rank: only, maximum: memory, traces }, 'load') }),
      },
      guests: people.map(({ guest }) => guest),
    },
    seed,
    seconds: spec.duration,
    settleSeconds: spec.settle,
    intervalSeconds: spec.interval,
    minimumBytes: new Map(people.map(({ guest, minimum }) => [guest.name, minimum])),
  };
}

interface Person {
  readonly guest: GuestSpec;
  readonly minimum: Bytes;
}

function guestsOf(group: GuestClass, seed: number, end: Seconds, traces: TraceSeries): Person[] {
  return Array.from({ length: group.count }, (_, index) => {
    const rank: Rank = { seed: deriveSeed(seed, group.name), index, count: group.count };
    const maximum = drawn(group.memory, bytes => bytes, rank, 'memory');
    const amount = (value: Draw<Amount>, label: string) =>
      drawn(value, ends => resolveAmount(ends, maximum), rank, label);
    const demand = demandOf(group.demand, { seed, rank, maximum, traces }, 'demand');
    const guest: GuestSpec = {
      name: group.count === 1 ? group.name : `${group.name}-${index + 1}`,
      ...(group.title === undefined ? {} : { title: group.title }),
      ...(group.tags === undefined ? {} : { tags: group.tags }),
      vcpus: group.vcpus,
      maximum,
      ...(group.current && { current: amount(group.current, 'current') }),
      demand:
        group.stagger > 0 && index > 0 ? { kind: 'delayed', by: group.stagger * index, demand } : demand,
      files: { ...group.files, size: amount(group.files.size, 'files') },
      swap: 'ratio' in group.swap ? Math.min(2 * GiB, group.swap.ratio * maximum) : group.swap.bytes,
      swapRate: group.swapRate,
      ...(group.swapOutRate !== undefined && { swapOutRate: group.swapOutRate }),
      ...(group.touching !== undefined && { touchRate: group.touching }),
      locked: group.locked,
      text: group.text,
      machine: group.machine,
      overhead: group.process,
      hotShare: group.hot,
      touched: group.touched,
      boot: group.boot,
      statsPeriod: group.statsPeriod,
      balloon: group.balloon,
      running: group.running,
      autodeflate: group.autodeflate,
      freePageReporting: group.freePageReporting,
      obstacles: group.obstacles,
      mishaps: group.events
        .filter(({ guest: which = index + 1 }) => which === index + 1)
        .flatMap(event => planned(event, mishapOf(event), end)),
    };
    return { guest, minimum: resolveAmount(group.minimum, maximum) };
  });
}

interface Moments {
  readonly at: Seconds;
  readonly for?: Seconds | undefined;
  readonly every?: Seconds | undefined;
}

/** An event at all its times until the end of the scenario. */
function planned<M>({ at, for: duration, every }: Moments, mishap: M, end: Seconds): Planned<M>[] {
  const one = (moment: Seconds): Planned<M> => ({
    at: moment,
    ...(duration === undefined ? {} : { for: duration }),
    mishap,
  });
  if (every === undefined) return [one(at)];
  return Array.from({ length: Math.max(0, Math.floor((end - at) / every) + 1) }, (_, i) =>
    one(at + i * every),
  );
}

interface Context {
  /** Of the whole scenario. */
  readonly seed: number;
  readonly rank: Rank;
  readonly maximum: Bytes;
  readonly traces: TraceSeries;
}

/** @param label tells the draws of one part of a demand from those of another */
function demandOf(node: DemandNode, context: Context, label: string): DemandSpec {
  const { rank, maximum, traces } = context;
  const bytes = (value: Draw<Amount>, name: string): Bytes =>
    drawn(value, amount => resolveAmount(amount, maximum), rank, `${label}.${name}`);
  const seconds = (value: Draw<Seconds>, name: string): Seconds =>
    drawn(value, duration => duration, rank, `${label}.${name}`);
  const inner = (part: DemandNode, name: string) => demandOf(part, context, `${label}.${name}`);
  if (node.constant) return { kind: 'constant', bytes: bytes(node.constant, 'constant') };
  if (node.steps) {
    const { levels, jitter, offset } = node.steps;
    return {
      kind: 'steps',
      levels: levels.map((level, i) => ({
        bytes: bytes(level.bytes, `${i}.bytes`),
        seconds: seconds(level.for, `${i}.for`),
      })),
      jitter,
      offset: seconds(offset, 'offset'),
    };
  }
  if (node.ramps) {
    const { low, high, offset, ...times } = node.ramps;
    return {
      kind: 'ramps',
      ...times,
      low: bytes(low, 'low'),
      high: bytes(high, 'high'),
      offset: seconds(offset, 'offset'),
    };
  }
  if (node.diurnal) {
    const { low, high, period, phase } = node.diurnal;
    const bottom = bytes(low, 'low');
    const turn = drawn(phase, part => ('ratio' in part ? part.ratio : 0), rank, `${label}.phase`);
    return { kind: 'diurnal', low: bottom, high: Math.max(bottom, bytes(high, 'high')), period, phase: turn };
  }
  if (node.bursts) {
    const { base, peak, length, ...rest } = node.bursts;
    return {
      kind: 'bursts',
      ...rest,
      base: bytes(base, 'base'),
      peak: [bytes(peak.from, 'from'), bytes(peak.to, 'to')],
      length: [length.from, length.to],
    };
  }
  if (node.plateau) return { ...node.plateau, kind: 'plateau', level: bytes(node.plateau.level, 'level') };
  if (node.leak) {
    const [low, high] = [bytes(node.leak.base, 'base'), bytes(node.leak.limit, 'limit')];
    const rise = Math.max(1, (high - low) / node.leak.rate);
    return { kind: 'ramps', low, high, rest: 0, rise, hold: 0, fall: 1 };
  }
  if (node.trace) {
    return { kind: 'trace', ...traces(node.trace, rank.index, maximum), repeat: node.trace.repeat };
  }
  if (node.correlated) {
    const { with: stream, demand } = node.correlated;
    return {
      kind: 'seeded',
      seed: deriveSeed(context.seed, `correlated ${stream}`),
      demand: inner(demand, 'correlated'),
    };
  }
  if (node.delayed) {
    const { by, demand } = node.delayed;
    return { kind: 'delayed', by: seconds(by, 'by'), demand: inner(demand, 'delayed') };
  }
  return { kind: 'sum', parts: (node.sum ?? []).map((part, i) => inner(part, String(i))) };
}
