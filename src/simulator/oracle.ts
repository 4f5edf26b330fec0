/**
 * The physical limit: a controller that knows every demand in advance, and moves balloons with the speed that they have. It
 * leaves each guest what its programs are about to want and what its kernel defends, and no page cache beyond what is mapped.
 */
import type { SimulatedGuest } from '../hypervisor/simulated/guest.ts';
import { type Bytes, MiB, type Seconds } from '../model/units.ts';
import { type Bench, createBench } from './bench.ts';
import type { Controller } from './controller.ts';
import type { Simulation } from './scenario/generate.ts';

/** It looks this often; more often would change nothing that its foresight has not covered. */
const INTERVAL: Seconds = 1;
/** How much further than to its next tick it looks: programs touch memory more slowly than a balloon gives it back. */
const AHEAD: Seconds = 1;
/** A surplus smaller than this is not worth a move. */
const DEAD_BAND: Bytes = 8 * MiB;
/** Of each guest, when the host is full: one that must swap to shrink does so more slowly than another grows. */
const SLACK: Bytes = 8 * MiB;
/** Looks into the future, one tick's worth. */
const LOOKS = 4;

interface Need {
  readonly guest: SimulatedGuest;
  readonly bytes: Bytes;
  /** What of it could lie on the swap device for a while. */
  readonly cold: Bytes;
}

/** What guests with a balloon are about to need, and what there is for them. */
interface Outlook {
  readonly needs: readonly Need[];
  readonly pool: Bytes;
}

export function oracleController(bench: Bench): Controller {
  const { host } = bench;
  const intervalSeconds = intervalOf(bench);
  let moves = 0;

  return {
    name: 'oracle',
    intervalSeconds,
    async tick() {
      if (!host.reachable) return;
      const { needs, pool } = lookAhead(bench);
      for (const [i, target] of fitted(needs, pool).entries()) {
        const guest = needs[i]?.guest;
        if (guest === undefined || guest.hung || !worthAMove(guest.balloon.target, target)) continue;
        guest.balloon.setTarget(target);
        moves++;
      }
    },
    moves: () => moves,
    close: () => {},
  };
}

function intervalOf({ simulation }: Bench): Seconds {
  return Math.max(INTERVAL, simulation.intervalSeconds);
}

function lookAhead(bench: Bench): Outlook {
  const { host, guests } = bench;
  const ahead = intervalOf(bench) + AHEAD;
  const needs = guests.flatMap(guest =>
    guest.active && guest.hasBalloon ? [needOf(guest, host.time, ahead)] : [],
  );
  const others = guests.filter(guest => !guest.hasBalloon).reduce((sum, { rss }) => sum + rss, 0);
  const overheads = needs.reduce((sum, { guest }) => sum + guest.overhead, 0);
  return { needs, pool: host.capacity() - others - overheads };
}

function needOf(guest: SimulatedGuest, time: Seconds, ahead: Seconds): Need {
  const { parameters } = guest;
  let wanted = 0;
  for (let look = 0; look <= LOOKS; look++) {
    wanted = Math.max(wanted, guest.demandAt(time + (look * ahead) / LOOKS));
  }
  const { kernel, locked, text, maximum, watermarks, hotShare, swap } = parameters;
  const bytes = Math.min(maximum, wanted + kernel + locked + watermarks.high + text);
  return { guest, bytes, cold: Math.min(swap, (1 - hotShare) * wanted) };
}

/**
 * The smallest host on which the needs fit at every moment that is scored: no controller that takes nothing that is in use can do
 * with less, whatever it knows in advance. One that swaps out what is seldom touched can.
 */
export function hostForAllInUse(simulation: Simulation): Bytes {
  const bench = createBench(simulation);
  const { seconds, settleSeconds } = simulation;
  let short = Number.NEGATIVE_INFINITY;
  for (let time = settleSeconds; time < seconds; time += intervalOf(bench)) {
    bench.advanceTo(time);
    const { needs, pool } = lookAhead(bench);
    short = Math.max(short, needs.reduce((sum, { bytes }) => sum + bytes, 0) - pool);
  }
  return simulation.scenario.host.memory + short;
}

function worthAMove(before: Bytes, after: Bytes): boolean {
  return after > before || before - after > DEAD_BAND;
}

/** The needs; where they do not fit, cold memory is swapped first, and then all go short alike. */
function fitted(needs: readonly Need[], pool: Bytes): Bytes[] {
  const room = pool - needs.length * SLACK;
  const excess = needs.reduce((sum, { bytes }) => sum + bytes, 0) - room;
  if (excess <= 0) return needs.map(({ bytes }) => bytes);
  const cold = needs.reduce((sum, need) => sum + need.cold, 0);
  const swapped = Math.min(1, cold > 0 ? excess / cold : 1);
  const left = needs.map(need => need.bytes - swapped * need.cold);
  const sum = left.reduce((total, bytes) => total + bytes, 0);
  return left.map(bytes => Math.max(MiB, bytes * Math.min(1, room / sum)));
}
