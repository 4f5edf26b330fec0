import type { z } from 'zod';
import { type Compiling, expressionAt, reject } from './compile-document.ts';
import type { Visible } from './expression/names.ts';
import type { Relief, Veto } from './policy-set.ts';
import type { Relief as ReliefSchema, Veto as VetoSchema } from './schema/protection.ts';

export function compileVetoes(
  compiling: Compiling,
  vetoes: readonly z.output<typeof VetoSchema>[],
  scope: Visible,
): Veto[] {
  const names = new Set<string>();
  return vetoes.flatMap(({ name, hold }, index): Veto[] => {
    const path = ['spec', 'vetoes', index];
    if (names.has(name))
      reject(compiling, [...path, 'name'], 'POLICY_DUPLICATE', `there already is a veto '${name}' above`);
    names.add(name);
    const when = expressionAt(compiling, [...path, 'when'], 'bool', scope);
    return when === undefined ? [] : [{ name, when, holdSeconds: hold }];
  });
}

export function compileRelief(
  compiling: Compiling,
  relief: z.output<typeof ReliefSchema> | undefined,
  scope: Visible,
): Relief | undefined {
  if (relief === undefined) return undefined;
  const when = expressionAt(compiling, ['spec', 'relief', 'when'], 'bool', scope);
  return when === undefined ? undefined : { when, to: relief.to };
}
