/** Tells the files apart that `ballonet check` is given. */
import type { PolicyFiles } from '../policy/load.ts';
import { FILE_BYTES_MAX } from '../policy/source/documents.ts';

/** Paths by what is in them. A folder that holds scenarios or configurations is taken apart into its files. */
export interface Sorted {
  readonly scenarios: readonly string[];
  readonly configs: readonly string[];
  readonly others: readonly string[];
}

export function sortPaths(paths: readonly string[], files: PolicyFiles): Sorted {
  const scenarios: string[] = [];
  const configs: string[] = [];
  const others: string[] = [];
  for (const path of paths) {
    const inside = yamlFilesAt(path, files).map(file => ({ file, kind: kindOf(file, files) }));
    const policies = inside.filter(({ kind }) => kind === undefined).map(({ file }) => file);
    scenarios.push(...inside.filter(({ kind }) => kind === 'Scenario').map(({ file }) => file));
    configs.push(...inside.filter(({ kind }) => kind === 'Config').map(({ file }) => file));
    if (policies.length === inside.length) others.push(path);
    else others.push(...policies);
  }
  return { scenarios, configs, others };
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

function kindOf(file: string, files: PolicyFiles): string | undefined {
  try {
    const text = new TextDecoder().decode(files.read(file, FILE_BYTES_MAX));
    return /^kind:\s*(Scenario|Config)\s*(?:#.*)?$/m.exec(text)?.[1];
  } catch {
    return undefined;
  }
}
