/** Reads the daemon's configuration file. */
import { dirname, resolve } from 'node:path';
import { BallonetError } from '../../model/errors.ts';
import type { PolicyFiles } from '../../policy/load.ts';
import { validateDocument } from '../../policy/schema/validate.ts';
import {
  type Diagnostic,
  errorAt,
  formatDiagnostic,
  sortDiagnostics,
} from '../../policy/source/diagnostics.ts';
import { valuePlace } from '../../policy/source/locate.ts';
import { readOneDocument } from '../../policy/source/one-document.ts';
import { API_VERSION, otherVersion } from '../../policy/source/version.ts';
import { ConfigDocument, type ConfigSpec } from './schema.ts';

export interface LoadedConfig {
  /** Its paths are absolute. Undefined when anything is wrong with the file. */
  readonly config: ConfigSpec | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads a configuration file, which holds one document. Never throws: whatever is wrong is a diagnostic. */
export function loadConfig(file: string, files: Pick<PolicyFiles, 'read'>): LoadedConfig {
  const read = readOneDocument(file, 'a configuration', (path, most) => files.read(path, most));
  if ('diagnostics' in read) return refused(read.diagnostics);
  const { document } = read;
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
