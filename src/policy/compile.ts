import type { Seconds } from '../model/units.ts';
import type { Compiling } from './compile-document.ts';
import { type CompiledGuest, compileGuest } from './compile-guest.ts';
import { type CompiledHost, compileHost } from './compile-host.ts';
import { lintPolicies } from './lints.ts';
import { selectionsOverlap, type Work } from './match.ts';
import type { PolicySet, PolicyText } from './policy-set.ts';
import { type Diagnostic, errorAt, hasErrors, sortDiagnostics } from './source/diagnostics.ts';
import { type PolicySource, readDocuments, type SourceDocument } from './source/documents.ts';
import { keyPlace, type Path, valuePlace } from './source/locate.ts';
import { suggestion } from './source/suggest.ts';
import { API_VERSION, otherVersion } from './source/version.ts';

/** Outcome of reading a set: the set, or with any error among the diagnostics no set at all. */
export interface Compilation {
  readonly set: PolicySet | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** Warnings about a sound set; none while there is no set. `wall` is Unix time, which tells what has expired. */
  readonly lint: (wall: Seconds) => readonly Diagnostic[];
  /** The files that were read, in their order. */
  readonly files: readonly string[];
}

const KINDS = ['HostPolicy', 'GuestPolicy'] as const;

type Kind = (typeof KINDS)[number];

// About a second of comparing globs.
const OVERLAP_WORK = 20_000_000;

/**
 * Compiles the files of a policy set. Never throws: whatever is wrong with any file is a diagnostic, and all of them are given.
 *
 * @param sought - Where files were looked for, which is the place of the diagnostic when there are none.
 */
export function compilePolicies(sources: readonly PolicySource[], sought = 'policies'): Compilation {
  const diagnostics: Diagnostic[] = [];
  const documents: SourceDocument[] = [];
  for (const source of sources) {
    const read = readDocuments(source);
    documents.push(...read.documents);
    diagnostics.push(...read.diagnostics);
  }
  const kinds = new Map<Kind, SourceDocument[]>(KINDS.map(kind => [kind, []]));
  for (const document of documents) {
    const kind = kindOf(document, diagnostics);
    if (kind !== undefined) kinds.get(kind)?.push(document);
  }
  // A document that could not be read or told may well be the host policy that seems to be missing.
  const complete = !hasErrors(diagnostics);
  const hostDocuments = kinds.get('HostPolicy') ?? [];
  const guestDocuments = kinds.get('GuestPolicy') ?? [];
  if (complete && hostDocuments.length === 0) diagnostics.push(withoutHost(sources, sought));
  checkHostCount(hostDocuments, diagnostics);
  checkNames(hostDocuments, 'HostPolicy', diagnostics);
  checkNames(guestDocuments, 'GuestPolicy', diagnostics);

  const hosts = hostDocuments.map(document => compileHost({ document, diagnostics }));
  const host = hosts.length === 1 ? hosts[0] : undefined;
  const guests = guestDocuments.flatMap(document => compileGuest({ document, diagnostics }, host) ?? []);
  checkPrecedence(guests, diagnostics);
  const sound = !hasErrors(diagnostics) && host !== undefined;
  return {
    set: sound ? { ...assemble(host, guests), texts: sources.map(textOf) } : undefined,
    lint: wall => (sound ? lintPolicies(host, guests, wall) : []),
    diagnostics: sortDiagnostics(diagnostics),
    files: sources.map(({ file }) => file),
  };
}

function assemble(host: CompiledHost, guests: readonly CompiledGuest[]): PolicySet {
  const policies = guests.map(({ policy }) => policy);
  return { host: host.policy, guests: policies.toSorted((a, b) => b.precedence - a.precedence) };
}

/** A sound set has no file that is not UTF-8. */
function textOf({ file, content }: PolicySource): PolicyText {
  return { file, text: typeof content === 'string' ? content : new TextDecoder().decode(content) };
}

function fieldOf({ value }: SourceDocument, path: Path): unknown {
  return path.reduce<unknown>(
    (at, step) => (typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined),
    value,
  );
}

/** The kind of a document, if it is one that this version reads. */
function kindOf(document: SourceDocument, diagnostics: Diagnostic[]): Kind | undefined {
  const refuse = (path: Path, message: string, hint: string): undefined => {
    diagnostics.push(errorAt(valuePlace(document, path), 'POLICY_KIND', message, { hint }));
    return undefined;
  };
  const [apiVersion, kind] = [fieldOf(document, ['apiVersion']), fieldOf(document, ['kind'])];
  if (apiVersion === undefined) {
    return refuse([], 'the document has no apiVersion', `a policy begins with apiVersion: ${API_VERSION}`);
  }
  if (apiVersion !== API_VERSION) {
    const { message, hint } = otherVersion(apiVersion, 'policy');
    return refuse(['apiVersion'], message, hint);
  }
  if (kind === undefined) return refuse([], 'the document has no kind', `the kinds: ${KINDS.join(', ')}`);
  const known = KINDS.find(candidate => candidate === kind);
  if (known !== undefined) return known;
  const name = typeof kind === 'string' ? kind : '';
  return refuse(['kind'], `there is no kind '${name}'`, suggestion(name, KINDS, 'the kinds'));
}

function withoutHost(sources: readonly PolicySource[], sought: string): Diagnostic {
  const files = sources.map(({ file }) => file).join(', ');
  const place = { file: sources[0]?.file ?? sought, line: 1, column: 1 };
  const message = `there is no HostPolicy in ${files === '' ? 'the set: no policy file was found' : files}`;
  const hint = 'add a document with kind: HostPolicy; policies/standard.yaml has one to start from';
  return errorAt(place, 'POLICY_HOST_COUNT', message, { hint });
}

function checkHostCount(hosts: readonly SourceDocument[], diagnostics: Diagnostic[]): void {
  if (hosts.length < 2) return;
  const places = hosts.map(host => valuePlace(host, ['kind']));
  const list = places.map(({ file, line }) => `${file}:${line}`).join(', ');
  for (const place of places.slice(1)) {
    diagnostics.push(errorAt(place, 'POLICY_HOST_COUNT', `there is more than one HostPolicy: ${list}`));
  }
}

function checkNames(documents: readonly SourceDocument[], kind: Kind, diagnostics: Diagnostic[]): void {
  const seen = new Map<string, SourceDocument>();
  for (const document of documents) {
    const name = fieldOf(document, ['metadata', 'name']);
    if (typeof name !== 'string') continue;
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, document);
      continue;
    }
    const { file, line } = valuePlace(first, ['metadata', 'name']);
    const place = valuePlace(document, ['metadata', 'name']);
    diagnostics.push(
      errorAt(place, 'POLICY_DUPLICATE', `there already is a ${kind} '${name}' at ${file}:${line}`),
    );
  }
}

/** Precedence has to say which policy governs a guest: equals must not be able to meet. */
function checkPrecedence(guests: readonly CompiledGuest[], diagnostics: Diagnostic[]): void {
  const work: Work = { left: OVERLAP_WORK };
  for (const [index, guest] of guests.entries()) {
    const rivals = guests
      .slice(0, index)
      .filter(({ policy }) => policy.precedence === guest.policy.precedence);
    const rival = rivals.find(other => selectionsOverlap(other.selection, guest.selection, work));
    if (rival !== undefined) diagnostics.push(overlap(guest, rival, work.left < 0));
    if (work.left < 0) return;
  }
}

function overlap({ policy, compiling }: CompiledGuest, rival: CompiledGuest, exhausted: boolean): Diagnostic {
  const place = precedencePlace(compiling);
  const { file, line } = precedencePlace(rival.compiling);
  const names = `'${policy.name}' and '${rival.policy.name}' (${file}:${line})`;
  const hint = 'give one of them a higher precedence';
  return exhausted
    ? errorAt(place, 'POLICY_LIMIT', `too many globs to tell whether ${names} can match the same guest`, {
        hint,
      })
    : errorAt(
        place,
        'POLICY_PRECEDENCE',
        `${names} have precedence ${policy.precedence} and can match the same guest`,
        { hint },
      );
}

function precedencePlace({ document }: Compiling) {
  return fieldOf(document, ['spec', 'precedence']) === undefined
    ? keyPlace(document, ['metadata', 'name'])
    : valuePlace(document, ['spec', 'precedence']);
}
