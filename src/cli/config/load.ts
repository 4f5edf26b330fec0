/** Reads the daemon's configuration file. */
import { dirname, resolve } from 'node:path';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { PolicyFiles } from '../../policy/load.ts';
import { validateDocument } from '../../policy/schema/validate.ts';
import {
  type Diagnostic,
  errorAt,
  formatDiagnostic,
  hasErrors,
  sortDiagnostics,
} from '../../policy/source/diagnostics.ts';
import { FILE_BYTES_MAX, readDocuments } from '../../policy/source/documents.ts';
import { keyPlace, valuePlace } from '../../policy/source/locate.ts';
import { API_VERSION, otherVersion } from '../../policy/source/version.ts';
import { ConfigDocument, type ConfigSpec } from './schema.ts';

export interface LoadedConfig {
  /** Its paths are absolute. Undefined when anything is wrong with the file. */
  readonly config: ConfigSpec | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a configuration file, which holds one document. Never throws: whatever is wrong is a diagnostic. */
export function loadConfig(file: string, files: Pick<PolicyFiles, 'read'>): LoadedConfig {
  const top = { file, line: 1, column: 1 };
  let content: Uint8Array;
  try {
    content = files.read(file, FILE_BYTES_MAX + 1);
  } catch (cause) {
    const message = `cannot be read: ${errorMessage(cause)}`;
    return refused([errorAt(top, 'POLICY_UNREADABLE', message, { cause })]);
  }
  const { documents, diagnostics } = readDocuments({ file, content });
  if (hasErrors(diagnostics)) return refused(diagnostics);
  const [document, second] = documents;
  if (document === undefined || second !== undefined) {
    const message = `a configuration file holds one document, and this one has ${documents.length}`;
    return refused([errorAt(second === undefined ? top : keyPlace(second, []), 'POLICY_KIND', message)]);
  }
  const { value } = document;
  const apiVersion =
    typeof value === 'object' && value !== null ? Reflect.get(value, 'apiVersion') : undefined;
  // Before all else: fields of another version would only be called unknown.
  if (apiVersion !== undefined && apiVersion !== API_VERSION) {
    const { message, hint } = otherVersion(apiVersion, 'configuration');
    return refused([errorAt(valuePlace(document, ['apiVersion']), 'POLICY_KIND', message, { hint })]);
  }
  const validated = validateDocument(document, ConfigDocument);
  if ('diagnostics' in validated) return refused(validated.diagnostics);
  return { config: placed(validated.value.spec, dirname(file)), diagnostics: [] };
}

function refused(diagnostics: readonly Diagnostic[]): LoadedConfig {
  return { config: undefined, diagnostics: sortDiagnostics(diagnostics) };
}

/** With paths from the folder that the file is in: systemd starts daemons in /. */
function placed(spec: ConfigSpec, folder: string): ConfigSpec {
  const { policies, shadows, state, socket, tokenFile, readTokenFile, tls } = spec;
  const at = (path: string | undefined) => (path === undefined ? undefined : resolve(folder, path));
  return {
    ...spec,
    policies: policies?.map(path => resolve(folder, path)),
    shadows: shadows?.map(path => resolve(folder, path)),
    state: at(state),
    socket: at(socket),
    tokenFile: at(tokenFile),
    readTokenFile: at(readTokenFile),
    tls: tls && { ...tls, cert: at(tls.cert), key: at(tls.key), clientCa: at(tls.clientCa) },
  };
}

/** @throws BallonetError CONFIG_INVALID with every diagnostic in the form that is printed */
export function requireConfig({ config, diagnostics }: LoadedConfig): ConfigSpec {
  if (config !== undefined) return config;
  const cause = diagnostics.find(each => each.cause !== undefined)?.cause;
  throw new BallonetError(
    'CONFIG_INVALID',
    `the configuration is refused\n${diagnostics.map(formatDiagnostic).join('\n')}`,
    {
      cause,
    },
  );
}
