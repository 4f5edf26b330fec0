/** Reads scenario files. */
import { BallonetError, errorMessage, isBallonetError } from '../../model/errors.ts';
import type { PolicyFiles } from '../../policy/load.ts';
import { validateDocument } from '../../policy/schema/validate.ts';
import {
  type Diagnostic,
  errorAt,
  formatDiagnostic,
  sortDiagnostics,
} from '../../policy/source/diagnostics.ts';
import type { SourceDocument } from '../../policy/source/documents.ts';
import { type Path, valuePlace } from '../../policy/source/locate.ts';
import { readOneDocument } from '../../policy/source/one-document.ts';
import type { TraceNode } from './demand-schema.ts';
import { generate, type Simulation, type TraceSeries } from './generate.ts';
import { ScenarioDocument, type ScenarioSpec } from './schema.ts';
import { type Recording, recordingsIn, seriesOf, type TraceTable } from './trace.ts';

/** The port through which scenarios and traces are read. Both throw when the path cannot be read. */
export interface ScenarioFiles {
  readonly read: PolicyFiles['read'];
  /** A CSV file or a journal. */
  trace(path: string): TraceTable;
  /** A path as it is written in a file, from where that file is. */
  beside(file: string, path: string): string;
}

/** A sound scenario, before its guests are drawn. */
export interface ScenarioSource {
  readonly file: string;
  readonly name: string;
  readonly description: string;
  readonly spec: ScenarioSpec;
  /** Where everything stands, for what is found wrong later. */
  readonly document: SourceDocument;
}

export interface LoadedScenario {
  /** Undefined when anything is wrong with the file. */
  readonly scenario: ScenarioSource | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads one scenario file, which holds one document. Never throws: whatever is wrong is a diagnostic. */
export function loadScenario(file: string, files: ScenarioFiles): LoadedScenario {
  const read = readOneDocument(file, 'a scenario', (path, most) => files.read(path, most));
  if ('diagnostics' in read) return refused(read.diagnostics);
  const { document } = read;
  const validated = validateDocument(document, ScenarioDocument);
  if ('diagnostics' in validated) return refused(validated.diagnostics);
  const { metadata, spec } = validated.value;
  const found = checkSpec(document, spec);
  if (found.length > 0) return refused(found);
  return {
    scenario: { file, name: metadata.name, description: metadata.description ?? '', spec, document },
    diagnostics: [],
  };
}

function refused(diagnostics: readonly Diagnostic[]): LoadedScenario {
  return { scenario: undefined, diagnostics: sortDiagnostics(diagnostics) };
}

/** What is wrong with the parts among each other. */
function checkSpec(document: SourceDocument, { guests, settle, duration, host }: ScenarioSpec): Diagnostic[] {
  const found: Diagnostic[] = [];
  const names = new Map<string, number>();
  for (const [index, { name, count }] of guests.entries()) {
    const own = count === 1 ? [name] : Array.from({ length: count }, (_, i) => `${name}-${i + 1}`);
    const taken = own.find(each => names.has(each));
    if (taken !== undefined) {
      const place = valuePlace(document, ['spec', 'guests', index, 'name']);
      found.push(errorAt(place, 'POLICY_DUPLICATE', `there already is a guest '${taken}' above`));
    }
    for (const each of own) names.set(each, index);
  }
  if (settle >= duration) {
    const place = valuePlace(document, ['spec', 'settle']);
    found.push(
      errorAt(place, 'POLICY_RANGE', 'nothing is left to score: settle is not shorter than duration'),
    );
  }
  if (host.overhead >= host.memory) {
    const place = valuePlace(document, ['spec', 'host', 'overhead']);
    found.push(errorAt(place, 'POLICY_RANGE', 'the host has nothing left for guests'));
  }
  return found;
}

/** @throws BallonetError SCENARIO_INVALID with every diagnostic in the form that is printed */
export function requireScenario({ scenario, diagnostics }: LoadedScenario): ScenarioSource {
  if (scenario !== undefined) return scenario;
  const cause = diagnostics.find(each => each.cause !== undefined)?.cause;
  throw new BallonetError('SCENARIO_INVALID', diagnostics.map(formatDiagnostic).join('\n'), { cause });
}

/**
 * Draws the guests of a scenario, and reads the traces that it names.
 *
 * @param seed instead of the scenario's own
 * @throws BallonetError TRACE_INVALID
 */
export function simulationOf(source: ScenarioSource, files: ScenarioFiles, seed?: number): Simulation {
  const recordings = new Map<TraceNode, readonly Recording[]>();
  const traces: TraceSeries = (trace, index, maximum) => {
    const known = recordings.get(trace) ?? readRecordings(source, trace, files);
    recordings.set(trace, known);
    return seriesOf(known, trace, index, maximum);
  };
  const { name, description, spec } = source;
  return generate({ name, description, spec, seed, traces });
}

function readRecordings(source: ScenarioSource, trace: TraceNode, files: ScenarioFiles): Recording[] {
  const { file, spec, document } = source;
  try {
    return recordingsIn(files.trace(files.beside(file, trace.file)), trace);
  } catch (cause) {
    if (isBallonetError(cause, 'TRACE_INVALID')) throw cause;
    const path = pathTo(trace, spec) ?? [];
    const { line, column } = valuePlace(document, ['spec', ...path, 'file']);
    const message = `${file}:${line}:${column}: error TRACE_INVALID: the trace ${trace.file} cannot be read: ${errorMessage(cause)}`;
    throw new BallonetError('TRACE_INVALID', message, { cause });
  }
}

/** Where a part of a document stands in it; undefined when it does not. */
function pathTo(part: object, whole: unknown): Path | undefined {
  if (whole === part) return [];
  if (typeof whole !== 'object' || whole === null) return undefined;
  for (const [key, value] of Object.entries(whole)) {
    const below = pathTo(part, value);
    if (below !== undefined) return [Array.isArray(whole) ? Number(key) : key, ...below];
  }
  return undefined;
}
