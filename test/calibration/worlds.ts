/** The lab's four scripts on the simulated host: the same guests, the same host, the same times. */

import { TCG } from '../../src/hypervisor/simulated/calibrated.ts';
import type { DemandSpec } from '../../src/hypervisor/simulated/demand.ts';
import { PAGE } from '../../src/hypervisor/simulated/pages.ts';
import type { GuestSpec } from '../../src/hypervisor/simulated/scenario.ts';
import { type Bytes, KiB, MiB, type Ratio, type Seconds } from '../../src/model/units.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import {
  type Baseline,
  baselineController,
  type Look,
  type Targets,
} from '../../src/simulator/baselines/baseline.ts';
import { momEvery } from '../../src/simulator/baselines/mom.ts';
import { type ControllerFactory, staticController } from '../../src/simulator/controller.ts';
import { policyController } from '../../src/simulator/policy-controller.ts';
import { runSimulation } from '../../src/simulator/run.ts';
import type { Simulation } from '../../src/simulator/scenario/generate.ts';
import { fourPolicy, INTERVAL } from '../lab/four-policy.ts';
import {
  FOUR_CONTROLLERS,
  type FourController,
  HOST,
  MARGIN,
  OWN_GROWTH,
  SETTLE_SECONDS,
} from '../lab/four-world.ts';
import { TOUCHES } from '../lab/play.ts';
import { GUESTS, IDLE, type Script } from '../lab/scripts.ts';
import { readRecording } from './recording.ts';
import type { Outcome, Worlds } from './world-recording.ts';

const MEMORY = 512 * MiB;
/** Guests have booted by the first tick, and files are read at multiples of 20 s of the scenario's time. */
const WARM_UP: Seconds = 25;
const START: Seconds = WARM_UP + SETTLE_SECONDS;

/** How fast each of six programs of the lab writes a file that is to be cached: 200 MiB in 9 to 12.9 s (measured). */
const FILE_WRITES = (200 * MiB) / 12.9;
/**
 * Kernel memory for what was written, of its size: a struct buffer_head of 104 bytes for each block (fs/buffer.c), and a file system of
 * that size has blocks of 1 KiB (mke2fs.conf); 20.9 MiB for 200 in the lab. It goes with the pages.
 */
const BUFFER_HEADS: Ratio = 104 / 1024;

/** What the two worlds have in common, from the lab's recording. */
interface Common {
  /** Of each QEMU while its programs are idle. */
  readonly idle: Bytes;
  /** Bytes a second at which programs take memory that there is, with six guests on the machine; undefined where it was not recorded. */
  readonly pace: number | undefined;
}

function simulationOf(script: Script, common: Common): Simulation {
  const guests = Array.from({ length: GUESTS }, (_, index) => guestOf(script, index, common));
  return {
    scenario: {
      name: script.name,
      description: `The lab's script of that name.`,
      warmUp: WARM_UP,
      host: { memory: HOST, overhead: 0, cache: 0 },
      guests,
    },
    seed: 1,
    seconds: SETTLE_SECONDS + script.seconds,
    settleSeconds: SETTLE_SECONDS,
    intervalSeconds: INTERVAL,
    minimumBytes: new Map(guests.map(({ name }) => [name, 0.2 * MEMORY])),
  };
}

function guestOf(script: Script, index: number, { idle, pace }: Common): GuestSpec {
  // A guest of the same size was recorded before anything was asked of it.
  const { figures, overhead, total } = readRecording('balloon');
  const cache = (figures.cache[0] ?? 0) * KiB;
  const locked = total * KiB - cache - (figures.unused[0] ?? 0) * KiB;
  return {
    name: `guest${index + 1}`,
    maximum: MEMORY,
    swap: 512 * MiB,
    swapRate: TCG.swapIn,
    swapOutRate: TCG.swapOut,
    machine: 'tcg',
    locked,
    text: cache,
    hotShare: 0,
    touchRate: TOUCHES * PAGE,
    overhead: overhead * KiB,
    // Programs and their idle amounts come on top of it.
    touched: Math.max(0, idle - overhead * KiB - locked - cache - IDLE) / MEMORY,
    statsPeriod: 1,
    // Their reports come at different moments, as those of real guests.
    boot: 4 + index / GUESTS,
    files: {
      size: (script.cache?.bytes ?? 0) * (1 + BUFFER_HEADS),
      rate: TCG.files,
      every: script.cache?.every ?? 0,
      written: {
        from: START - (script.cache?.bytes ?? 0) / FILE_WRITES,
        rate: FILE_WRITES * (1 + BUFFER_HEADS),
      },
      mapped: 0,
    },
    demand: demandOf(script, index, pace),
  };
}

/** Straight lines between the steps of the script, no faster than programs were in the lab; where that is not known, than in the model. */
function demandOf({ steps }: Script, index: number, pace = Number.POSITIVE_INFINITY): DemandSpec {
  const times: Seconds[] = [0];
  const bytes: Bytes[] = [0];
  let held: Bytes = 0;
  for (const step of steps) {
    if (!step.guests.includes(index)) continue;
    const at = START + step.at;
    const more = step.held - held;
    const rate = Math.min(step.rate ?? Number.POSITIVE_INFINITY, pace);
    times.push(at, at + Math.max(0.01, more / rate));
    bytes.push(held, step.held);
    held = step.held;
  }
  return { kind: 'trace', times, bytes };
}

function policyOf(): ControllerFactory {
  // As in the lab: a pool of fixed size, of which what QEMU itself holds is set aside.
  const own = GUESTS * readRecording('balloon').overhead * KiB;
  const text = fourPolicy(`${HOST / MiB}MiB`, MARGIN + own * OWN_GROWTH);
  const files = { kind: () => 'file' as const, list: () => [], read: () => new TextEncoder().encode(text) };
  const set = requirePolicySet(loadPolicySet(['lab.yaml'], files));
  return (bench, listen) => policyController(bench, set, listen);
}

/** As in the lab, where the guests may really have more than the host: what is free can be less than nothing. */
function owing(base: Baseline, overhead: Bytes): Baseline {
  const start = () => {
    const algorithm = base.start();
    return (look: Look): Targets => {
      const taken = look.guests.reduce((total, { resident }) => total + resident + overhead, 0);
      return algorithm({ ...look, host: { ...look.host, available: HOST - taken } });
    };
  };
  return { ...base, start };
}

const CONTROLLERS: Readonly<Record<FourController, () => ControllerFactory>> = {
  ballonet: policyOf,
  mom: () => baselineController(owing(momEvery(1, 1), readRecording('balloon').overhead * KiB)),
  // Looked at as often as the others.
  nobody: () => bench => ({ ...staticController(bench), intervalSeconds: 0.5 }),
};

function commonOf(script: Script, lab: Worlds): Common {
  // With nobody at the balloons programs wait for no memory; files are read in some scripts only.
  const idle = Math.min(...Object.values(lab).map(({ nobody }) => nobody?.resident[1] ?? Number.NaN));
  const pace = lab[script.name]?.nobody?.pace;
  return { idle: (idle * MiB) / GUESTS, pace: pace === undefined ? undefined : pace * MiB };
}

/** One script under one controller in the simulated world. */
async function simulated(script: Script, controller: FourController, lab: Worlds): Promise<Outcome> {
  const { tally, recording } = await runSimulation(
    simulationOf(script, commonOf(script, lab)),
    CONTROLLERS[controller](),
    {
      record: true,
    },
  );
  const resident = Array.from({ length: script.seconds }, (_, second) => {
    const at = recording?.times.findLastIndex(time => time <= SETTLE_SECONDS + second) ?? -1;
    const sum = recording?.guests.reduce((total, guest) => total + (guest.resident[at] ?? Number.NaN), 0);
    return Math.round((sum ?? Number.NaN) / MiB);
  });
  return {
    resident,
    exceededSeconds: resident.filter(mebibytes => mebibytes * MiB + MARGIN > HOST).length,
    swappedOut: Math.round(tally.swappedOutBytes / MiB),
    stalledSeconds: Math.round(tally.stallSeconds * 10) / 10,
    oomKills: tally.oomKills,
  };
}

export interface Comparison {
  readonly script: string;
  readonly rows: readonly {
    readonly controller: FourController;
    readonly lab: Outcome;
    readonly model: Outcome;
    /** GiB-seconds. */
    readonly reclaimed: InBoth<number>;
    /** Between the least and the most of the lab's plays, GiB-seconds; 0 where there is only one. */
    readonly spread: number;
    /** Difference of the two, as a share of the lab's. */
    readonly apart: Ratio;
  }[];
  /** Controllers by what they reclaim, most first; those together whose difference is within the lab's spread. */
  readonly ranking: InBoth<readonly (readonly FourController[])[]>;
}

interface InBoth<T> {
  readonly lab: T;
  readonly model: T;
}

/** Every script that has been recorded under all controllers, in both worlds. */
export async function compareWorlds(all: readonly Script[], lab: Worlds): Promise<Comparison[]> {
  const result: Comparison[] = [];
  for (const script of all) {
    const recorded = lab[script.name] ?? {};
    const outcomes = new Map<FourController, InBoth<Outcome>>();
    for (const controller of FOUR_CONTROLLERS) {
      const real = recorded[controller];
      if (real) outcomes.set(controller, { lab: real, model: await simulated(script, controller, lab) });
    }
    const nobody = outcomes.get('nobody');
    if (nobody === undefined || outcomes.size < FOUR_CONTROLLERS.length) continue;
    const rows = [...outcomes].map(([controller, both]) => {
      const plays = [both.lab.resident, ...(both.lab.again ?? [])].map(
        resident => (sum(nobody.lab.resident) - sum(resident)) / 1024,
      );
      const reclaimed = {
        lab: sum(plays) / plays.length,
        model: (sum(nobody.model.resident) - sum(both.model.resident)) / 1024,
      };
      return {
        controller,
        ...both,
        reclaimed,
        spread: Math.max(...plays) - Math.min(...plays),
        apart: Math.abs(reclaimed.model - reclaimed.lab) / reclaimed.lab,
      };
    });
    const ranked = (world: 'lab' | 'model') => {
      const groups: (typeof rows)[] = [];
      for (const row of rows.toSorted((a, b) => b.reclaimed[world] - a.reclaimed[world])) {
        const before = groups.at(-1)?.at(-1);
        const apart = (before?.reclaimed[world] ?? Number.POSITIVE_INFINITY) - row.reclaimed[world];
        if (before && apart <= Math.max(before.spread, row.spread)) groups.at(-1)?.push(row);
        else groups.push([row]);
      }
      return groups.map(group => group.map(({ controller }) => controller).toSorted());
    };
    result.push({ script: script.name, rows, ranking: { lab: ranked('lab'), model: ranked('model') } });
  }
  return result;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
