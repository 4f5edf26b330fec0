import { Command, Option } from 'commander';
import { guestOf } from '../api/guests.ts';
import { ROUTES } from '../api/routes.ts';
import { tickAt } from '../engine/tick-at.ts';
import { systemClock } from '../model/clock.ts';
import { BallonetError } from '../model/errors.ts';
import { type Parsed, parseDuration, type Seconds } from '../model/units.ts';
import { explain } from '../policy/explain/explain.ts';
import { renderExplanation } from '../policy/explain/render.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { type OutputFormat, orUsage, outputOption, renderObject, type Streams } from './output.ts';
import { journalFolder } from './state-dir.ts';
import { chooseUri } from './uri.ts';

interface Options extends Asking {
  readonly output: OutputFormat;
  /** Unix time. */
  readonly at?: Seconds;
  readonly journal?: string;
  readonly state?: string;
}

export function explainVerb({ out, err }: Streams): Command {
  return new Command('explain')
    .summary('why a guest is, or is not, moved')
    .description(
      "Explains the last decision about a guest: which policy governs it and why the others do not, the host's level, every step " +
        'with its numbers and the limit that bit, what each condition came to, and what would have to change for the guest to move. ' +
        'With --at, the decision of an earlier time, from the journal: no daemon is needed.',
    )
    .argument('<domain>', 'name, id or uuid')
    .addOption(
      new Option('--at <time>', 'such as 2026-03-01T12:30:00Z, or so long ago: 10m').argParser(text =>
        orUsage(parseTime(text, systemClock.now().wall)),
      ),
    )
    .option('--journal <path>', 'with --at: a journal elsewhere, a folder or one segment')
    .option('--state <dir>', "with --at: the daemon's --state, where its journal is")
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (domain: string, { output, at, journal, state, ...asking }: Options, command: Command) => {
      if (at === undefined && (journal !== undefined || state !== undefined))
        throw new BallonetError('USAGE', '--journal and --state say where --at looks: give --at too');
      const show = ({ text, ...explanation }: { readonly text: string }) =>
        out(renderObject(explanation, output, { human: () => text, name: () => domain }));
      if (at === undefined) {
        show(await daemonAt(asking).call(ROUTES.explain, { domain }));
        return;
      }
      const { connect } = command.optsWithGlobals<{ connect?: string }>();
      const { past, moment } = await tickAt(journal ?? journalFolder(state, chooseUri(connect).uri), at);
      const explanation = explain(moment, guestOf(moment, domain).uuid);
      if (past.record.withheld)
        err('ballonet: the safety hold was on in this tick: what would shrink was held\n');
      show({ ...explanation, text: renderExplanation(explanation) });
    });
}

const TIME = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?$/;

/**
 * Reads a time of day, local where no zone is given, or how long ago it was.
 *
 * @param now Unix time
 */
export function parseTime(text: string, now: Seconds): Parsed<Seconds> {
  const ago = parseDuration(text);
  if ('value' in ago) return { value: now - ago.value };
  const time = TIME.test(text.trim()) ? Date.parse(text.trim().replace(' ', 'T')) : Number.NaN;
  if (Number.isFinite(time)) return { value: time / 1000 };
  return { problem: `'${text}' is no time; write 2026-03-01T12:30:00Z, or 10m for ten minutes ago` };
}
