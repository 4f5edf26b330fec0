import { readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import type { ScenarioFiles } from '../../simulator/scenario/load.ts';
import { csvTable, journalTable } from '../../simulator/scenario/trace-table.ts';
import { hostPolicyFiles } from '../policy-files.ts';

/** A trace of a month of seconds for a hundred guests is about this long. */
const TRACE_BYTES_MAX = 1024 ** 3;

/** Scenarios and traces of this host's file system. */
export const hostScenarioFiles: ScenarioFiles = {
  read: (path, limit) => hostPolicyFiles.read(path, limit),
  trace(path) {
    if (statSync(path).isDirectory() || /\.ndjson(\.gz)?$/.test(path)) return journalTable(path);
    const content = readFileSync(path);
    const plain = path.endsWith('.gz') ? gunzipSync(content, { maxOutputLength: TRACE_BYTES_MAX }) : content;
    return csvTable(path, plain.toString('utf8'));
  },
  beside: (file, path) => (isAbsolute(path) ? path : join(dirname(file), path)),
};

/** Where the scenarios lie that come with the package. */
export const SHIPPED_SCENARIOS = fileURLToPath(new URL('../../../scenarios/', import.meta.url));
