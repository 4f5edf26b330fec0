/** Figures that few guests report, read as if all did. */
import type { CompiledGuest } from './compile-guest.ts';
import { warn } from './lint-place.ts';
import type { Diagnostic } from './source/diagnostics.ts';
import { type Path, valuePlace } from './source/locate.ts';

const OPTIONAL = /\bguest\.(oom_kills|alloc_stalls|psi_some|psi_full)\b/g;

/** Expressions that fail on every guest that does not report a figure, because they do not ask for it first. */
export function lintOptional({ policy, compiling }: CompiledGuest): Diagnostic[] {
  const layers = (kind: 'schedule' | 'exception', list: string) =>
    policy.layers
      .filter(layer => layer.kind === kind)
      .map(({ set }, index) => [['spec', list, index, 'set', 'target'], set.target?.text, HELD] as const);
  const read: readonly (readonly [Path, string | undefined, string])[] = [
    ...policy.variables.map(
      ({ expression }, index) => [['spec', 'variables', index, 'expression'], expression.text, HELD] as const,
    ),
    [['spec', 'target'], policy.target.text, HELD],
    ...policy.vetoes.map(
      ({ when }, index) => [['spec', 'vetoes', index, 'when'], when.text, BARRED] as const,
    ),
    [['spec', 'relief', 'when'], policy.relief?.when.text, BARRED],
    ...layers('schedule', 'schedules'),
    ...layers('exception', 'exceptions'),
  ];
  return read.flatMap(([path, text = '', outcome]) => {
    const names = new Set([...text.matchAll(OPTIONAL)].map(([name]) => name));
    const bare = [...names].find(name => !new RegExp(`has\\(\\s*${name}\\s*\\)`).test(text));
    if (bare === undefined) return [];
    const message = `few guests report ${bare}; every other one ${outcome}`;
    return [
      warn(valuePlace(compiling.document, path), 'LINT_OPTIONAL', message, `ask first: has(${bare}) && ...`),
    ];
  });
}

const HELD = 'is held';
const BARRED = 'is never shrunk';
