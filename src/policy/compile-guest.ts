import type { z } from 'zod';
import { type Compiling, expressionAt, policySource, reject } from './compile-document.ts';
import type { CompiledHost } from './compile-host.ts';
import { compileLayers } from './compile-layers.ts';
import { checkDirection, checkGuarantees, checkLevels } from './compile-limits.ts';
import { compileRelief, compileVetoes } from './compile-protection.ts';
import { compileSelection } from './compile-selector.ts';
import { guestScope, RESERVED_WORDS } from './expression/names.ts';
import { mismatchOf, type Selection, type Selector } from './match.ts';
import { verdictsOf } from './match-verdicts.ts';
import { type ColdPolicy, type Direction, type GuestPolicy, LEVEL_NONE } from './policy-set.ts';
import { GuestPolicyDocument } from './schema/guest-policy.ts';
import { validateDocument } from './schema/validate.ts';

/** A compiled guest policy, with the selection that overlaps are looked for in. */
export interface CompiledGuest {
  readonly policy: GuestPolicy;
  readonly selection: Selection;
  /** The guests of each of its exceptions, in their order. */
  readonly exceptions: readonly Selector[];
  readonly compiling: Compiling;
}

type Spec = z.output<typeof GuestPolicyDocument>['spec'];

/** What the guest is using by the estimate, and room on top of it. */
const DEFAULT_TARGET = 'guest.demand + max(guarantees.reserve, guest.demand * 0.15)';

/**
 * The guest policy of a document; undefined when something is wrong with it, which is then among the diagnostics.
 *
 * @param host - The host policy of the set; undefined when it has faults itself, and pressure levels then go unchecked.
 */
export function compileGuest(
  compiling: Compiling,
  host: CompiledHost | undefined,
): CompiledGuest | undefined {
  const validated = validateDocument(compiling.document, GuestPolicyDocument);
  if ('diagnostics' in validated) {
    compiling.diagnostics.push(...validated.diagnostics);
    return undefined;
  }
  const { metadata, spec } = validated.value;
  const before = compiling.diagnostics.length;
  const selection = compileSelection(compiling, spec);
  const variables = compileVariables(compiling, spec.variables);
  const scope = guestScope(spec.variables.map(({ name }) => name));
  const target = expressionAt(compiling, ['spec', 'target'], 'double', scope, DEFAULT_TARGET);
  const vetoes = compileVetoes(compiling, spec.vetoes, scope);
  const relief = compileRelief(compiling, spec.relief, scope);
  const levels = host?.policy.pressure.map(({ name }) => name);
  const shrink = compileDirection(compiling, 'shrink', spec.behavior.shrink, levels, []);
  const grow = compileDirection(compiling, 'grow', spec.behavior.grow, levels, [LEVEL_NONE]);
  checkGuarantees(compiling, ['spec', 'guarantees'], spec.guarantees);
  if (target === undefined) return undefined;
  const base: GuestPolicy = {
    name: metadata.name,
    description: metadata.description,
    source: policySource(compiling),
    mode: spec.mode,
    timezone: spec.timezone,
    precedence: spec.precedence,
    mismatch: guest => mismatchOf(selection, guest),
    verdicts: guest => verdictsOf(selection, guest),
    guarantees: spec.guarantees,
    estimate: {
      windowSeconds: spec.estimate.window,
      quantile: spec.estimate.quantile,
      growthSeconds: spec.estimate.growth,
    },
    variables,
    target,
    priority: spec.priority ?? host?.defaults.priority ?? 0,
    shares: spec.shares ?? host?.defaults.shares ?? 1,
    idleTax: spec.idleTax,
    tolerance: { ratio: spec.behavior.tolerance.percent / 100, bytes: spec.behavior.tolerance.bytes },
    shrink,
    grow,
    stabilizationSeconds: spec.behavior.shrink.stabilization,
    vetoes,
    relief,
    cold: spec.cold && compileCold(compiling, spec.cold, levels),
    layers: [],
  };
  const { layers, exceptions } = compileLayers(compiling, spec, { scope, levels, base });
  if (compiling.diagnostics.length > before) return undefined;
  return { policy: { ...base, layers }, selection, exceptions, compiling };
}

function compileCold(
  compiling: Compiling,
  { swap, at, step, refault, rest }: NonNullable<Spec['cold']>,
  levels: readonly string[] | undefined,
): ColdPolicy {
  checkLevels(compiling, ['spec', 'cold', 'at'], at, levels);
  return { swap, at: new Set(at ?? levels), step, refault, restSeconds: rest };
}

function compileVariables(compiling: Compiling, variables: Spec['variables']): GuestPolicy['variables'] {
  const names = new Set<string>();
  return variables.flatMap(({ name }, index) => {
    const path = ['spec', 'variables', index];
    // Objects of JavaScript have names of their own (constructor, toString), which a variable would hide.
    if (RESERVED_WORDS.has(name) || name in Object.prototype) {
      reject(compiling, [...path, 'name'], 'POLICY_RANGE', `'${name}' cannot name a variable`);
      return [];
    }
    if (names.has(name)) {
      reject(compiling, [...path, 'name'], 'POLICY_DUPLICATE', `there already is a variable '${name}' above`);
    }
    const expression = expressionAt(compiling, [...path, 'expression'], 'double', guestScope([...names]));
    names.add(name);
    return expression === undefined ? [] : [{ name, expression }];
  });
}

function compileDirection(
  compiling: Compiling,
  which: 'shrink' | 'grow',
  { at, step, rate, cooldown }: Spec['behavior']['grow'],
  levels: readonly string[] | undefined,
  besides: readonly string[],
): Direction {
  checkDirection(compiling, ['spec', 'behavior', which], { at, step }, levels);
  return {
    at: new Set(at ?? [...besides, ...(levels ?? [])]),
    stepMax: step.max,
    stepMin: step.min,
    rate,
    cooldownSeconds: cooldown,
  };
}
