/** What the expressions of a policy say of a guest. */
import type { Bytes } from '../model/units.ts';
import type { GuestPolicy, Scope } from './policy-set.ts';
import { record, type Trail } from './trail.ts';

interface Answer {
  readonly wanted: Bytes;
  /** With the variables that were found on the way. */
  readonly scope: Scope;
}

/** Evaluates variables and target; undefined, with the failing stage recorded, when one of them fails. */
export function askPolicy(policy: GuestPolicy, scope: Scope, trail: Trail): Answer | undefined {
  const size = trail.stages[0]?.in;
  const vars: Record<string, number> = {};
  const withVars: Scope = { ...scope, vars };
  for (const { name, expression } of policy.variables) {
    const value = expression.evaluate(withVars);
    if (typeof value !== 'number') {
      const inputs = { variable: name, problem: value.problem };
      record(trail, 'target', 'EXPRESSION_FAILED', size, inputs, expression.source);
      return undefined;
    }
    vars[name] = value;
  }
  const value = policy.target.evaluate(withVars);
  if (typeof value !== 'number') {
    record(trail, 'target', 'EXPRESSION_FAILED', size, { problem: value.problem }, policy.target.source);
    return undefined;
  }
  record(trail, 'target', 'TARGET', value, vars, policy.target.source);
  return { wanted: value, scope: withVars };
}
