/**
 * Conditions over the host and guests by name: `batch-1.target >= 2 * GiB`. CEL would read a hyphen as minus, so each name of a
 * guest that stands before a dot is written to CEL as an identifier of the same length, and places in the text stay as they are.
 */
import type { Decision, SourceRef } from '../../model/decision.ts';
import type { GuestSample } from '../../model/snapshot.ts';
import { compileExpression } from '../expression/cel.ts';
import type { Expression, HostNames, Scope } from '../expression/expression.ts';
import type { ExpressionProblem } from '../expression/lint.ts';
import { CONSTANTS, type Fields, guestScope, RESERVED_WORDS } from '../expression/names.ts';
import { NamesOfGuest } from '../names.ts';
import type { GuestPolicy } from '../policy-set.ts';
import { conditionOf } from '../protect.ts';

/** A condition of a test. */
export interface Condition {
  readonly text: string;
  readonly source: SourceRef;
  /** Indexes of the guests that it reads, among those of the test. */
  readonly about: readonly number[];
  /** @param guests by their identifiers, see `identifierOf` */
  evaluate(host: HostNames, guests: GuestScopes): ReturnType<Expression<boolean>['evaluate']>;
  /** The names that it reads, as written, with the values that they have; undefined for one that is not known. */
  values(host: HostNames, guests: GuestScopes): ReadonlyMap<string, unknown>;
}

/** What conditions see of each guest, by identifier. */
export type GuestScopes = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The identifier that stands for a guest in CEL: as long as its name. */
export function identifierOf(name: string): string {
  return name.replace(/\W/g, '_').replace(/^\d/, '_');
}

/** Why a guest of a test cannot have this name; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  const identifier = identifierOf(name);
  const taken =
    name === 'host' ||
    RESERVED_WORDS.has(identifier) ||
    Object.hasOwn(CONSTANTS, identifier) ||
    identifier in Object.prototype;
  return taken
    ? `a guest of a test cannot be named '${name}': the name means something else in conditions`
    : undefined;
}

/** Names of a guest's figures. */
const NAMES: readonly string[] = Object.keys(guestScope([]).guest ?? {});

/** What a condition sees of a guest beside its own figures: what its policy has made of them. */
function guestFields({ guest, vars }: ReturnType<typeof guestScope>): Fields {
  return {
    ...guest,
    vars: vars ?? {},
    guarantees: { min: 'double', max: 'double', reserve: 'double' },
    wanted: 'double',
    action: 'string',
    reason: 'string',
    policy: 'string',
  };
}

/**
 * Compiles one condition; or gives what is wrong with it, by places in the text.
 *
 * @param variables - Names of the variables of all policies; undefined while the policies are refused, and any will do
 */
export function compileCondition(
  text: string,
  guests: readonly string[],
  source: SourceRef,
  variables: readonly string[] = namedVariables(text),
): { readonly condition: Condition } | { readonly problems: readonly ExpressionProblem[] } {
  const scope = guestScope(variables);
  const visible = {
    host: scope.host ?? {},
    ...Object.fromEntries(guests.map(name => [identifierOf(name), guestFields(scope)])),
  };
  const inCel = withIdentifiers(text, guests);
  const compiled = compileExpression(inCel, 'bool', visible, source);
  if ('problems' in compiled) {
    return { problems: compiled.problems.map(problem => explained(problem, inCel, guests)) };
  }
  const { expression } = compiled;
  const paths = pathsIn(text, inCel, ['host', ...guests.map(identifierOf)]);
  const roots = new Set([...paths.values()].map(([root]) => root));
  return {
    condition: {
      text,
      source,
      about: guests.flatMap((name, index) => (roots.has(identifierOf(name)) ? [index] : [])),
      evaluate: (host, scopes) => expression.evaluate(scopeOf(host, scopes)),
      values: (host, scopes) => {
        const scope = scopeOf(host, scopes);
        return new Map([...paths].map(([written, path]) => [written, valueAt(scope, path)]));
      },
    },
  };
}

function namedVariables(text: string): string[] {
  return [...text.matchAll(/\.vars\.([A-Za-z_]\w*)/g)].flatMap(([, name]) => name ?? []);
}

function scopeOf(host: HostNames, scopes: GuestScopes): Scope {
  return { ...scopes, host };
}

function valueAt(scope: unknown, path: readonly string[]): unknown {
  return path.reduce(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    scope,
  );
}

const QUOTED = String.raw`"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'`;

function withIdentifiers(text: string, guests: readonly string[]): string {
  if (guests.length === 0) return text;
  // Longest first: one name may begin another.
  const names = guests
    .toSorted((a, b) => b.length - a.length)
    .map(name => name.replace(/\W/g, String.raw`\$&`));
  const pattern = new RegExp(String.raw`${QUOTED}|(?<![\w.])(${names.join('|')})(?=\.[A-Za-z_])`, 'g');
  return text.replace(pattern, (all, name: string | undefined) =>
    name === undefined ? all : identifierOf(name),
  );
}

/** Messages speak of guests by name, and say how a guest is named where somebody wrote `guest`. */
function explained(problem: ExpressionProblem, inCel: string, guests: readonly string[]): ExpressionProblem {
  if (problem.code === 'POLICY_EXPRESSION_NAME' && inCel.slice(problem.start, problem.end) === 'guest') {
    const hint = `a guest goes by its name here: ${guests[0] ?? 'NAME'}.target`;
    return { ...problem, hint };
  }
  let { message, hint } = problem;
  for (const name of guests) {
    const identifier = new RegExp(String.raw`\b${identifierOf(name)}\b`, 'g');
    message = message.replace(identifier, () => name);
    hint = hint?.replace(identifier, () => name);
  }
  return { ...problem, message, hint };
}

/** Every dotted path below one of these roots, by its text as written. */
function pathsIn(text: string, inCel: string, roots: readonly string[]): Map<string, readonly string[]> {
  const paths = new Map<string, readonly string[]>();
  for (const match of inCel.matchAll(
    new RegExp(String.raw`${QUOTED}|(?<![\w.])[A-Za-z_]\w*(?:\.\w+)+`, 'g'),
  )) {
    const path = match[0].split('.');
    if (!roots.includes(path[0] ?? '')) continue;
    paths.set(text.slice(match.index, match.index + match[0].length), path);
  }
  return paths;
}

/**
 * What conditions see of a guest: its figures, and what its policy has made of them. What was not got so far has no value.
 *
 * @param policy - With its layers of this moment; undefined for a guest that no policy governs
 */
export function guestScopeOf(
  sample: GuestSample,
  decision: Decision,
  policy: GuestPolicy | undefined,
): GuestScopes[string] {
  const { stages, targetBytes: target, wantedBytes: wanted, action, reason, guarantees } = decision;
  const demand = stages.find(({ stage }) => stage === 'demand');
  const { used, kernelBytes, usedRate } = demand?.inputs ?? {};
  const number = (value: unknown) => (typeof value === 'number' ? value : Number.NaN);
  const names = new NamesOfGuest({
    sample,
    inUse: number(used) + number(kernelBytes),
    demand: demand?.out ?? Number.NaN,
    usedRate: number(usedRate),
    target,
    condition: policy && conditionOf({ sample, reserve: policy.guarantees.reserve, unreported: 0 }),
  });
  return {
    ...Object.fromEntries(NAMES.map(name => [name, Reflect.get(names, name)])),
    vars: stages.find(({ stage, code }) => stage === 'target' && code === 'TARGET')?.inputs ?? {},
    guarantees: {
      min: guarantees?.minBytes,
      max: guarantees?.maxBytes,
      reserve: policy?.guarantees.reserve,
    },
    wanted,
    action,
    reason,
    policy: policy?.name,
  };
}
