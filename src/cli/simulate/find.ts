import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { BallonetError } from '../../model/errors.ts';
import { suggestion } from '../../policy/source/suggest.ts';
import { SHIPPED_SCENARIOS } from './files.ts';

/** Names of the scenarios that come with the package; none where they have been left out. */
export function shippedScenarios(): string[] {
  if (!existsSync(SHIPPED_SCENARIOS)) return [];
  return readdirSync(SHIPPED_SCENARIOS)
    .filter(name => name.endsWith('.yaml'))
    .map(name => basename(name, '.yaml'))
    .toSorted();
}

/**
 * The file of a scenario that is named as `overcommitted`, `sim:///overcommitted`, `sim:///path/file.yaml` or `path/file.yaml`. A
 * path after `sim:///` is relative to the working folder, and absolute with one more slash.
 *
 * @throws BallonetError URI_INVALID, naming the scenarios there are
 */
export function scenarioFile(text: string): string {
  const name = text.startsWith('sim:///') ? text.slice('sim:///'.length) : text;
  if (/\.ya?ml$/.test(name) || name.includes('/')) {
    if (existsSync(name) || !existsSync(`/${name}`)) return name;
    const message = `there is no ${name} in this folder; the one at /${name} is sim:////${name} as a URI`;
    throw new BallonetError('URI_INVALID', message);
  }
  const file = join(SHIPPED_SCENARIOS, `${name}.yaml`);
  if (/^[\w.-]+$/.test(name) && existsSync(file)) return file;
  const known = shippedScenarios();
  throw new BallonetError(
    'URI_INVALID',
    `there is no simulated host '${name}'; ${suggestion(name, known, 'shipped are')}; a file is named by its path`,
  );
}
