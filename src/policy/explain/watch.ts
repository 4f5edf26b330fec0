import type { Trace } from '../../model/explanation.ts';
import type { Expression } from '../expression/expression.ts';
import type { GuestPolicy, PolicySet } from '../policy-set.ts';

/** Expressions that say what each part of them came to when they were run. */
export interface Watch {
  /** The set with its expressions under watch; it decides as the set itself does. */
  readonly policies: PolicySet;
  /** Of an expression of the set itself; undefined when it has not been run for the watched guest. */
  traceOf(expression: Expression<unknown>): Trace | undefined;
}

/**
 * Watches the pressure levels, and what the governing policy evaluates for one guest.
 *
 * @param uuid the guest
 */
export function watch(policies: PolicySet, governing: GuestPolicy | undefined, uuid: string): Watch {
  const traces = new Map<Expression<unknown>, Trace>();
  const watched = <T>(expression: Expression<T>): Expression<T> => ({
    ...expression,
    evaluate(scope) {
      if (scope.guest === undefined || scope.guest.uuid === uuid)
        traces.set(expression, expression.trace(scope));
      return expression.evaluate(scope);
    },
  });
  const { host, guests } = policies;
  return {
    policies: {
      ...policies,
      host: { ...host, pressure: host.pressure.map(level => ({ ...level, when: watched(level.when) })) },
      guests: guests.map(policy => (policy === governing ? watchedPolicy(policy, watched) : policy)),
    },
    traceOf: expression => traces.get(expression),
  };
}

function watchedPolicy(
  policy: GuestPolicy,
  watched: <T>(expression: Expression<T>) => Expression<T>,
): GuestPolicy {
  const { variables, target, vetoes, relief, layers } = policy;
  return {
    ...policy,
    variables: variables.map(variable => ({ ...variable, expression: watched(variable.expression) })),
    target: watched(target),
    vetoes: vetoes.map(veto => ({ ...veto, when: watched(veto.when) })),
    relief: relief && { ...relief, when: watched(relief.when) },
    layers: layers.map(layer => {
      const { target: over } = layer.set;
      return over === undefined ? layer : { ...layer, set: { ...layer.set, target: watched(over) } };
    }),
  };
}
