/** One of the lab's four scripts on the simulated host: the same guests, the same host, the same times. */

import { type Speed, TCG } from '../../src/hypervisor/simulated/calibrated.ts';
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
import { type FourController, HOST, MARGIN, OWN_GROWTH, SETTLE_SECONDS } from '../lab/four-world.ts';
import { LARGE, TOUCHES } from '../lab/play.ts';
import { GUESTS, IDLE, type Script } from '../lab/scripts.ts';
import type { Given } from './given.ts';
import { readRecording } from './recording.ts';
import { PACE } from './replay.ts';
import { recordedRounds } from './rounds.ts';
import type { Outcome } from './world-recording.ts';

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

function simulationOf(script: Script, given: Given): Simulation {
  const guests = Array.from({ length: GUESTS }, (_, index) => guestOf(script, index, given));
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

function guestOf(script: Script, index: number, given: Given): GuestSpec {
  const { idle, reads, speed } = given;
  // A guest of the same size was recorded before anything was asked of it.
  const { figures, overhead, total } = readRecording('balloon');
  const cache = (figures.cache[0] ?? 0) * KiB;
  const locked = total * KiB - cache - (figures.unused[0] ?? 0) * KiB;
  return {
    name: `guest${index + 1}`,
    maximum: MEMORY,
    swap: 512 * MiB,
    swapRate: TCG.swapIn * speed,
    swapOutRate: TCG.swapOut * speed,
    machine: slowed(speed),
    locked,
    text: cache,
    hotShare: 0,
    touchRate: TOUCHES * PAGE * PACE,
    overhead: overhead * KiB,
    // Programs and their idle amounts come on top of it.
    touched: Math.max(0, idle - overhead * KiB - locked - cache - IDLE) / MEMORY,
    statsPeriod: 1,
    // Their reports come at different moments, as those of real guests.
    boot: 4 + index / GUESTS,
    files: {
      size: (script.cache?.bytes ?? 0) * (1 + BUFFER_HEADS),
      rate: reads,
      every: script.cache?.every ?? 0,
      written: {
        from: START - (script.cache?.bytes ?? 0) / FILE_WRITES,
        rate: FILE_WRITES * (1 + BUFFER_HEADS),
      },
      mapped: 0,
    },
    demand: demandOf(script, index, given),
  };
}

/** What emulated guests do, all of it by processor. Programs take memory when they did. */
function slowed(speed: Ratio): Speed {
  return {
    inflateTouched: TCG.inflateTouched * speed,
    inflateUntouched: TCG.inflateUntouched * speed,
    deflate: TCG.deflate * speed,
    touch: TCG.touch,
    fault: TCG.fault / speed,
  };
}

/**
 * Straight lines between the steps of the script, from when to when programs took what they did in the lab; where that is not known, no
 * faster than they did; where this is not known, no faster than in the model.
 */
function demandOf({ steps }: Script, index: number, given: Given): DemandSpec {
  const { pace = Number.POSITIVE_INFINITY } = given;
  const takings = given.takings.filter(([guest]) => guest === index);
  const times: Seconds[] = [0];
  const bytes: Bytes[] = [0];
  let held: Bytes = 0;
  for (const step of steps) {
    if (!step.guests.includes(index)) continue;
    const more = step.held - held;
    const rate = Math.min(step.rate ?? Number.POSITIVE_INFINITY, pace);
    const [, from, to] = (more >= LARGE && takings.shift()) || [index, step.at, step.at + more / rate];
    times.push(START + from, START + Math.max(from + 0.01, to));
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

/** @param real a play in the lab; what there went by the clock goes by it here */
function controllerOf(controller: FourController, { rounds }: Outcome): ControllerFactory {
  if (controller === 'ballonet') return policyOf();
  // Looked at as often as the others.
  if (controller === 'nobody') return bench => ({ ...staticController(bench), intervalSeconds: 0.5 });
  const mom = owing(momEvery(1, 1), readRecording('balloon').overhead * KiB);
  return baselineController(rounds ? recordedRounds(mom, rounds, SETTLE_SECONDS) : mom);
}

/**
 * One script under one controller in the simulated world.
 *
 * @param real a play of it in the lab
 */
export async function simulated(
  script: Script,
  controller: FourController,
  given: Given,
  real: Outcome,
): Promise<Outcome> {
  const { tally, recording } = await runSimulation(
    simulationOf(script, given),
    controllerOf(controller, real),
    { record: true },
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
