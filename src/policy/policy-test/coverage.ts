/** Which lines of the policies the tests have reached: whatever is written there and never did anything in a test is untested. */
import type { Decision, Stage } from '../../model/decision.ts';
import type { Tick } from '../decide.ts';
import type { Cold } from '../lessons.ts';
import type { PolicyFiles } from '../load.ts';
import type { GuestPolicy, Layer, PolicyPatch, PolicySet } from '../policy-set.ts';
import { compare, type Place } from '../source/diagnostics.ts';
import { FILE_BYTES_MAX, readDocuments, type SourceDocument } from '../source/documents.ts';
import { HOST_FIELDS, limitsBitten } from '../written-limits.ts';
import { type ColdField, candidatesIn, keyOf, ownKey } from './coverage-points.ts';

/** A line of a policy that a test could reach. */
export interface CoveragePoint extends Place {
  /** What no test did, as a sentence without its end: `level 'hard' was never entered`. */
  readonly missing: string;
  readonly reached: boolean;
}

export interface Coverage {
  /** To be called with every tick of every test. */
  readonly observe: (tick: Tick, policies: PolicySet) => void;
  /** Points of all policies that the tests were given, in the order of reading. */
  readonly points: () => readonly CoveragePoint[];
}

/** @param files what policies are read from once more, for where their lines stand */
export function createCoverage(
  tested: readonly { readonly policies: PolicySet; readonly policyFiles: readonly string[] }[],
  files: PolicyFiles,
): Coverage {
  const reached = new Set<string>();
  return {
    observe({ state, decisions }, policies) {
      reached.add(keyOf(policies.host, 'level', state.pressure.level));
      for (const decision of decisions) {
        for (const key of hostKeys(decision, policies)) reached.add(key);
        const policy = policies.guests.find(({ name }) => name === decision.policy?.name);
        if (policy === undefined) continue;
        for (const key of guestKeys(decision, policy)) reached.add(key);
        const memory = state.guests.get(decision.uuid);
        for (const veto of Object.keys(memory?.vetoed ?? {})) reached.add(keyOf(policy, 'veto', veto));
        for (const path of coldPaths(decision, memory?.cold)) reached.add(keyOf(policy, ...path));
      }
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
            for (const { key, place, missing, needs } of candidatesIn(document, policies)) {
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

function hostKeys({ stages }: Decision, { host }: PolicySet): string[] {
  return stages.flatMap(({ code }) => {
    const path = HOST_FIELDS.get(code);
    return path === undefined ? [] : [keyOf(host, ...path)];
  });
}

function guestKeys(decision: Decision, policy: GuestPolicy): string[] {
  const { stages } = decision;
  const layers = policy.layers.filter(layer => stages.some(stage => isAbout(stage, layer)));
  // Of what several layers set, the last one's counts.
  const whose = (setBy: (patch: PolicyPatch) => unknown) =>
    layers.findLast(({ set }) => setBy(set) !== undefined);
  return [
    keyOf(policy, 'policy'),
    ...layers.map(({ kind, name }) => keyOf(policy, kind, name)),
    ...stages.flatMap(stage =>
      askedKeys(
        stage,
        policy,
        whose(({ target }) => target),
      ),
    ),
    ...limitsBitten(decision).map(({ path, setBy }) => ownKey(policy, whose(setBy), path)),
    ...(stages.some(({ code }) => code === 'RELIEF') ? [keyOf(policy, 'relief')] : []),
  ];
}

function isAbout({ stage, inputs }: Stage, { kind, name }: Layer): boolean {
  return stage === 'policy' && inputs?.[kind] === name;
}

/** What of `cold` a tick has reached. A guest remembers why its last squeeze ended until the next one has. */
function coldPaths({ stages }: Decision, cold: Cold | undefined): (readonly ['cold', ...ColdField[]])[] {
  if (cold === undefined) return [];
  const { squeezing, ended, swaps } = cold;
  const step = stages.find(({ code }) => code === 'COLD_TAKEN');
  return [
    ...(squeezing ? [['cold'] as const] : []),
    ...(ended?.sign === 'full' ? [['cold', 'swap'] as const] : []),
    // Before it has shown that it swaps, a step is as long as we think safe.
    ...(step !== undefined && swaps === true ? [['cold', 'step'] as const] : []),
    ...(step?.inputs?.called === false && swaps === true ? [['cold', 'at'] as const] : []),
    ...(ended?.sign === 'refault' ? [['cold', 'refault'] as const] : []),
    ...(squeezing && ended !== undefined ? [['cold', 'rest'] as const] : []),
  ];
}

/** The variables that were evaluated, in their order up to the first that failed, and the target after them. */
function askedKeys(
  { stage, code, inputs }: Stage,
  policy: GuestPolicy,
  targetOf: Layer | undefined,
): string[] {
  if (stage !== 'target') return [];
  const names = policy.variables.map(({ name }) => name);
  const failed = code === 'TARGET' ? undefined : inputs?.variable;
  const asked = typeof failed === 'string' ? names.slice(0, names.indexOf(failed) + 1) : names;
  const variables = asked.map(name => keyOf(policy, 'variable', name));
  return failed === undefined ? [...variables, ownKey(policy, targetOf, ['target'])] : variables;
}
