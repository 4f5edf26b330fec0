/** What the expressions of a policy say of a guest. */
import type { Bytes } from '../model/units.ts';
import type { Scope } from './expression/expression.ts';
import type { GuestPolicy } from './policy-set.ts';
import { record, type Trail } from './trail.ts';

/** Of the many policies that have none. */
const NO_VARIABLES: Record<string, number> = Object.freeze({});

/**
 * The target, after the variables, which are put into the scope; undefined, with the failing stage recorded, when one of them
 * fails.
 *
 * @param untold the guest's own place for variables that no stage shows
 */
export function askPolicy(
  policy: GuestPolicy,
  scope: Scope,
  trail: Trail,
  untold: Record<string, number>,
): Bytes | undefined {
  const vars = policy.variables.length === 0 ? NO_VARIABLES : trail.told ? {} : untold;
  if (scope.vars !== vars) scope.vars = vars;
  for (const { name, expression } of policy.variables) {
    const value = expression.evaluate(scope);
    if (typeof value !== 'number') {
      const inputs = { variable: name, problem: value.problem };
      record(trail, 'target', 'EXPRESSION_FAILED', trail.stages[0]?.in, inputs, expression.source);
      return undefined;
    }
    vars[name] = value;
  }
  const value = policy.target.evaluate(scope);
  if (typeof value !== 'number') {
    record(
      trail,
      'target',
      'EXPRESSION_FAILED',
      trail.stages[0]?.in,
      { problem: value.problem },
      policy.target.source,
    );
    return undefined;
  }
  record(trail, 'target', 'TARGET', value, vars, policy.target.source);
  return value;
}
