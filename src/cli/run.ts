import { Command, Option } from 'commander';
import { BehaviorSubject, type Subscription } from 'rxjs';
import { createBalloonActuator, dryRunActuator } from '../actuators/balloon.ts';
import { createCollector } from '../collectors/snapshot.ts';
import { createAnnouncer } from '../engine/announce.ts';
import { type EngineEvent, runEngine } from '../engine/engine.ts';
import { releaseBalloons } from '../engine/release.ts';
import { connect } from '../hypervisor/connect.ts';
import type { Hypervisor } from '../hypervisor/driver.ts';
import { systemClock } from '../model/clock.ts';
import { BallonetError, errorMessage } from '../model/errors.ts';
import { loadPolicySet, requirePolicySet } from '../policy/load.ts';
import type { PolicySet } from '../policy/policy-set.ts';
import { createLog, LOG_LEVELS, type Logger, type LogLevel } from '../telemetry/log.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { collectorSettings, inForce, reloadPolicies } from './reload.ts';
import { type ChosenUri, chooseUri } from './uri.ts';

/** systemd sends SIGKILL much later, but a host that shuts down should not wait for a memory tuner. */
const SHUTDOWN_SECONDS = 4;

interface Options {
  readonly policy: readonly string[];
  readonly dryRun?: true;
  readonly logLevel: LogLevel;
}

export function runVerb(version: string): Command {
  return new Command('run')
    .summary('the daemon: tunes the balloons of all guests as the policies say')
    .description(
      'Collects memory statistics once an interval, decides a target for every guest and moves its balloon. Logs JSON lines on ' +
        'stderr, readable ones on a terminal. SIGHUP reads the policies anew; a set with errors changes nothing. SIGTERM stops it ' +
        'and leaves balloons as onExit says.',
    )
    .addOption(
      new Option('--policy <path>', 'a policy file or a folder of them; may be given again')
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], 'none'),
    )
    .option('--dry-run', 'decide and log, move nothing; needs no right to change anything')
    .addOption(
      new Option('--log-level <level>', 'least severe level to log').choices(LOG_LEVELS).default('info'),
    )
    .action(async (options: Options, command: Command) => {
      if (options.policy.length === 0) {
        throw new BallonetError(
          'USAGE',
          'no policy given; --policy policies/standard.yaml is one to start with',
        );
      }
      const policies = requirePolicySet(loadPolicySet(options.policy, hostPolicyFiles));
      const log = createLog(options.logLevel, process.stderr);
      const { connect: uri } = command.optsWithGlobals<{ connect?: string }>();
      const dryRun = options.dryRun === true;
      await runDaemon({
        policies: inForce(policies, dryRun),
        paths: options.policy,
        chosen: chooseUri(uri),
        dryRun,
        log,
        version,
      });
    });
}

interface Daemon {
  readonly policies: PolicySet;
  /** Where they were read from, for the next time. */
  readonly paths: readonly string[];
  readonly chosen: ChosenUri;
  readonly dryRun: boolean;
  readonly log: Logger;
  readonly version: string;
}

const BECAUSE: Readonly<Record<ChosenUri['because'], string>> = {
  option: 'asked for with --connect',
  environment: 'named by LIBVIRT_DEFAULT_URI',
  'local-libvirt': 'libvirt runs on this machine',
  embedded: 'no libvirt on this machine: these guests are simulated',
};

async function runDaemon({ policies, paths, chosen, dryRun, log, version }: Daemon): Promise<void> {
  const observing = policies.host.mode === 'observe';
  const hypervisor = await connect(chosen.uri, {
    readOnly: observing,
    reconnect: true,
    onWarning: error => log.warn({ err: error }, 'hypervisor warned'),
  });
  log.info(
    {
      version,
      uri: chosen.uri,
      because: BECAUSE[chosen.because],
      hypervisor: await hypervisor.version(),
      policy: policies.host.name,
      guestPolicies: policies.guests.map(policy => policy.name).join(', '),
      mode: policies.host.mode,
    },
    'ballonet runs',
  );
  const links = watchLink(hypervisor, log);
  const collector = createCollector({
    hypervisor,
    clock: systemClock,
    procRoot: '/',
    ...collectorSettings(policies),
    arm: !observing,
  });
  const problems = collector.problems.subscribe(({ source, error }) => {
    if (error === undefined) log.info({ source }, 'source is back');
    else log.warn({ source, err: error }, 'source failed');
  });
  const running = new BehaviorSubject(policies);
  const reload = () => reloadPolicies({ paths, dryRun, running, collector, log });
  process.on('SIGHUP', reload);
  const announce = createAnnouncer(log);
  let last: Extract<EngineEvent, { type: 'tick' }> | undefined;
  const signal = await new Promise<NodeJS.Signals>((resolve, reject) => {
    const engine = runEngine({
      collect: () => collector.collect(),
      actuator: observing ? dryRunActuator : createBalloonActuator(hypervisor),
      policies: running,
      clock: systemClock,
    }).subscribe({
      next: event => {
        if (event.type === 'tick') last = event;
        announce(event);
      },
      error: reject,
    });
    onStopSignal(engine, resolve);
  });
  process.off('SIGHUP', reload);
  const onExit = observing ? 'hold' : running.value.host.onExit;
  log.info({ signal, onExit }, 'stopping');
  const deadline = setTimeout(() => {
    log.error('shutdown took too long: balloons stay as they are');
    process.exit(1);
  }, SHUTDOWN_SECONDS * 1000);
  if (onExit === 'release' && last !== undefined) {
    const released = await releaseBalloons(hypervisor, last.tick.decisions, last.snapshot.guests);
    log.info(released, 'balloons released');
  }
  collector.close();
  problems.unsubscribe();
  links.unsubscribe();
  await hypervisor.close();
  clearTimeout(deadline);
  log.info('stopped');
  if (signal === 'SIGINT') process.exitCode = 130;
}

/** Resolves with the first signal that asks for the end; a second one ends at once. */
function onStopSignal(engine: Subscription, stop: (signal: NodeJS.Signals) => void): void {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      engine.unsubscribe();
      stop(signal);
    });
  }
}

function watchLink(hypervisor: Hypervisor, log: Logger): Subscription {
  let up = true;
  return hypervisor.link.subscribe(state => {
    if (state.up === up) return;
    up = state.up;
    if (state.up) log.info('hypervisor is back: collecting anew');
    else log.warn({ problem: errorMessage(state.error) }, 'hypervisor lost: balloons stay as they are');
  });
}
