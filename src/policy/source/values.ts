import { type Alias, type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml';
import { type Diagnostic, type DiagnosticCode, errorAt } from './diagnostics.ts';
import { placeAt, type TextFile } from './text-file.ts';

// Aliases are counted as often as they are read, so that aliases of aliases cannot multiply beyond this.
const NODES_MAX = 50_000;
const DEPTH_MAX = 20;
// Looking up an alias walks the whole document.
const ALIASES_MAX = 100;

interface Walk {
  readonly source: TextFile;
  readonly root: Document.Parsed;
  readonly diagnostics: Diagnostic[];
  readonly targets: Map<Alias, Node | undefined>;
  nodes: number;
}

/**
 * The plain value of a document: objects without a prototype, arrays, strings, numbers, booleans and null.
 *
 * Refuses duplicate keys, keys that are not scalars, merge keys, tags, and aliases that multiply.
 */
export function plainValue(
  source: TextFile,
  root: Document.Parsed,
): { readonly value: unknown; readonly diagnostics: readonly Diagnostic[] } {
  const walk: Walk = { source, root, diagnostics: [], targets: new Map(), nodes: 0 };
  const value = nodeValue(walk, root.contents, 0);
  return { value, diagnostics: walk.diagnostics };
}

function refuse(
  walk: Walk,
  node: Node | null,
  code: DiagnosticCode,
  message: string,
  hint?: string,
): undefined {
  const [start, end] = node?.range ?? [0, 1];
  walk.diagnostics.push(errorAt(placeAt(walk.source, start, end), code, message, { hint }));
  return undefined;
}

function nodeValue(walk: Walk, node: Node | null, depth: number): unknown {
  if (node === null) return null;
  if (++walk.nodes > NODES_MAX) {
    // Once: every further node would say the same.
    return walk.nodes === NODES_MAX + 1
      ? refuse(walk, node, 'POLICY_LIMIT', 'the document is too large once its aliases are resolved')
      : undefined;
  }
  if (depth > DEPTH_MAX) return refuse(walk, node, 'POLICY_LIMIT', 'the nesting is too deep');
  if (isAlias(node)) return aliasValue(walk, node, depth);
  if (node.tag !== undefined) {
    return refuse(
      walk,
      node,
      'POLICY_YAML',
      'tags are not allowed in policies',
      'leave the tag out; a text that begins with ! needs quotes',
    );
  }
  if (isScalar(node)) return node.value;
  if (isSeq<Node | null>(node)) return node.items.map(item => nodeValue(walk, item, depth + 1));
  if (isMap<Node | null, Node | null>(node)) return mapValue(walk, node.items, depth);
  return refuse(walk, node, 'POLICY_YAML', 'this is not a value that a policy can have');
}

function aliasValue(walk: Walk, node: Alias, depth: number): unknown {
  if (!walk.targets.has(node)) {
    if (walk.targets.size >= ALIASES_MAX) {
      return refuse(walk, node, 'POLICY_LIMIT', `the document has more than ${ALIASES_MAX} aliases`);
    }
    walk.targets.set(node, node.resolve(walk.root));
  }
  const target = walk.targets.get(node);
  return target === undefined
    ? refuse(
        walk,
        node,
        'POLICY_YAML',
        `there is no anchor '${node.source}' before this alias`,
        'a text that begins with * needs quotes',
      )
    : nodeValue(walk, target, depth + 1);
}

function mapValue(walk: Walk, items: readonly Pair<Node | null, Node | null>[], depth: number): unknown {
  const result: Record<string, unknown> = Object.create(null);
  for (const { key, value } of items) {
    if (!isScalar(key)) {
      refuse(walk, key, 'POLICY_YAML', 'a key must be a plain name');
      continue;
    }
    const name = key.source ?? String(key.value);
    if (name === '<<') {
      refuse(walk, key, 'POLICY_YAML', 'merge keys are not allowed in policies', 'write the fields out');
    } else if (name in result) {
      refuse(
        walk,
        key,
        'POLICY_DUPLICATE',
        `'${name}' is already there`,
        'YAML readers would keep one of them and drop the other',
      );
    } else {
      result[name] = nodeValue(walk, value, depth + 1);
    }
  }
  return result;
}
