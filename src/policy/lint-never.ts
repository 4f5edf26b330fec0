/** Rules of a sound set that can never have an effect, or always have it. */
import type { CompiledGuest } from './compile-guest.ts';
import type { CompiledHost } from './compile-host.ts';
import type { Expression, Scope } from './expression/expression.ts';
import { placeIn, warn } from './lint-place.ts';
import { selectionsOverlap, selectorCovers } from './match.ts';
import type { Diagnostic } from './source/diagnostics.ts';
import { type Path, valuePlace } from './source/locate.ts';

export function lintNever(host: CompiledHost, guests: readonly CompiledGuest[]): Diagnostic[] {
  return [
    ...lintLevels(host),
    ...lintShadowed(guests),
    ...guests.flatMap(guest => [...lintConstants(guest), ...lintExceptions(guest)]),
  ];
}

/** A level that is entered no earlier than one above it with the same condition is never the first. */
function lintLevels({ policy, compiling }: CompiledHost): Diagnostic[] {
  return policy.pressure.flatMap((level, index) => {
    const above = policy.pressure
      .slice(0, index)
      .find(
        other =>
          other.when.text === level.when.text &&
          other.forSeconds <= level.forSeconds &&
          other.keepForSeconds >= level.keepForSeconds,
      );
    if (above === undefined) return [];
    const place = valuePlace(compiling.document, ['spec', 'pressure', index, 'when']);
    const message = `the level '${level.name}' is never the present one: '${above.name}' above it has the same condition`;
    return [
      warn(
        place,
        'LINT_NEVER',
        message,
        'the most severe level stands first and has the strictest condition',
      ),
    ];
  });
}

/** A policy whose every guest a policy of higher precedence takes. */
function lintShadowed(guests: readonly CompiledGuest[]): Diagnostic[] {
  return guests.flatMap(guest => {
    const { policy, selection } = guest;
    const above = guests.find(
      other =>
        other.policy.precedence > policy.precedence &&
        other.selection.exclude === undefined &&
        selectorCovers(other.selection.match, selection.match),
    );
    if (above === undefined) return [];
    const message = `'${policy.name}' never governs a guest: '${above.policy.name}' has a higher precedence and matches all of its guests`;
    const hint = `give it a precedence above ${above.policy.precedence}`;
    return [warn(placeIn(guest, ['metadata', 'name']), 'LINT_NEVER', message, hint)];
  });
}

/** Conditions that read nothing, and so are always the same. */
function lintConstants(guest: CompiledGuest): Diagnostic[] {
  const { policy, compiling } = guest;
  const at = (path: Path, message: string, hint: string) =>
    warn(valuePlace(compiling.document, path), 'LINT_NEVER', message, hint);
  const vetoes = policy.vetoes.flatMap(({ name, when }, index) => {
    const constant = constantOf(when);
    if (constant === undefined) return [];
    const path = ['spec', 'vetoes', index, 'when'];
    return constant
      ? [
          at(
            path,
            `the veto '${name}' is always in force: no guest ever shrinks`,
            'say so with shrink: {at: []}',
          ),
        ]
      : [at(path, `the veto '${name}' is never in force`, 'remove it, or give it a condition')];
  });
  const relief = policy.relief && constantOf(policy.relief.when);
  if (relief === undefined) return vetoes;
  const path = ['spec', 'relief', 'when'];
  return [
    ...vetoes,
    relief
      ? at(path, 'the relief never ends: guests are never shrunk', 'write when: guest.distress')
      : at(path, 'the relief never relieves a guest', 'remove it, or write when: guest.distress'),
  ];
}

const NAMES = /\b(?:host|guest|guarantees|vars|now)\b/;
const NOTHING: Scope = { host: { guests: 0, psi: { some: {}, full: {} } } };

function constantOf(expression: Expression<boolean>): boolean | undefined {
  if (NAMES.test(expression.text)) return undefined;
  const value = expression.evaluate(NOTHING);
  return typeof value === 'boolean' ? value : undefined;
}

/** Steps of comparing globs for one exception; where they do not suffice, nothing is said. */
const OVERLAP_WORK = 100_000;

/** Exceptions for guests that the policy is not for. */
function lintExceptions(guest: CompiledGuest): Diagnostic[] {
  const { policy, selection, exceptions } = guest;
  const layers = policy.layers.filter(({ kind }) => kind === 'exception');
  return layers.flatMap(({ name }, index) => {
    const match = exceptions[index];
    const isApart =
      match !== undefined &&
      !selectionsOverlap(selection, { match, exclude: undefined }, { left: OVERLAP_WORK });
    if (!isApart) return [];
    const message = `the exception '${name}' is for no guest of '${policy.name}'`;
    const hint = 'an exception stands in the policy that governs its guests';
    return [warn(placeIn(guest, ['spec', 'exceptions', index, 'match']), 'LINT_NEVER', message, hint)];
  });
}
