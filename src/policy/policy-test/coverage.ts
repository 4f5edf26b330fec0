/** Which lines of a policy the tests have reached: levels, policies, variables and targets, and limits that ever bit. */
import type { Decision, ReasonCode } from '../../model/decision.ts';
import type { Tick } from '../decide.ts';
import type { PolicyFiles } from '../load.ts';
import { type Direction, type GuestPolicy, LEVEL_NONE, type PolicySet } from '../policy-set.ts';
import { compare, type Place } from '../source/diagnostics.ts';
import { FILE_BYTES_MAX, readDocuments, type SourceDocument } from '../source/documents.ts';
import { keyPlace, type Path, valuePlace } from '../source/locate.ts';

/** A line of a policy that a test could reach. */
export interface CoveragePoint extends Place {
  /** What no test did, as the end of a sentence: `level 'hard' was never entered`. */
  readonly missing: string;
  readonly reached: boolean;
}

export interface Coverage {
  /** To be called with every tick of every test. */
  readonly observe: (tick: Tick, policies: PolicySet) => void;
  /** Points of all policies that the tests were given, in the order of reading. */
  readonly points: () => readonly CoveragePoint[];
}

type Side = 'shrink' | 'grow';

const STEP_CODES: ReadonlyMap<ReasonCode, string> = new Map<ReasonCode, string>([
  ['LEVEL_FORBIDS', 'at'],
  ['STEP_LIMITED', 'step.max'],
  ['STEP_TOO_SMALL', 'step.min'],
  ['RATE_LIMITED', 'rate'],
  ['COOLDOWN', 'cooldown'],
]);

const GUARANTEE_CODES: ReadonlyMap<ReasonCode, string> = new Map<ReasonCode, string>([
  ['GUARANTEE_MIN', 'guarantees.min'],
  ['GUARANTEE_MAX', 'guarantees.max'],
]);

/** @param files what policies are read from once more, for where their lines stand */
export function createCoverage(
  tested: readonly { readonly policies: PolicySet; readonly policyFiles: readonly string[] }[],
  files: PolicyFiles,
): Coverage {
  const reached = new Set<string>();
  return {
    observe(tick, policies) {
      reached.add(keyOf(policies.host, `level.${tick.state.pressure.level}`));
      for (const decision of tick.decisions) observeDecision(decision, policies, reached);
    },
    points() {
      const points = new Map<string, CoveragePoint>();
      const documents = new Map<string, readonly SourceDocument[]>();
      for (const { policies, policyFiles } of tested) {
        for (const file of policyFiles) {
          if (!documents.has(file)) {
            documents.set(
              file,
              readDocuments({ file, content: files.read(file, FILE_BYTES_MAX + 1) }).documents,
            );
          }
          for (const document of documents.get(file) ?? []) {
            for (const { key, place, missing, needs } of candidates(document, policies)) {
              // What stands below a policy that governs no guest is not told beside it.
              if (needs !== undefined && !reached.has(needs)) continue;
              points.set(key, { ...place, missing, reached: reached.has(key) });
            }
          }
        }
      }
      return [...points.values()].toSorted(
        (a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column,
      );
    },
  };
}

function keyOf({ source: { file, line, column } }: Pick<GuestPolicy, 'source'>, what: string): string {
  return `${file}:${line}:${column} ${what}`;
}

function observeDecision(decision: Decision, policies: PolicySet, reached: Set<string>): void {
  const { policy: governing } = decision;
  if (governing === undefined) return;
  const reach = (what: string) => reached.add(keyOf(governing, what));
  reach('policy');
  for (const { stage, code, in: from, inputs } of decision.stages) {
    if (stage === 'target') {
      const policy = policies.guests.find(({ name }) => name === governing.name);
      const failed = code === 'TARGET' ? undefined : inputs?.variable;
      for (const { name } of policy?.variables ?? []) {
        reach(`variable.${name}`);
        if (name === failed) break;
      }
      if (failed === undefined) reach('target');
    }
    const guarantee = stage === 'guarantees' ? GUARANTEE_CODES.get(code) : undefined;
    if (guarantee !== undefined) reach(guarantee);
    if (stage !== 'restraint') continue;
    if (code === 'WITHIN_TOLERANCE') reach('tolerance');
    const limit = STEP_CODES.get(code);
    if (limit !== undefined) reach(`${sideOf(decision, from)}.${limit}`);
  }
}

/** Which way a guest was going when restraint looked at it, also where it then stays. */
function sideOf({ action, currentBytes }: Decision, wanted: number | undefined): Side {
  if (action !== 'hold') return action;
  return (wanted ?? 0) < (currentBytes ?? 0) ? 'shrink' : 'grow';
}

interface Candidate {
  readonly key: string;
  readonly place: Place;
  readonly missing: string;
  /** Key without which this one is not a point. */
  readonly needs?: string;
}

function candidates(document: SourceDocument, { host, guests }: PolicySet): Candidate[] {
  const { file, line, column } = valuePlace(document, ['metadata', 'name']);
  const isHere = ({ source }: Pick<GuestPolicy, 'source'>) =>
    source.file === file && source.line === line && source.column === column;
  if (isHere(host)) {
    return host.pressure.map(({ name }, index) => ({
      key: keyOf(host, `level.${name}`),
      place: valuePlace(document, ['spec', 'pressure', index, 'name']),
      missing: `level '${name}' was never entered`,
    }));
  }
  const policy = guests.find(isHere);
  return policy === undefined
    ? []
    : guestCandidates(document, policy, [LEVEL_NONE, ...host.pressure.map(({ name }) => name)]);
}

function guestCandidates(
  document: SourceDocument,
  policy: GuestPolicy,
  levels: readonly string[],
): Candidate[] {
  const governed = keyOf(policy, 'policy');
  const point = (what: string, path: Path, missing: string, place = keyPlace): Candidate[] =>
    isWritten(document, path)
      ? [{ key: keyOf(policy, what), place: place(document, path), missing, needs: governed }]
      : [];
  const own = `of policy '${policy.name}'`;
  const variables = policy.variables.flatMap(({ name }, index) => {
    const missing = `variable '${name}' ${own} was never evaluated`;
    return point(`variable.${name}`, ['spec', 'variables', index, 'name'], missing, valuePlace);
  });
  const bites = (what: string, path: readonly string[]) =>
    point(what, ['spec', ...path], `${path.join('.')} ${own} never limited anything`);
  return [
    {
      key: governed,
      place: valuePlace(document, ['metadata', 'name']),
      missing: `policy '${policy.name}' governed no guest`,
    },
    ...variables,
    ...point('target', ['spec', 'target'], `the target ${own} was never evaluated`),
    ...bites('guarantees.min', ['guarantees', 'min']),
    ...('ratio' in policy.guarantees.max && policy.guarantees.max.ratio >= 1
      ? []
      : bites('guarantees.max', ['guarantees', 'max'])),
    ...(policy.tolerance.ratio === 0 && policy.tolerance.bytes === 0
      ? []
      : bites('tolerance', ['behavior', 'tolerance'])),
    ...(['shrink', 'grow'] as const).flatMap(side =>
      limitsOf(policy[side], levels).flatMap(limit =>
        bites(`${side}.${limit}`, ['behavior', side, ...limit.split('.')]),
      ),
    ),
  ];
}

/** The limits that can ever limit anything: a step of the whole guest or a cooldown of nothing cannot. */
function limitsOf(
  { at, stepMax, stepMin, rate, cooldownSeconds }: Direction,
  levels: readonly string[],
): string[] {
  return [
    ...(levels.every(level => at.has(level)) ? [] : ['at']),
    ...('ratio' in stepMax && stepMax.ratio >= 1 ? [] : ['step.max']),
    ...(stepMin > 0 ? ['step.min'] : []),
    ...(rate === undefined ? [] : ['rate']),
    ...(cooldownSeconds > 0 ? ['cooldown'] : []),
  ];
}

function isWritten({ value }: SourceDocument, path: Path): boolean {
  return (
    path.reduce<unknown>(
      (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
      value,
    ) !== undefined
  );
}
