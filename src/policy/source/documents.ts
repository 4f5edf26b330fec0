import { Composer, type Document, isMap, Lexer, Parser, type YAMLError } from 'yaml';
import { type Diagnostic, errorAt } from './diagnostics.ts';
import { placeAt, type TextFile, textFile } from './text-file.ts';
import { plainValue } from './values.ts';

/** One policy file as it was read. */
export interface PolicySource {
  /** As it is to stand in messages. */
  readonly file: string;
  readonly content: Uint8Array | string;
}

/** Largest policy file, in bytes. */
export const FILE_BYTES_MAX = 1024 * 1024;

// A policy of a hundred lines has about 1,500 lexemes; a file of 100,000 is read in about half a second.
const LEXEMES_MAX = 100_000;
// Each level of nesting takes up to three entries of the parser's stack; a policy has at most six levels.
const STACK_MAX = 60;
const DOCUMENTS_MAX = 256;

/** A YAML document whose syntax is sound, as plain values, with the nodes that say where each value stands. */
export interface SourceDocument {
  readonly source: TextFile;
  readonly root: Document.Parsed;
  /** Objects have no prototype, so that no key of the file can mean more than itself. */
  readonly value: unknown;
}

/** Documents of one file. `diagnostics` has what is wrong with the text; a document with an error of its own is left out. */
export interface ReadDocuments {
  readonly documents: readonly SourceDocument[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads the YAML documents of one file within fixed limits of size, depth and number. Never throws. */
export function readDocuments({ file, content }: PolicySource): ReadDocuments {
  const bytes = typeof content === 'string' ? Buffer.byteLength(content) : content.byteLength;
  if (bytes > FILE_BYTES_MAX) {
    const place = { file, line: 1, column: 1 };
    const message = `the file is larger than ${FILE_BYTES_MAX / 1024} KiB`;
    return failed(errorAt(place, 'POLICY_LIMIT', message, { hint: 'split it into several files' }));
  }
  const text = decode(content);
  if (text === undefined) {
    return failed(errorAt({ file, line: 1, column: 1 }, 'POLICY_ENCODING', 'the file is not valid UTF-8'));
  }
  const source = textFile(file, text);
  try {
    return composeDocuments(source);
  } catch (cause) {
    // The parser reports errors as values; what it throws is a limit of its own (nesting, mostly).
    const place = placeAt(source, 0);
    return failed(errorAt(place, 'POLICY_YAML', 'the YAML parser gave up on this file', { cause }));
  }
}

function failed(diagnostic: Diagnostic): ReadDocuments {
  return { documents: [], diagnostics: [diagnostic] };
}

function decode(content: Uint8Array | string): string | undefined {
  if (typeof content === 'string') return content.replace(/^\uFEFF/, '');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined;
  }
}

function composeDocuments(source: TextFile): ReadDocuments {
  const parser = new Parser();
  // Duplicate keys are looked for in values.ts: the composer compares every key with every other.
  const composer = new Composer({ version: '1.2', schema: 'core', uniqueKeys: false, merge: false });
  const roots: Document.Parsed[] = [];
  let lexemes = 0;
  const feed = (tokens: Iterable<Parameters<Composer['next']>[0]>): void => {
    for (const token of tokens) for (const root of composer.next(token)) roots.push(root);
  };
  for (const lexeme of new Lexer().lex(source.text)) {
    const problem =
      ++lexemes > LEXEMES_MAX
        ? 'the file has too many elements'
        : parser.stack.length > STACK_MAX
          ? 'the nesting is too deep'
          : roots.length > DOCUMENTS_MAX
            ? `the file has more than ${DOCUMENTS_MAX} documents`
            : undefined;
    if (problem !== undefined)
      return failed(errorAt(placeAt(source, parser.offset), 'POLICY_LIMIT', problem));
    feed(parser.next(lexeme));
  }
  feed(parser.end());
  for (const root of composer.end()) roots.push(root);
  const diagnostics: Diagnostic[] = composer.streamInfo().errors.map(error => fromYaml(source, error));
  const documents = roots.flatMap(root => soundDocument(source, root, diagnostics));
  return { documents, diagnostics };
}

function soundDocument(source: TextFile, root: Document.Parsed, out: Diagnostic[]): SourceDocument[] {
  const found = [...root.errors, ...root.warnings].map(error => fromYaml(source, error));
  if (root.directives.yaml.explicit === true) {
    const start = Math.max(0, source.text.lastIndexOf('%YAML', root.range[0]));
    const place = placeAt(source, start, start + '%YAML'.length);
    found.push(errorAt(place, 'POLICY_YAML', '%YAML directives are not allowed; policies are YAML 1.2'));
  }
  if (found.length > 0) {
    out.push(...found);
    return [];
  }
  // A file that ends in `---`, or holds nothing but comments.
  if (root.contents === null || (!isMap(root.contents) && root.contents.range[0] === root.contents.range[1]))
    return [];
  const { value, diagnostics } = plainValue(source, root);
  out.push(...diagnostics);
  return diagnostics.length > 0 ? [] : [{ source, root, value }];
}

function fromYaml(source: TextFile, error: YAMLError): Diagnostic {
  const place = placeAt(source, error.pos[0], error.pos[1]);
  const message = error.message.split('\n', 1)[0] ?? '';
  return errorAt(place, 'POLICY_YAML', message.charAt(0).toLowerCase() + message.slice(1), {
    hint: YAML_HINTS[error.code],
  });
}

const YAML_HINTS: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'YAML is indented with spaces',
  BAD_SCALAR_START: 'put the value in quotes',
  UNEXPECTED_TOKEN: 'a value that has # , : { } [ ] or quotes in it may need quotes around it',
  TAG_RESOLVE_FAILED: 'tags are not allowed in policies; a text that begins with ! needs quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a value with a colon in it needs quotes around it',
};
