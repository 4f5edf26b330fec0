/**
 * Fields of a policy set under other values, for sweeps and tuning. Only the value's own text is replaced, so that comments and
 * layout of the file stay as their author wrote them.
 */
import { isMap, isScalar, isSeq, type Node } from 'yaml';
import { BallonetError } from '../../model/errors.ts';
import type { PolicyReading } from '../../policy/load.ts';
import { readDocuments, type SourceDocument } from '../../policy/source/documents.ts';
import { suggestion } from '../../policy/source/suggest.ts';

/** One field and what shall stand there, as it would be written in the file. */
export interface Setting {
  /** `host.FIELD`, `guest.FIELD` (in every guest policy that has it) or `guest/NAME.FIELD`; deeper fields follow dots. */
  readonly path: string;
  readonly value: string;
}

interface Field {
  readonly kind: 'HostPolicy' | 'GuestPolicy';
  /** Of one policy; of all of the kind when it is missing. */
  readonly name: string | undefined;
  readonly keys: readonly string[];
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/**
 * The set with the settings in place.
 *
 * @throws BallonetError USAGE when a field stands nowhere in the set, with what stands there instead
 */
export function withSettings(reading: PolicyReading, settings: readonly Setting[]): PolicyReading {
  if (settings.length === 0) return reading;
  const missing = new Set(settings);
  const sources = reading.sources.map(({ file, content }) => {
    const { documents } = readDocuments({ file, content });
    const [first] = documents;
    if (first === undefined) return { file, content };
    const changes = settings.flatMap(setting => {
      const places = documents.flatMap(document => placeOf(document, fieldOf(setting.path)) ?? []);
      if (places.length > 0) missing.delete(setting);
      return places.map(place => ({ ...place, value: setting.value }));
    });
    return { file, content: new TextEncoder().encode(spliced(first.source.text, changes)) };
  });
  for (const { path } of missing) throw unknownField(reading, path);
  return { ...reading, sources };
}

/** The value of a field as it is written; of several policies that have it, the first one's. @throws BallonetError USAGE */
export function settingIn(reading: PolicyReading, path: string): string {
  for (const source of reading.sources) {
    for (const document of readDocuments(source).documents) {
      const place = placeOf(document, fieldOf(path));
      if (place !== undefined) return document.source.text.slice(place.start, place.end);
    }
  }
  throw unknownField(reading, path);
}

/** @throws BallonetError USAGE */
function fieldOf(path: string): Field {
  const [head = '', ...keys] = path.split('.');
  const [kind, name] = head.split('/', 2);
  if ((kind !== 'host' && kind !== 'guest') || keys.length === 0) {
    const example = 'such as host.reserve.percent, guest.estimate.window or guest/NAME.estimate.window';
    throw new BallonetError('USAGE', `'${path}' names no field of a policy, ${example}`);
  }
  return { kind: kind === 'host' ? 'HostPolicy' : 'GuestPolicy', name, keys };
}

function placeOf({ root, source }: SourceDocument, { kind, name, keys }: Field): Place | undefined {
  if (root.get('kind') !== kind) return undefined;
  if (name !== undefined && root.getIn(['metadata', 'name']) !== name) return undefined;
  const node = keys.reduce<unknown>(childOf, root.get('spec', true));
  if (!isValue(node) || !node.range) return undefined;
  const [start, end] = node.range;
  return { start, end: start + source.text.slice(start, end).trimEnd().length };
}

/** Of a list, the item of that name, else that index. */
function childOf(node: unknown, key: string): unknown {
  if (isMap(node)) return node.get(key, true);
  if (!isSeq(node)) return undefined;
  return node.items.find(item => isMap(item) && item.get('name') === key) ?? node.get(Number(key), true);
}

/** Something that stands between two places on its own: block collections and folded texts depend on their indentation. */
function isValue(node: unknown): node is Node {
  if (isScalar(node)) return node.type !== 'BLOCK_FOLDED' && node.type !== 'BLOCK_LITERAL';
  return (isMap(node) || isSeq(node)) && node.flow === true;
}

function spliced(text: string, changes: readonly (Place & { readonly value: string })[]): string {
  return changes
    .toSorted((a, b) => b.start - a.start)
    .reduce((whole, { start, end, value }) => {
      // What stood in quotes, as expressions may, keeps them: a bare number would be none.
      const quote = /^(["']).*\1$/.exec(whole.slice(start, end))?.[1] ?? '';
      const written = value.startsWith(quote) ? value : `${quote}${value}${quote}`;
      return whole.slice(0, start) + written + whole.slice(end);
    }, text);
}

/** Says how far the path leads, and what there is from there on. */
function unknownField(reading: PolicyReading, path: string): BallonetError {
  const { kind, name, keys } = fieldOf(path);
  let [depth, known]: [number, readonly string[]] = [-1, []];
  for (const { root } of reading.sources.flatMap(source => readDocuments(source).documents)) {
    if (root.get('kind') !== kind || (name !== undefined && root.getIn(['metadata', 'name']) !== name))
      continue;
    let node: unknown = root.get('spec', true);
    for (let at = 0; at < keys.length && (isMap(node) || isSeq(node)); at++) {
      if (at > depth) [depth, known] = [at, keysOf(node)];
      node = childOf(node, keys[at] ?? '');
    }
  }
  const files = reading.files.join(', ');
  if (depth < 0)
    return new BallonetError(
      'USAGE',
      `${files}: there is no ${kind}${name ? ` '${name}'` : ''} for '${path}'`,
    );
  const problem = `no policy of ${files} has a value at '${path}' that could be replaced`;
  return new BallonetError('USAGE', `${problem}; ${suggestion(keys[depth] ?? '', known, 'there are')}`);
}

function keysOf(node: unknown): string[] {
  if (isMap(node)) return node.items.map(({ key }) => String(isScalar(key) ? key.value : key));
  if (!isSeq(node)) return [];
  return node.items.map((item, i) => {
    const name: unknown = isMap(item) ? item.get('name') : undefined;
    return typeof name === 'string' ? name : String(i);
  });
}
