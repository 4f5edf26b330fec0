/** What programs touch of what is swapped, and what it costs them. */
import type { Bytes, Seconds } from '../../model/units.ts';
import { takeFree } from './free-pages.ts';
import { PAGE, wholePages } from './pages.ts';
import {
  fitParts,
  type GuestMemory,
  type GuestParameters,
  hotSwapped,
  reclaimableCache,
  type SwapBudget,
  take,
} from './reclaim.ts';
import { current, type Turns, touched } from './turns.ts';

/** A cold page is touched about this often. */
const COLD_TOUCH: Seconds = 600;

/** Brings back swapped pages that are touched. Returns the time the programs lost waiting for those that they cannot do without. */
export function touchSwapped(
  memory: GuestMemory,
  parameters: GuestParameters,
  budget: SwapBudget,
  dt: Seconds,
): Seconds {
  if (memory.turns) return touchInTurn(memory, memory.turns, parameters, budget, dt);
  if (memory.swapped === 0) return 0;
  const { swapInRate, swapOutRate } = parameters;
  const before = budget.left;
  const hot = hotSwapped(memory, parameters);
  const { min, high } = parameters.watermarks;
  const room = Math.max(0, memory.free - min) + reclaimableCache(memory, parameters);
  const brought = Math.min(hot, room, wholePages(budget.left * swapInRate));
  swapIn(memory, parameters, budget, take(memory, parameters, budget, brought, 'direct'));
  // Without room every page that comes in drives another one out: thrashing moves data and changes no amount.
  const both = 1 / (1 / swapInRate + 1 / swapOutRate);
  const churned = Math.min(hot - brought, memory.anonymous, wholePages(budget.left * both));
  memory.swapIn += churned;
  memory.swapOut += churned;
  if (churned > 0) memory.swapCached += wholePages(churned * (1 - memory.swapCached / memory.anonymous));
  fitParts(memory);
  countSwapFaults(memory, parameters, churned);
  budget.left -= churned / both;
  const lost = before - budget.left;

  const cold = memory.swapped - hotSwapped(memory, parameters);
  const touched = Math.max(PAGE, wholePages((cold * dt) / COLD_TOUCH));
  const bearable = wholePages(budget.left * swapInRate);
  const returning = Math.min(touched, cold, wholePages(memory.free - high), bearable);
  takeFree(memory, returning, parameters.apart);
  swapIn(memory, parameters, budget, returning);
  return lost;
}

/** Lets programs go on through what they hold; what is swapped of it they wait for. Returns the time that they lost. */
function touchInTurn(
  memory: GuestMemory,
  turns: Turns,
  parameters: GuestParameters,
  budget: SwapBudget,
  dt: Seconds,
): Seconds {
  const { touchRate = 0, swapInRate, figures, speed } = parameters;
  if (touchRate === 0 || turns.span === 0) return 0;
  const faulting = (figures.swapFaults * speed.fault * 1e-6) / PAGE;
  const before = budget.left;
  let time = Math.min(dt, before);
  // Not more than once around.
  for (let way = turns.span; way > 0 && time > 0; ) {
    if (turns.at >= turns.span) turns.at = 0;
    const { piece, left } = current(turns);
    // What is swapped of a piece lies ahead.
    const missing = Math.min(1, piece.swapped / left);
    const unmapped = Math.min(1, (piece.swapped + piece.written) / left);
    const each = 1 / touchRate + missing / swapInRate + unmapped * faulting;
    const reach = Math.max(1, Math.floor(time / each));
    const passed = Math.min(left, way, reach);
    const able = budget.left;
    const wanted = Math.min(wholePages(piece.swapped * (passed / left)), wholePages(able * swapInRate));
    const got = take(memory, parameters, budget, wanted, 'direct');
    piece.swapped -= got;
    swapIn(memory, parameters, budget, got);
    const mapped = wholePages(piece.written * (passed / left));
    piece.written -= mapped;
    memory.written -= mapped;
    memory.swapCached += mapped;
    piece.cached += got + mapped;
    memory.minorFaults += (mapped / PAGE) * figures.swapFaults;
    touched(turns, piece);
    turns.at += passed;
    way -= passed;
    time -= passed * (1 / touchRate + unmapped * faulting) + (able - budget.left);
    if (got < wanted) break;
  }
  fitParts(memory);
  return before - budget.left;
}

function swapIn(memory: GuestMemory, parameters: GuestParameters, budget: SwapBudget, bytes: Bytes): void {
  memory.anonymous += bytes;
  memory.swapped -= bytes;
  memory.swapCached += bytes;
  memory.swapIn += bytes;
  countSwapFaults(memory, parameters, bytes);
  budget.left -= bytes / parameters.swapInRate;
}

function countSwapFaults(memory: GuestMemory, { figures }: GuestParameters, bytes: Bytes): void {
  memory.majorFaults += bytes / (PAGE * figures.swapCluster);
  memory.minorFaults += (bytes / PAGE) * figures.swapFaults;
}
