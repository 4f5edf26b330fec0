import type { Decision } from '../model/decision.ts';
import { absoluteReserve, kernelShare, needFloor, SHARED_STEP } from '../model/floor.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, KiB } from '../model/units.ts';

export type Verdict =
  | { readonly kind: 'pass'; readonly targetBytes: Bytes }
  /** The move goes ahead with another target. */
  | { readonly kind: 'clamped'; readonly targetBytes: Bytes; readonly code: 'GUARD_FLOOR' | 'GUARD_CEILING' }
  | { readonly kind: 'refused'; readonly problem: string };

/**
 * The last check before a balloon moves, out of reach of policies and of the code that reads them: it takes the decision and
 * the sample, and works every limit out once more.
 *
 * A target is a positive amount of at most the guest's maximum (H6, H41; R6). A shrink needs figures that are trusted now, never goes
 * under the guarantee nor under what the guest uses plus an absolute reserve (a shared shortage takes a little of that at once), and
 * never turns into a growth by being clamped.
 */
export function guard(decision: Decision, sample: GuestSample | undefined): Verdict {
  const { action, targetBytes } = decision;
  if (action === 'hold' || targetBytes === undefined) return refused('there is no move to make');
  if (sample === undefined || sample.uuid !== decision.uuid)
    return refused('there is no sample of this guest');
  if (sample.state !== 'running') return refused('the guest is not running');
  const max = trusted(sample.readings.max);
  // H9: while a guest boots QEMU may still give the size of before. Giving it more needs no better figure, taking does.
  const current = action === 'grow' ? sample.readings.current.value : trusted(sample.readings.current);
  if (max === undefined || current === undefined) return refused('the size of the guest is not known');
  if (!Number.isFinite(targetBytes) || targetBytes < KiB)
    return refused('the target is not a positive amount');
  return action === 'grow'
    ? guardGrowth(targetBytes, current, max)
    : guardShrink(decision, targetBytes, sample, current);
}

function guardGrowth(target: Bytes, current: Bytes, max: Bytes): Verdict {
  if (target < current) return refused('a growth must not make the guest smaller');
  return target > max
    ? { kind: 'clamped', targetBytes: max, code: 'GUARD_CEILING' }
    : { kind: 'pass', targetBytes: target };
}

function guardShrink(decision: Decision, target: Bytes, sample: GuestSample, current: Bytes): Verdict {
  const kernelBytes = kernelShare(sample);
  const need = kernelBytes === undefined ? undefined : needFloor(sample, kernelBytes);
  if (need === undefined) return refused('the use of the guest is not known');
  if (decision.guarantees === undefined) return refused('the guarantee of the guest is not known');
  const floor = Math.max(decision.guarantees.minBytes, lowest(decision, sample, current, need));
  if (target >= current) return refused('a shrink must make the guest smaller');
  if (target >= floor) return { kind: 'pass', targetBytes: target };
  if (floor >= current) return refused('the guest has nothing above its floor');
  return { kind: 'clamped', targetBytes: floor, code: 'GUARD_FLOOR' };
}

/**
 * What is in use is taken only where the host policy shares a shortage, or the guest policy takes what is seldom touched, and then
 * little of it.
 */
function lowest({ reason }: Decision, { readings }: GuestSample, current: Bytes, need: Bytes): Bytes {
  const step = SHARED_STEP * (trusted(readings.max) ?? 0);
  if (reason === 'COLD_TAKEN') return need - absoluteReserve(trusted(readings.max) ?? 0) - step;
  return reason === 'SHORTAGE_SHARED' ? Math.min(need, current - step) : need;
}

function refused(problem: string): Verdict {
  return { kind: 'refused', problem };
}
