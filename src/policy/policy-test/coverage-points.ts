/** The lines of a policy document that a test could reach, each with the key by which reaching it is remembered. */
import { overlay } from '../layers.ts';
import { type GuestPolicy, type HostPolicy, type Layer, LEVEL_NONE, type PolicySet } from '../policy-set.ts';
import type { Place } from '../source/diagnostics.ts';
import type { SourceDocument } from '../source/documents.ts';
import { isWritten, keyPlace, type Path, valuePlace } from '../source/locate.ts';
import { LIMITS, type Limit } from '../written-limits.ts';

/** A line that a test could reach. */
export interface Candidate {
  readonly key: string;
  readonly place: Place;
  /** What no test did, as a sentence without its end. */
  readonly missing: string;
  /** Key without which this one is not a point. */
  readonly needs?: string;
}

/** A field of `cold`. */
export type ColdField = 'swap' | 'at' | 'step' | 'refault' | 'rest';

/** The key of something that stands in a policy. */
export function keyOf(
  { source: { file, line, column } }: Pick<GuestPolicy, 'source'>,
  ...what: readonly string[]
): string {
  return `${file}:${line}:${column} ${what.join('.')}`;
}

/** The key of a limit, or of the target, where the policy itself says it or one of its layers. */
export function ownKey(
  policy: Pick<GuestPolicy, 'source'>,
  layer: Layer | undefined,
  path: readonly string[],
): string {
  return layer === undefined ? keyOf(policy, ...path) : keyOf(policy, layer.kind, layer.name, ...path);
}

/** What a document has to reach; empty when the set has nothing from it. */
export function candidatesIn(document: SourceDocument, { host, guests }: PolicySet): Candidate[] {
  const { file, line, column } = valuePlace(document, ['metadata', 'name']);
  const isHere = ({ source }: Pick<GuestPolicy, 'source'>) =>
    source.file === file && source.line === line && source.column === column;
  if (isHere(host)) return hostCandidates(document, host);
  const policy = guests.find(isHere);
  const levels = [LEVEL_NONE, ...host.pressure.map(({ name }) => name)];
  return policy === undefined ? [] : guestCandidates(document, policy, levels);
}

function hostCandidates(document: SourceDocument, host: HostPolicy): Candidate[] {
  const levels = host.pressure.map(({ name }, index) => ({
    key: keyOf(host, 'level', name),
    place: valuePlace(document, ['spec', 'pressure', index, 'name']),
    missing: `level '${name}' was never entered`,
  }));
  const point = (path: readonly string[], missing: string): Candidate[] =>
    isWritten(document, ['spec', ...path])
      ? [{ key: keyOf(host, ...path), place: keyPlace(document, ['spec', ...path]), missing }]
      : [];
  const limits = ['reclaimRate', 'concurrentMoves', 'guestsPerTick'].flatMap(name =>
    point(['limits', name], `limits.${name} never limited anything`),
  );
  return [
    ...levels,
    ...(host.surplus === 'return' ? point(['surplus'], 'no surplus was ever returned') : []),
    ...(host.shortage === 'share' ? point(['shortage'], 'no shortage was ever shared') : []),
    ...limits,
    ...point(['foreignChange'], 'no guest was ever left to somebody else'),
  ];
}

function guestCandidates(
  document: SourceDocument,
  policy: GuestPolicy,
  levels: readonly string[],
): Candidate[] {
  const governed = keyOf(policy, 'policy');
  const own = `of policy '${policy.name}'`;
  const point = (key: string, path: Path, missing: string, place = keyPlace): Candidate[] =>
    isWritten(document, path) ? [{ key, place: place(document, path), missing, needs: governed }] : [];
  const named = (kind: string, list: string, names: readonly string[], never: string): Candidate[] =>
    names.flatMap((name, index) =>
      point(
        keyOf(policy, kind, name),
        ['spec', list, index, 'name'],
        `${kind} '${name}' ${own} ${never}`,
        valuePlace,
      ),
    );
  const layersOf = (wanted: Layer['kind']) => policy.layers.filter(({ kind }) => kind === wanted);
  const namesOf = (items: readonly { readonly name: string }[]) => items.map(({ name }) => name);
  const bites = (under: GuestPolicy, root: Path, whose: string, layer?: Layer): Candidate[] =>
    LIMITS.filter(limit => isSaid(limit, under, levels, layer)).flatMap(({ path }) => {
      const missing = `${path.join('.')} ${whose} never limited anything`;
      return point(ownKey(policy, layer, path), [...root, ...path], missing);
    });
  const said = (list: string, layer: Layer, index: number): Candidate[] => {
    const root = ['spec', list, index, 'set'];
    const whose = `of ${layer.kind} '${layer.name}' ${own}`;
    const target = `the target ${whose} was never evaluated`;
    return [
      ...point(ownKey(policy, layer, ['target']), [...root, 'target'], target),
      ...bites(overlay(policy, layer.set), root, whose, layer),
    ];
  };
  const [schedules, exceptions] = [layersOf('schedule'), layersOf('exception')];
  return [
    {
      key: governed,
      place: valuePlace(document, ['metadata', 'name']),
      missing: `policy '${policy.name}' governed no guest`,
    },
    ...named('variable', 'variables', namesOf(policy.variables), 'was never evaluated'),
    ...point(
      ownKey(policy, undefined, ['target']),
      ['spec', 'target'],
      `the target ${own} was never evaluated`,
    ),
    ...bites(policy, ['spec'], own),
    ...named('veto', 'vetoes', namesOf(policy.vetoes), 'was never in force'),
    ...point(keyOf(policy, 'relief'), ['spec', 'relief'], `the relief ${own} never relieved a guest`),
    ...point(keyOf(policy, 'cold'), ['spec', 'cold'], `cold ${own} never squeezed a guest`),
    ...COLD_FIELDS.flatMap(([field, never]) =>
      point(keyOf(policy, 'cold', field), ['spec', 'cold', field], `cold.${field} ${own} never ${never}`),
    ),
    ...named('schedule', 'schedules', namesOf(schedules), 'was never in force'),
    ...named('exception', 'exceptions', namesOf(exceptions), 'was never in force'),
    ...schedules.flatMap((layer, index) => said('schedules', layer, index)),
    ...exceptions.flatMap((layer, index) => said('exceptions', layer, index)),
  ];
}

/** The fields of `cold`, and what none of them did in any test. */
const COLD_FIELDS: readonly (readonly [ColdField, string])[] = [
  ['swap', 'ended a squeeze'],
  ['at', 'let a guest be squeezed that nobody had called'],
  ['step', 'took anything'],
  ['refault', 'ended a squeeze'],
  ['rest', 'passed between two squeezes of a guest'],
];

function isSaid(
  { canBite, setBy }: Limit,
  under: GuestPolicy,
  levels: readonly string[],
  layer: Layer | undefined,
): boolean {
  return (layer === undefined || setBy(layer.set) !== undefined) && canBite(under, levels);
}
