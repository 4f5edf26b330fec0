/** `ballonet check` of scenario files. */
import { errorMessage, isBallonetError } from '../../model/errors.ts';
import { formatDiagnostic } from '../../policy/source/diagnostics.ts';
import { loadScenario, type ScenarioFiles, simulationOf } from '../../simulator/scenario/load.ts';
import type { Streams } from '../output.ts';

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
