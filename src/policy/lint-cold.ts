/** Policies that take what is seldom touched, and stop it themselves. */
import { type Bytes, GiB, type Seconds } from '../model/units.ts';
import { PROBE_STEP } from './cold.ts';
import type { CompiledGuest } from './compile-guest.ts';
import type { Expression } from './expression/expression.ts';
import { warn } from './lint-place.ts';
import { standIn, standingScope } from './lint-standing.ts';
import type { GuestPolicy } from './policy-set.ts';
import type { Diagnostic } from './source/diagnostics.ts';
import { type Path, valuePlace } from './source/locate.ts';

/** What the guest uses that is tried, and what it has beside while nobody squeezes it. */
const [USED, ROOM] = [2 * GiB, 2 * GiB];
/** A squeeze takes one step a report, and guests report every second. */
const REPORT: Seconds = 1;

/**
 * Vetoes, and a relief, that do not hold of a guest in peace and do as soon as `cold` squeezes it: each squeeze then ends with its
 * first step, and the guest gets everything back.
 */
export function lintCold({ policy, compiling }: CompiledGuest): Diagnostic[] {
  const { cold, vetoes, relief } = policy;
  if (cold === undefined) return [];
  const at = (path: Path, what: string, fix: string) =>
    warn(
      valuePlace(compiling.document, path),
      'LINT_COLD',
      `${what} as soon as cold squeezes a guest, which then swaps out and has nothing available: no squeeze gets further than its first step`,
      fix,
    );
  return [
    ...vetoes.flatMap(({ name, when }, index) =>
      isTripped(policy, when)
        ? [
            at(
              ['spec', 'vetoes', index, 'when'],
              `the veto '${name}' holds`,
              `take it out, or cold; ${OWN_SWAPPING}`,
            ),
          ]
        : [],
    ),
    ...(relief !== undefined && isTripped(policy, relief.when)
      ? [
          at(
            ['spec', 'relief', 'when'],
            'the relief gives memory',
            `write when: guest.distress, or take cold out; ${OWN_SWAPPING}`,
          ),
        ]
      : []),
  ];
}

const OWN_SWAPPING =
  'one that swaps of its own accord gives nothing anyway, and a squeeze ends by itself when more than cold.refault is read back';

/** True when a condition is false of a guest in peace, and true of the same guest while it is squeezed. */
function isTripped(policy: GuestPolicy, when: Expression<boolean>): boolean {
  const holds = (room: Bytes, swapOutRate: number): boolean => {
    const scope = standingScope();
    scope.guest.swap_out_rate = swapOutRate;
    return standIn(scope, policy, USED, USED + room) !== undefined && when.evaluate(scope) === true;
  };
  return !holds(ROOM, 0) && holds(0, PROBE_STEP / REPORT);
}
