import { Command, Option } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import { StreamDecision } from '../api/schema/answers.ts';
import type { DecisionRecord } from '../api/schema/common.ts';
import { REASONS } from '../model/decision.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { clockTime, size } from './figures.ts';
import { type Column, outputOption, type Streams } from './output.ts';
import {
  type Following,
  followOption,
  followRecords,
  limitOption,
  nameOption,
  printRecords,
} from './records.ts';

type Row = z.output<typeof DecisionRecord>;

interface Options extends Asking, Following {
  readonly action?: Row['action'];
  readonly reason?: string;
}

export const decisionColumns: readonly Column<Row>[] = [
  { title: 'TIME', value: ({ at }) => clockTime(at) },
  { title: 'DOMAIN', value: ({ domain }) => domain },
  { title: 'ACTION', value: ({ action }) => action },
  { title: 'FROM', value: ({ currentBytes }) => size(currentBytes), align: 'right' },
  { title: 'TO', value: targetOf, align: 'right' },
  { title: 'LEVEL', value: ({ level }) => level, wide: true },
  { title: 'POLICY', value: ({ policy }) => policy?.name ?? '-', wide: true },
  { title: 'REASON', value: reasonOf },
];

export function decisionsVerb(streams: Streams): Command {
  return new Command('decisions')
    .summary('what the daemon decided lately, and why')
    .description(
      'Lists moves with what became of them, and holds whose reason is another than before. docs/reference/reasons.md has the ' +
        'reason codes.',
    )
    .argument('[domain]', 'name, id or uuid; all guests when left out')
    .addOption(new Option('--action <action>', 'only these').choices(['shrink', 'grow', 'hold']))
    .addOption(
      nameOption('--reason <code>', 'only those for this reason, such as COOLDOWN', REASONS, 'the reasons'),
    )
    .addOption(limitOption())
    .addOption(followOption())
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (domain: string | undefined, options: Options) => {
      const { action, reason, limit, output } = options;
      const client = daemonAt(options);
      const { items } = await client.call(ROUTES.decisions, { query: { domain, action, reason, limit } });
      const records = { kind: 'DecisionList', items, columns: decisionColumns };
      if (options.follow !== true) {
        printRecords(records, output, streams);
        return;
      }
      const numbered = items.map(item => ({
        apiVersion: 'ballonet/v1' as const,
        kind: 'Decision' as const,
        ...item,
      }));
      await followRecords(
        client,
        { type: 'decision', answer: StreamDecision, domain },
        { items: numbered, columns: decisionColumns },
        output,
        streams,
        record => (action ?? record.action) === record.action && (reason ?? record.reason) === record.reason,
      );
    });
}

function targetOf({ action, outcome, targetBytes }: Row): string {
  return action === 'hold' ? '-' : size(outcome?.targetBytes ?? targetBytes);
}

/** Moves are carried out unless something is said. */
function reasonOf({ reason, outcome }: Row): string {
  if (outcome === undefined || outcome.status === 'applied') return reason;
  return `${reason} (${outcome.problem === undefined ? outcome.status : `${outcome.status}: ${outcome.problem}`})`;
}
