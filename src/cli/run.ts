import { Command, Option } from 'commander';
import { type Address, parseAddress } from '../api/address.ts';
import { systemClock } from '../model/clock.ts';
import { BallonetError } from '../model/errors.ts';
import { compileReading, readPolicyFiles, requirePolicySet } from '../policy/load.ts';
import { createLog, LOG_LEVELS, type LogLevel } from '../telemetry/log.ts';
import { loadConfig, requireConfig } from './config/load.ts';
import { orUsage } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';
import { inForce } from './reload.ts';
import { defaultSocket } from './socket-path.ts';
import { chooseUri } from './uri.ts';

interface Options {
  readonly config?: string;
  readonly policy: readonly string[];
  readonly dryRun?: true;
  readonly shadow: readonly string[];
  readonly state?: string;
  readonly socket?: string;
  readonly listen?: Address;
  readonly tokenFile?: string;
  readonly readTokenFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsClientCa?: string;
  readonly tlsRead: readonly string[];
  readonly tlsWrite: readonly string[];
  readonly logLevel?: LogLevel;
}

/** What flags and file say together. */
type Settings = {
  readonly [Key in keyof Required<Omit<Options, 'config' | 'logLevel' | 'dryRun'>>]: Options[Key];
} & {
  readonly connect: string | undefined;
  readonly dryRun: boolean;
  readonly logLevel: LogLevel;
};

export function runVerb(version: string): Command {
  return new Command('run')
    .summary('the daemon: tunes the balloons of all guests as the policies say')
    .description(
      'Collects memory statistics once an interval, decides a target for every guest and moves its balloon. Logs JSON lines on ' +
        'stderr, readable ones on a terminal. Policies are read anew when their files change, and on SIGHUP; a set with errors ' +
        'changes nothing. SIGTERM stops it and leaves balloons as onExit says.',
    )
    .option(
      '--config <file>',
      'a Config document with the settings of this command, which those given here win over; read at the start',
    )
    .addOption(
      new Option('--policy <path>', 'a policy file or a folder of them; may be given again')
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], 'none'),
    )
    .option(
      '--dry-run',
      'decide and log, move nothing, and try the policy on models of the guests; needs no right to change anything',
    )
    .addOption(
      new Option(
        '--shadow <path>',
        'another policy set, to be tried on models of the guests; may be given again',
      )
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], 'none'),
    )
    .option(
      '--state <dir>',
      'folder for what a restart must know; default /var/lib/ballonet for root, else in $XDG_STATE_HOME',
    )
    .option(
      '--socket <path>',
      "unix socket of the API, for this user's group; default /run/ballonet/ballonet.sock for root, else in $XDG_RUNTIME_DIR or ~/.local/state",
    )
    .addOption(
      new Option(
        '--listen <addr:port>',
        'TCP address of the API as well, such as 127.0.0.1:9180; without tokens, loopback only and to read only',
      ).argParser(text => orUsage(parseAddress(text))),
    )
    .option('--token-file <file>', 'file with the token of those who may change things over TCP')
    .option('--read-token-file <file>', 'file with the token of those who may read over TCP')
    .option(
      '--tls-cert <file>',
      'certificate of --listen, PEM, with the chain up to its authority; read anew on SIGHUP, as the others',
    )
    .option('--tls-key <file>', 'its key')
    .option('--tls-client-ca <file>', 'authority of the certificates by which clients of --listen are known')
    .addOption(named('--tls-read <name>', 'may read'))
    .addOption(named('--tls-write <name>', 'may change things'))
    .addOption(
      new Option('--log-level <level>', 'least severe level to log; default info').choices(LOG_LEVELS),
    )
    .action(async (options: Options, command: Command) => {
      const { connect } = command.optsWithGlobals<{ connect?: string }>();
      const settings = settingsOf(options, connect);
      const { policy: paths, dryRun } = settings;
      if (paths.length === 0) {
        throw new BallonetError(
          'USAGE',
          'no policy given; --policy policies/standard.yaml is one to start with',
        );
      }
      const reading = readPolicyFiles(paths, hostPolicyFiles);
      const compilation = compileReading(reading);
      const policies = requirePolicySet(compilation);
      const log = createLog(settings.logLevel, process.stderr);
      // Only the daemon needs an HTTP server: the other verbs start without loading one.
      const { runDaemon } = await import('./daemon/daemon.ts');
      const signal = await runDaemon({
        policies: inForce(policies, dryRun),
        paths,
        reading,
        warnings: compilation.lint(systemClock.now().wall),
        chosen: chooseUri(settings.connect),
        stateDir: settings.state,
        api: {
          socket: settings.socket ?? defaultSocket(),
          isDefault: settings.socket === undefined,
          listen: settings.listen,
          tokens: { read: settings.readTokenFile, write: settings.tokenFile },
          tls: {
            certificate: settings.tlsCert,
            key: settings.tlsKey,
            clientAuthority: settings.tlsClientCa,
            readers: settings.tlsRead,
            writers: settings.tlsWrite,
          },
        },
        dryRun,
        shadows: settings.shadow.map(path => {
          const reading = readPolicyFiles([path], hostPolicyFiles);
          return { path, reading, set: requirePolicySet(compileReading(reading)) };
        }),
        log,
        version,
      });
      if (signal === 'SIGINT') process.exitCode = 130;
    });
}

/**
 * Each setting as the command line gives it, else as the file does.
 *
 * @throws BallonetError CONFIG_INVALID
 */
function settingsOf(options: Options, connect: string | undefined): Settings {
  const file = options.config === undefined ? {} : requireConfig(loadConfig(options.config, hostPolicyFiles));
  const several = (given: readonly string[], inFile: readonly string[] = []) =>
    given.length > 0 ? given : inFile;
  return {
    connect: connect ?? file.connect,
    policy: several(options.policy, file.policies),
    shadow: several(options.shadow, file.shadows),
    dryRun: options.dryRun ?? file.dryRun ?? false,
    state: options.state ?? file.state,
    socket: options.socket ?? file.socket,
    listen: options.listen ?? (file.listen === undefined ? undefined : orUsage(parseAddress(file.listen))),
    tokenFile: options.tokenFile ?? file.tokenFile,
    readTokenFile: options.readTokenFile ?? file.readTokenFile,
    tlsCert: options.tlsCert ?? file.tls?.cert,
    tlsKey: options.tlsKey ?? file.tls?.key,
    tlsClientCa: options.tlsClientCa ?? file.tls?.clientCa,
    tlsRead: several(options.tlsRead, file.tls?.read),
    tlsWrite: several(options.tlsWrite, file.tls?.write),
    logLevel: options.logLevel ?? file.logLevel ?? 'info',
  };
}

/** An option that names whose certificates may do something. */
function named(flags: string, what: string): Option {
  return new Option(
    flags,
    `whose certificate ${what}: a common name, sha256:FINGERPRINT, or * for all of the authority; may be given again`,
  )
    .argParser((name: string, before: readonly string[]) => [...before, name])
    .default([], 'nobody');
}
