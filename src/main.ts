/** Entry of the command: builds the verbs, runs one, turns what it throws into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { exitCodeOf } from './cli/exit.ts';
import type { Streams } from './cli/output.ts';
import { program } from './cli/program.ts';

const packageJson = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageJson));

const streams: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
};

// A reader that stops early (head, less) is no error.
process.stdout.on('error', error => {
  if ('code' in error && error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program(streams, version).parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error, streams);
}
