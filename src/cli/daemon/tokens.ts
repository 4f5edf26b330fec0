import { readFileSync, statSync } from 'node:fs';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { TokenFiles } from './api-options.ts';

/** A token that can be guessed is none. */
const LENGTH_MIN = 16;

/** @throws BallonetError CONFIG_INVALID */
export function readTokens({ read, write }: TokenFiles): {
  readonly read: string | undefined;
  readonly write: string | undefined;
} {
  const tokens = { read: read && readToken(read), write: write && readToken(write) };
  if (tokens.read !== undefined && tokens.read === tokens.write)
    throw new BallonetError('CONFIG_INVALID', `the tokens in ${read} and ${write} are the same`);
  return tokens;
}

/**
 * Reads a file that nobody else may read.
 *
 * @param what for the message: `token file`
 * @throws BallonetError CONFIG_INVALID
 */
export function readSecret(file: string, what: string): string {
  const refused = (why: string, cause?: unknown) =>
    new BallonetError('CONFIG_INVALID', `${what} ${file}: ${why}`, { cause });
  try {
    if ((statSync(file).mode & 0o007) !== 0)
      throw refused('others may read or change it; run chmod o-rwx on it');
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw cause instanceof BallonetError ? cause : refused(errorMessage(cause), cause);
  }
}

function readToken(file: string): string {
  const refused = (why: string) => new BallonetError('CONFIG_INVALID', `token file ${file}: ${why}`);
  const text = readSecret(file, 'token file').trim();
  if (!/^[\x21-\x7e]+$/.test(text)) throw refused('the token must be one word of printable ASCII');
  if (text.length < LENGTH_MIN) throw refused(`the token is shorter than ${LENGTH_MIN} characters`);
  return text;
}
