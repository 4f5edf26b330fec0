/** Entry of the command: builds the verbs, runs one, turns what it throws into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { z } from 'zod';
import type { Streams } from './cli/output.ts';
import { program } from './cli/program.ts';
import { BallonetError, ERRORS } from './model/errors.ts';

const packageJson = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageJson));

const streams: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
};

/** The exit code of what a verb threw (cli.md); prints its one line unless commander already has. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof BallonetError) {
    // Diagnostics have a place of their own in front: `file:line:col: ...` is what editors jump to.
    streams.err(error.code.startsWith('POLICY_') ? `${error.message}\n` : `ballonet: ${error.message}\n`);
    return ERRORS[error.code].exit;
  }
  streams.err(
    `ballonet: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return 1;
}

// A reader that stops early (head, less) is no error.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program(streams, version).parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
