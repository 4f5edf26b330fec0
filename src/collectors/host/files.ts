import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BallonetError, errorMessage } from '../../model/errors.ts';

/**
 * Text of a file of the host, such as `/proc/meminfo`, under a root that tests replace.
 *
 * @throws BallonetError HOST_UNREADABLE
 */
export async function readHostFile(root: string, path: string): Promise<string> {
  try {
    return await readFile(join(root, path), 'utf8');
  } catch (error) {
    throw new BallonetError('HOST_UNREADABLE', `${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** True when the error says that the file is not there, as opposed to there and unreadable. */
export function isMissingFile(error: unknown): boolean {
  const cause = error instanceof BallonetError ? error.cause : error;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
}

export function malformed(path: string, what: string): BallonetError {
  return new BallonetError('HOST_UNREADABLE', `${path}: ${what}`);
}
