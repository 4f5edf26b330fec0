/** Entry of the command: builds the verbs, runs one, turns what it throws into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { exitCodeOf } from './cli/exit.ts';
import type { Streams } from './cli/output.ts';
import { program } from './cli/program.ts';
import { errorMessage, systemCode } from './model/errors.ts';

const packageJson = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
const { version } = z.object({ version: z.string() }).parse(JSON.parse(packageJson));

const streams: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
};

process.stdout.on('error', error => {
  // A reader that stops early (head, less) is no error.
  if (systemCode(error) === 'EPIPE') process.exit(0);
  streams.err(`ballonet: standard output cannot be written: ${errorMessage(error)}\n`);
  process.exit(1);
});

// What a verb does is worth more than what it says of it.
process.stderr.on('error', () => {});

try {
  await program(streams, version).parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error, streams);
}
