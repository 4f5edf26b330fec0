import { CommanderError } from 'commander';
import { BallonetError, ERRORS } from '../model/errors.ts';
import type { Streams } from './output.ts';

/** The exit code of what a verb threw (cli.md); prints its one line unless commander already has. */
export function exitCodeOf(error: unknown, { err }: Pick<Streams, 'err'>): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof BallonetError) {
    // Diagnostics have a place of their own in front: `file:line:col: ...` is what editors jump to.
    err(error.code.startsWith('POLICY_') ? `${error.message}\n` : `ballonet: ${error.message}\n`);
    return ERRORS[error.code].exit;
  }
  err(`ballonet: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}
