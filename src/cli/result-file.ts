/** Files that a verb leaves behind: whole, or not at all. */
import {
  closeSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { BallonetError, errorMessage } from '../model/errors.ts';

/**
 * Tells before the work begins that its result would find no place.
 *
 * @throws BallonetError REPORT_UNWRITABLE
 */
export function requireWritable(file: string): void {
  orUnwritable(file, () => {
    const { temporary } = placeOf(file);
    if (temporary === undefined) return;
    closeSync(openSync(temporary, 'wx'));
    rmSync(temporary);
  });
}

/**
 * Replaces the file, or leaves it as it was.
 *
 * @throws BallonetError REPORT_UNWRITABLE
 */
export function writeResult(file: string, text: string): void {
  orUnwritable(file, () => {
    const { target, temporary, mode } = placeOf(file);
    if (temporary === undefined) return writeFileSync(target, text);
    try {
      writeFileSync(temporary, text, { flag: 'wx', mode });
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/** Where the text goes to, and beside it where it is written first; a pipe or device takes it as it comes. */
function placeOf(file: string): {
  readonly target: string;
  readonly temporary?: string;
  readonly mode?: number;
} {
  const stat: Stats | undefined = statSync(file, { throwIfNoEntry: false });
  if (stat?.isDirectory()) throw new Error('it is a folder');
  if (file === '') throw new Error('it has no name');
  const target = stat === undefined ? file : realpathSync(file);
  if (stat !== undefined && !stat.isFile()) return { target };
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}`);
  return { target, temporary, ...(stat && { mode: stat.mode }) };
}

function orUnwritable(file: string, act: () => void): void {
  try {
    act();
  } catch (cause) {
    throw new BallonetError('REPORT_UNWRITABLE', `${file} cannot be written: ${errorMessage(cause)}`, {
      cause,
    });
  }
}
