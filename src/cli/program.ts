import { Command } from 'commander';
import { checkVerb } from './check.ts';
import { completionVerb } from './completion.ts';
import { decisionsVerb } from './decisions.ts';
import { describeVerb } from './describe.ts';
import { dommemstatVerb } from './dommemstat.ts';
import { domstatsVerb } from './domstats.ts';
import { eventsVerb } from './events.ts';
import { explainVerb } from './explain.ts';
import { listVerb } from './list.ts';
import { pauseVerb, reloadVerb, resumeVerb } from './orders.ts';
import type { Streams } from './output.ts';
import { recordVerb } from './record.ts';
import { releaseVerb } from './release.ts';
import { replayVerb } from './replay.ts';
import { runVerb } from './run.ts';
import { schemaVerb } from './schema.ts';
import { serveVerb } from './serve.ts';
import { setmemVerb } from './setmem.ts';
import { simulateVerb } from './simulate/simulate.ts';
import { tuneVerb } from './simulate/tune.ts';
import { statusVerb } from './status.ts';
import { testVerb } from './test.ts';
import { topVerb } from './top/top.ts';

/** The whole command line: `ballonet [-c URI] VERB ...`. Parse errors are thrown, never exited with. */
export function program(streams: Streams, version: string): Command {
  const root = new Command('ballonet')
    .description('Tunes the memory balloons of KVM guests as declarative policies say.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .option(
      '-c, --connect <uri>',
      'hypervisor to talk to; default LIBVIRT_DEFAULT_URI, else the local libvirt, else a simulated host',
    );
  const verbs = [
    runVerb(version),
    checkVerb(streams),
    testVerb(streams),
    schemaVerb(streams),
    statusVerb(streams),
    listVerb(streams),
    describeVerb(streams),
    explainVerb(streams),
    decisionsVerb(streams),
    eventsVerb(streams),
    topVerb(streams),
    pauseVerb(streams),
    resumeVerb(streams),
    reloadVerb(streams),
    dommemstatVerb(streams),
    domstatsVerb(streams),
    setmemVerb(),
    releaseVerb(streams),
    simulateVerb(streams),
    tuneVerb(streams),
    recordVerb(streams, version),
    replayVerb(streams),
    serveVerb(streams),
    completionVerb(streams, () => root),
  ];
  for (const verb of verbs) root.addCommand(verb);
  for (const command of [root, ...verbs]) {
    command.exitOverride().configureOutput({
      writeOut: streams.out,
      writeErr: streams.err,
      // One line for each mistake, in the form that every other message has.
      outputError: (text, write) =>
        write(
          `ballonet: ${text
            .replace(/^error: /, '')
            .trim()
            .replaceAll('\n', ' ')} (see --help)\n`,
        ),
    });
  }
  return root;
}
