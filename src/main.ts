/** Entry of the command: builds the verbs, runs one, turns what it throws into one line and an exit code. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { checkVerb } from './cli/check.ts';
import { dommemstatVerb } from './cli/dommemstat.ts';
import { domstatsVerb } from './cli/domstats.ts';
import { listVerb } from './cli/list.ts';
import type { Streams } from './cli/output.ts';
import { runVerb } from './cli/run.ts';
import { setmemVerb } from './cli/setmem.ts';
import { BallonetError, ERRORS } from './model/errors.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

const streams: Streams = {
  out: text => process.stdout.write(text),
  err: text => process.stderr.write(text),
};

function program(): Command {
  const root = new Command('ballonet')
    .description('Tunes the memory balloons of KVM guests as declarative policies say.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option('-c, --connect <uri>', 'hypervisor to talk to; default LIBVIRT_DEFAULT_URI, else the local libvirt, else a simulated host');
  const verbs = [
    runVerb(streams, version),
    checkVerb(streams),
    listVerb(streams),
    dommemstatVerb(streams),
    domstatsVerb(streams),
    setmemVerb(),
  ];
  for (const verb of verbs) root.addCommand(verb);
  for (const command of [root, ...verbs]) {
    command.exitOverride().configureOutput({ writeOut: streams.out, writeErr: streams.err }).showHelpAfterError('(--help shows the form)');
  }
  return root;
}

/** The exit code of what a verb threw (cli.md); prints its one line unless commander already has. */
function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof BallonetError) {
    streams.err(`ballonet: ${error.message}\n`);
    return ERRORS[error.code].exit;
  }
  streams.err(`ballonet: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  return 1;
}

// A reader that stops early (head, less) is no error.
process.stdout.on('error', error => {
  if ((error as NodeJS.ErrnoException).code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program().parseAsync(process.argv);
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
