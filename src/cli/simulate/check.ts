/** `ballonet check` of scenario files. */
import { errorMessage, isBallonetError } from '../../model/errors.ts';
import type { PolicyFiles } from '../../policy/load.ts';
import { formatDiagnostic } from '../../policy/source/diagnostics.ts';
import { FILE_BYTES_MAX } from '../../policy/source/documents.ts';
import { loadScenario, type ScenarioFiles, simulationOf } from '../../simulator/scenario/load.ts';
import type { Streams } from '../output.ts';

/** Paths by what is in them. A folder that holds scenarios is taken apart into its files. */
export interface Sorted {
  readonly scenarios: readonly string[];
  readonly others: readonly string[];
}

export function sortScenarios(paths: readonly string[], files: PolicyFiles): Sorted {
  const scenarios: string[] = [];
  const others: string[] = [];
  for (const path of paths) {
    const inside = yamlFilesAt(path, files);
    const found = inside.filter(file => isScenario(file, files));
    scenarios.push(...found);
    if (found.length === 0) others.push(path);
    else others.push(...inside.filter(file => !found.includes(file)));
  }
  return { scenarios, others };
}

/** What cannot be read is left to those who tell why. */
function yamlFilesAt(path: string, files: PolicyFiles): string[] {
  try {
    if (files.kind(path) === 'file') return [path];
    const names = files.list(path).filter(name => /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name));
    return names.toSorted().map(name => (path.endsWith('/') ? `${path}${name}` : `${path}/${name}`));
  } catch {
    return [];
  }
}

function isScenario(file: string, files: PolicyFiles): boolean {
  try {
    return /^kind:\s*Scenario\s*(?:#.*)?$/m.test(new TextDecoder().decode(files.read(file, FILE_BYTES_MAX)));
  } catch {
    return false;
  }
}

/** Every finding on stderr, a line for each file on stdout. */
export function checkScenarios(paths: readonly string[], files: ScenarioFiles, { out, err }: Streams): 0 | 1 {
  let code: 0 | 1 = 0;
  for (const file of paths) {
    const { scenario, diagnostics } = loadScenario(file, files);
    for (const diagnostic of diagnostics) err(`${formatDiagnostic(diagnostic)}\n`);
    if (scenario === undefined) {
      code = 1;
      out(`${file}: refused\n`);
      continue;
    }
    try {
      const { guests } = simulationOf(scenario, files).scenario;
      out(`${file}: ok (${guests.length} ${guests.length === 1 ? 'guest' : 'guests'})\n`);
    } catch (error) {
      if (!isBallonetError(error, 'TRACE_INVALID')) throw error;
      code = 1;
      err(`${errorMessage(error)}\n`);
      out(`${file}: refused\n`);
    }
  }
  return code;
}
