/** An algorithm that looks at its guests when it did so in the lab, and whose moves take the time that they took there. */
import type { Bytes, Seconds } from '../../src/model/units.ts';
import type { Algorithm, Baseline, Look } from '../../src/simulator/baselines/baseline.ts';
import type { Round } from '../lab/mom.ts';

/** A call to libvirt for each guest, one after the other, and one before them for the figures of all. */
interface Order {
  readonly at: Seconds;
  readonly id: string;
  readonly target: Bytes;
}

/**
 * @param rounds by the script's time
 * @param offset of the script's beginning in the simulated time
 */
export function recordedRounds(base: Baseline, rounds: readonly Round[], offset: Seconds): Baseline {
  return { ...base, intervalSeconds: 0.1, start: () => timed(base.start(), rounds, offset) };
}

function timed(algorithm: Algorithm, rounds: readonly Round[], offset: Seconds): Algorithm {
  // What it saw before the simulated time began is not known.
  const due = rounds.map(([from, to]): Round => [from + offset, to + offset]).filter(([from]) => from >= 0);
  const orders: Order[] = [];
  return (look: Look) => {
    while (due[0] !== undefined && due[0][0] <= look.time) {
      const [from, to] = due[0];
      due.shift();
      const targets = [...algorithm(look)];
      const each = (to - from) / (targets.length + 1);
      for (const [i, [id, target]] of targets.entries())
        orders.push({ at: from + (i + 2) * each, id, target });
    }
    const moves = new Map<string, Bytes>();
    while (orders[0] !== undefined && orders[0].at <= look.time) {
      const { id, target } = orders[0];
      orders.shift();
      moves.set(id, target);
    }
    return moves;
  };
}
