import { Command } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import { StreamEvent } from '../api/schema/answers.ts';
import type { EventRecord } from '../api/schema/common.ts';
import { NOTICES } from '../model/notice.ts';
import { formatSize } from '../model/units.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { clockTime } from './figures.ts';
import { type Column, outputOption, type Streams } from './output.ts';
import {
  type Following,
  followOption,
  followRecords,
  limitOption,
  nameOption,
  printRecords,
} from './records.ts';

type Row = z.output<typeof EventRecord>;

const columns: readonly Column<Row>[] = [
  { title: 'TIME', value: ({ at }) => clockTime(at) },
  { title: 'SEVERITY', value: ({ severity }) => severity },
  { title: 'TYPE', value: ({ type }) => type, wide: true },
  { title: 'DOMAIN', value: ({ domain }) => domain ?? '-' },
  { title: 'MESSAGE', value: messageOf },
];

export function eventsVerb(streams: Streams): Command {
  return new Command('events')
    .summary('what happened lately on the host and to its guests')
    .description(
      'Lists what the daemon tells of beside its decisions: guests that come, go and are held, pressure levels, failures, reloads ' +
        'and what operators asked for. docs/reference/events.md has the types.',
    )
    .argument('[domain]', 'name, id or uuid; everything when left out')
    .addOption(nameOption('--type <type>', 'only these, such as GUEST_HELD', NOTICES, 'the types'))
    .addOption(limitOption())
    .addOption(followOption())
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (domain: string | undefined, options: Asking & Following & { readonly type?: string }) => {
      const { type, limit, output } = options;
      const client = daemonAt(options);
      const { items } = await client.call(ROUTES.events, { query: { domain, type, limit } });
      if (options.follow !== true) {
        printRecords({ kind: 'EventList', items, columns }, output, streams);
        return;
      }
      const numbered = items.map(item => ({
        apiVersion: 'ballonet/v1' as const,
        kind: 'Event' as const,
        ...item,
      }));
      await followRecords(
        client,
        { type: 'event', answer: StreamEvent, domain },
        { items: numbered, columns },
        output,
        streams,
        record => (type ?? record.type) === record.type,
      );
    });
}

/** The message, then the fields, sizes with a unit. */
function messageOf({ message, fields, problem }: Row): string {
  const parts = Object.entries(fields).map(([key, value]) =>
    key.endsWith('Bytes') && typeof value === 'number'
      ? `${key.slice(0, -'Bytes'.length)}=${formatSize(value)}`
      : `${key}=${value}`,
  );
  return [message, ...parts, ...(problem === undefined ? [] : [problem])].join('  ');
}
