import { Command } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import type { Guest } from '../api/schema/answers.ts';
import type { SourceRef } from '../api/schema/common.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { decisionColumns } from './decisions.ts';
import { ago, clockTime, percent, size } from './figures.ts';
import {
  type OutputFormat,
  outputOption,
  renderFields,
  renderListing,
  renderObject,
  type Streams,
} from './output.ts';

type GuestView = z.output<typeof Guest>;

/** As many as fit on a screen under the rest. */
const DECISIONS_SHOWN = 8;

export function describeVerb({ out }: Streams): Command {
  return new Command('describe')
    .summary('all that the daemon knows of one guest')
    .description(
      'Prints the sizes, figures, policy and recent decisions of a guest, with the steps of the last decision.',
    )
    .argument('<domain>', 'name, id or uuid')
    .addOption(socketOption())
    .addOption(outputOption())
    .action(async (domain: string, { output, ...asking }: Asking & { output: OutputFormat }) => {
      const guest = await daemonAt(asking).call(ROUTES.guest, { domain });
      out(renderObject(guest, output, { human, name: ({ name }) => name }));
    });
}

function human(guest: GuestView): string {
  const recent = guest.decisions.slice(-DECISIONS_SHOWN);
  const decisions = {
    kind: 'DecisionList',
    rows: recent,
    columns: decisionColumns.filter(({ title }) => title !== 'DOMAIN'),
    name: ({ id }: (typeof recent)[number]) => String(id),
    object: (record: object) => record,
  };
  return [
    renderFields(facts(guest)),
    '\nMemory\n',
    renderFields(memory(guest), '  '),
    '\nLast decision\n',
    renderFields(steps(guest), '  '),
    recent.length === 0 ? '' : '\nRecent decisions\n',
    recent.length === 0 ? '' : renderListing(decisions, 'table').replaceAll(/^(?=.)/gm, '  '),
  ].join('');
}

function facts(guest: GuestView): [string, string | undefined][] {
  const { pause, move, decision } = guest;
  const tags = Object.entries(guest.tags ?? {}).map(([key, value]) => `${key}=${value}`);
  return [
    ['name', guest.title === undefined ? guest.name : `${guest.name} (${guest.title})`],
    ['uuid', guest.uuid],
    ['state', `${guest.state}, for ${ago(guest.uptimeSeconds)} at least`],
    ['os', guest.os],
    ['tags', tags.length === 0 ? undefined : tags.join(' ')],
    ['obstacles', guest.obstacles?.join(', ') || undefined],
    ['policy', decision.policy ? `${decision.policy.name}, ${place(decision.policy.source)}` : 'none'],
    ['action', `${guest.action}: ${guest.reason}`],
    ['move', move && `${size(move.fromBytes)} to ${size(move.toBytes)}, under way for ${ago(move.seconds)}`],
    [
      'paused',
      pause &&
        `${pause.until === undefined ? 'until resumed' : `until ${clockTime(pause.until)}`}, by ${pause.by}: ${pause.reason}`,
    ],
    [
      'back-off',
      guest.backOffSeconds === undefined ? undefined : `not shrunk for ${ago(guest.backOffSeconds)}`,
    ],
    ['yielding', guest.yieldSeconds === undefined ? undefined : `left alone for ${ago(guest.yieldSeconds)}`],
  ];
}

function memory(guest: GuestView): [string, string | undefined][] {
  const { decision } = guest;
  const share = percent(guest.currentBytes, guest.maxBytes);
  return [
    [
      'size',
      `${size(guest.currentBytes)} of ${size(guest.maxBytes)}${share === undefined ? '' : ` (${share})`}`,
    ],
    ['target', size(guest.targetBytes)],
    ['wanted', decision.wantedBytes === undefined ? undefined : size(decision.wantedBytes)],
    [
      'guaranteed',
      decision.guarantees && `${size(decision.guarantees.minBytes)} to ${size(decision.guarantees.maxBytes)}`,
    ],
    ['used', size(guest.usedBytes)],
    ['available', size(guest.availableBytes)],
    ['resident', size(guest.rssBytes)],
    ['reported', guest.statsAgeSeconds === undefined ? 'never' : `${ago(guest.statsAgeSeconds)} ago`],
    ['last shrunk', guest.shrunkSecondsAgo === undefined ? undefined : `${ago(guest.shrunkSecondsAgo)} ago`],
    ['last grown', guest.grownSecondsAgo === undefined ? undefined : `${ago(guest.grownSecondsAgo)} ago`],
  ];
}

function steps({ decision }: GuestView): [string, string][] {
  return decision.stages.map(({ stage, out, code, source }) => {
    const from = source === undefined ? '' : `  (${place(source)})`;
    return [stage, `${size(out).padStart(9)}  ${code}${from}`];
  });
}

function place({ file, line }: z.output<typeof SourceRef>): string {
  return `${file}:${line}`;
}
