/** Guests of the model alone, without host and hypervisor, for tests. */
import { GiB } from '../../model/units.ts';
import { bootMemory, type GuestHarm, noHarm, stepGuest } from './guest-model.ts';
import type { GuestMemory, GuestParameters } from './reclaim.ts';
import { parametersOf } from './scenario.ts';

export const STEP = 0.1;

export interface Guest {
  readonly memory: GuestMemory;
  readonly harm: GuestHarm;
  readonly parameters: GuestParameters;
}

interface Wish {
  readonly demand: number;
  readonly target: number;
}

export function guest(overrides: Partial<GuestParameters> = {}, touched = 0): Guest {
  const maximum = overrides.maximum ?? 4 * GiB;
  const base = parametersOf({
    name: 'vm',
    maximum,
    demand: { kind: 'constant', bytes: 0 },
    swap: 1 * GiB,
    files: { size: 0, rate: 0 },
  });
  const parameters: GuestParameters = { ...base, ...overrides };
  const { kernel } = parameters;
  return { memory: bootMemory(parameters, kernel + touched * maximum), harm: noHarm(), parameters };
}

export function run({ memory, harm, parameters }: Guest, seconds: number, { demand, target }: Wish): void {
  for (let i = 0; i < Math.round(seconds / STEP); i++)
    stepGuest(memory, harm, parameters, demand, target, STEP);
}

/** Read without a break, and not mapped. */
export function files(size: number, rate: number): GuestParameters['files'] {
  return { size, rate, every: 0, mapped: 0 };
}
