import { isAlias, isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import type { Place } from './diagnostics.ts';
import type { SourceDocument } from './documents.ts';
import { placeAt } from './text-file.ts';

/** Keys and list indexes from the root of a document. */
export type Path = readonly PropertyKey[];

interface Found {
  readonly key: Node | undefined;
  readonly value: Node | undefined;
}

function find({ root }: SourceDocument, path: Path): Found {
  let found: Found = { key: undefined, value: root.contents ?? undefined };
  for (const step of path) {
    const parent = isAlias(found.value) ? found.value.resolve(root) : found.value;
    if (isMap<Node | null, Node | null>(parent)) {
      const pair = parent.items.find(
        ({ key }) => isScalar(key) && (key.source ?? String(key.value)) === step,
      );
      if (pair === undefined) break;
      found = { key: pair.key ?? undefined, value: pair.value ?? undefined };
    } else if (isSeq<Node | null>(parent) && typeof step === 'number') {
      found = { key: undefined, value: parent.items[step] ?? undefined };
    } else {
      break;
    }
  }
  return found;
}

function nodePlace({ source, root }: SourceDocument, node: Node | undefined): Place {
  const [start, end] = node?.range ?? root.contents?.range ?? root.range;
  return placeAt(source, start, end);
}

/** True when the document says something at `path`. */
export function isWritten({ value }: SourceDocument, path: Path): boolean {
  return (
    path.reduce<unknown>(
      (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
      value,
    ) !== undefined
  );
}

/** Where the value at `path` stands; for a missing one, where the nearest thing above it stands. */
export function valuePlace(document: SourceDocument, path: Path): Place {
  const { key, value } = find(document, path);
  // An empty value has no extent of its own.
  const empty = value?.range !== undefined && value.range !== null && value.range[0] === value.range[1];
  return nodePlace(document, empty || value === undefined ? (key ?? value) : value);
}

/** Where the key of `path` stands; for a list item or the root, where the value stands. */
export function keyPlace(document: SourceDocument, path: Path): Place {
  const { key, value } = find(document, path);
  return nodePlace(document, key ?? value);
}

/** A scalar as it is written, with the way back from its characters to the file. */
export interface ScalarText {
  readonly text: string;
  /** Place of the characters from `start` to `end` of `text`. */
  place(start: number, end: number): Place;
}

/** The scalar at `path`, whatever type YAML would give it; undefined when there is none. */
export function scalarText(document: SourceDocument, path: Path): ScalarText | undefined {
  const { value } = find(document, path);
  const node = isAlias(value) ? value.resolve(document.root) : value;
  if (!isScalar(node)) return undefined;
  const text = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  let offsets: readonly number[] | undefined;
  return {
    text,
    place: (start, end) => {
      offsets ??= offsetsInFile(document.source.text, node, text);
      const from = offsets?.[start];
      if (offsets === undefined || from === undefined) return nodePlace(document, node);
      return placeAt(document.source, from, (offsets[end - 1] ?? from) + 1);
    },
  };
}

/**
 * For each character of a scalar's value, its offset in the file; one more entry for the end. Undefined if they cannot be paired.
 *
 * Folding, indentation and chomping change nothing but white space, so the k-th visible character of the value is the k-th
 * visible character of the text; quotes add the escapes \" \\ and ''.
 */
function offsetsInFile(text: string, node: Scalar, value: string): number[] | undefined {
  const [start, end] = node.range ?? [0, 0];
  const quoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE';
  const block = node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED';
  // The first line of a block scalar holds its indicators and perhaps a comment.
  let at = block ? text.indexOf('\n', start) + 1 : start + (quoted ? 1 : 0);
  const skipSpace = (): void => {
    while (at < end && /\s/.test(text.charAt(at))) at++;
  };
  const offsets: number[] = [];
  for (const character of Array.from({ length: value.length }, (_, i) => value.charAt(i))) {
    if (/\s/.test(character)) {
      offsets.push(at);
      if (/\s/.test(text.charAt(at))) at++;
      continue;
    }
    skipSpace();
    if (node.type === 'QUOTE_DOUBLE' && text.charAt(at) === '\\') at++;
    if (node.type === 'QUOTE_SINGLE' && character === "'") at++;
    if (text.charAt(at) !== character) return undefined;
    offsets.push(at++);
  }
  offsets.push(at);
  return offsets;
}
