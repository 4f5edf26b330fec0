/** The verbs that tell the daemon to do something. */
import { Command, Option } from 'commander';
import { ROUTES } from '../api/routes.ts';
import { parseDuration, type Seconds } from '../model/units.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { clockTime } from './figures.ts';
import { orUsage, type Streams } from './output.ts';

export function pauseVerb({ err }: Streams): Command {
  return new Command('pause')
    .summary('leave a guest alone')
    .description(
      'The daemon neither shrinks nor grows the guest until it is resumed, or until the time is over. A pause outlives reboots of the ' +
        'guest, reloads and restarts of the daemon. A shrink under way that the guest does not follow is still taken back.',
    )
    .argument('<domain>', 'name, id or uuid')
    .requiredOption('--reason <text>', 'for the log, and for whoever looks later')
    .addOption(
      new Option('--for <duration>', 'until it ends by itself, such as 90m or 2d').argParser(text =>
        orUsage(parseDuration(text)),
      ),
    )
    .addOption(socketOption())
    .action(
      async (
        domain: string,
        { reason, for: seconds, ...asking }: Asking & { reason: string; for?: Seconds },
      ) => {
        const { pause, ...guest } = await daemonAt(asking).call(ROUTES.pause, {
          domain,
          body: { reason, seconds },
        });
        const until = pause.until === undefined ? 'until it is resumed' : `until ${clockTime(pause.until)}`;
        err(`ballonet: ${guest.domain} is paused ${until}\n`);
      },
    );
}

export function resumeVerb({ err }: Streams): Command {
  return new Command('resume')
    .summary('manage a paused guest again')
    .argument('<domain>', 'name, id or uuid')
    .addOption(socketOption())
    .action(async (domain: string, asking: Asking) => {
      const resumed = await daemonAt(asking).call(ROUTES.resume, { domain });
      err(`ballonet: ${resumed.domain} ${resumed.wasPaused ? 'is managed again' : 'was not paused'}\n`);
    });
}

export function reloadVerb({ err }: Streams): Command {
  return new Command('reload')
    .summary('have the daemon read its policies anew')
    .description(
      'The daemon reads its policy files and puts them in force between two ticks. A set with errors changes nothing: the diagnostics ' +
        'are printed, and the exit code is 78.',
    )
    .addOption(socketOption())
    .action(async (asking: Asking) => {
      const { policy, guestPolicies } = await daemonAt(asking).call(ROUTES.reload);
      err(`ballonet: in force: ${policy}; guests by ${guestPolicies.join(', ') || 'none'}\n`);
    });
}
