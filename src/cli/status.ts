import { Command } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import type { ShadowList, Status } from '../api/schema/answers.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { ago, clockTime, percent, size } from './figures.ts';
import {
  createTable,
  type OutputFormat,
  outputOption,
  renderFields,
  renderObject,
  type Streams,
} from './output.ts';

/** What the budget's split means. */
export const SPLITS = {
  fits: 'all targets fit',
  cut: 'targets are cut to fit',
  insufficient: 'even the guarantees do not fit',
};

export function statusVerb({ out }: Streams): Command {
  return new Command('status')
    .summary('the daemon and its host at a glance')
    .description('Asks the daemon what it runs with, how the host is off, and when it last looked.')
    .addOption(socketOption())
    .option('--shadows', 'what the policies come to that are tried on models of the guests, guest by guest')
    .addOption(outputOption())
    .action(async ({ output, shadows, ...asking }: Asking & { output: OutputFormat; shadows?: true }) => {
      const daemon = daemonAt(asking);
      const tried = await daemon.call(ROUTES.shadows);
      if (shadows) {
        const name = () => tried.items.map(({ policy }) => policy).join('\n');
        out(renderObject(tried, output, { human: renderShadows, name }));
        return;
      }
      const status = await daemon.call(ROUTES.status);
      const text = (given: typeof status) => human(given) + renderFields(tried.items.map(shadowLine));
      out(renderObject(status, output, { human: text, name: ({ policy }) => policy }));
    });
}

type TriedPolicies = z.output<typeof ShadowList>;
type TriedPolicy = TriedPolicies['items'][number];

/** One policy that is tried, in a line. */
function shadowLine(shadow: TriedPolicy): [string, string] {
  const { oomKills, stalledGuestSeconds, hostOverrunSeconds, reclaimedBytes } = shadow;
  const harm = [
    ...(oomKills > 0 ? [`${oomKills} programs killed`] : []),
    ...(stalledGuestSeconds > 0 ? [`${stalledGuestSeconds.toFixed(1)} s lost by guests`] : []),
    ...(hostOverrunSeconds > 0 ? [`the host too small for ${ago(hostOverrunSeconds)}`] : []),
  ];
  const sign = reclaimedBytes < 0 ? 'less' : 'more';
  return [
    `shadow ${shadow.policy}`,
    `the host would have ${size(Math.abs(reclaimedBytes))} ${sign}; ${harm.join(', ') || 'no harm'} in ${ago(shadow.seconds)} (${shadow.modelled} of ${shadow.guests} guests)`,
  ];
}

/** Every policy that is tried, with its guests. */
function renderShadows({ items }: TriedPolicies): string {
  if (items.length === 0) return 'no policy is tried; ballonet run --shadow PATH or --dry-run does\n';
  const table = () =>
    createTable<TriedPolicy['items'][number]>([
      { title: 'NAME', value: ({ name }) => name },
      { title: 'REAL', value: ({ realBytes }) => size(realBytes), align: 'right' },
      { title: 'SHADOW', value: ({ sizeBytes }) => size(sizeBytes), align: 'right' },
      { title: 'TARGET', value: ({ targetBytes }) => size(targetBytes), align: 'right' },
      { title: 'SHORTAGE GiB·s', value: guest => guest.shortageGiBSeconds.toFixed(2), align: 'right' },
      { title: 'STALLED s', value: guest => guest.stalledSeconds.toFixed(1), align: 'right' },
      { title: 'OOM KILLS', value: ({ oomKills }) => String(oomKills), align: 'right' },
      { title: 'ACTION', value: ({ action }) => action },
      { title: 'REASON', value: ({ reason }) => reason },
    ]);
  return items.map(shadow => renderFields([shadowLine(shadow)]) + table()(shadow.items)).join('\n');
}

function human(status: z.output<typeof Status>): string {
  const { hypervisor, host, guests, lastTick, budget, failedTicks, pressure } = status;
  const free = percent(host.availableBytes, host.totalBytes);
  return renderFields([
    ['version', `${status.version}, since ${clockTime(status.startedAt)}`],
    ['hypervisor', `${hypervisor.uri} (${hypervisor.version})${hypervisor.up ? '' : ', connection lost'}`],
    ['mode', status.dryRun ? 'observe, as a dry run' : status.mode],
    ['policy', `${status.policy}; guests by ${status.guestPolicies.join(', ') || 'none'}`],
    ['pressure', `${pressure.level}, for ${ago(pressure.seconds)}`],
    [
      'memory',
      `${size(host.availableBytes)} of ${size(host.totalBytes)} available${free === undefined ? '' : ` (${free})`}`,
    ],
    ['budget', budget && `${size(budget.totalBytes)} for guests: ${SPLITS[budget.split]}`],
    [
      'guests',
      `${guests.total}, of them ${guests.managed} managed${guests.paused === 0 ? '' : `, ${guests.paused} paused`}`,
    ],
    [
      'last tick',
      lastTick === undefined
        ? 'none yet'
        : `${ago(lastTick.ageSeconds)} ago, took ${Math.round(lastTick.tookSeconds * 1000)}ms, every ${ago(status.intervalSeconds)}`,
    ],
    ['failed ticks', failedTicks === 0 ? undefined : `${failedTicks} in a row`],
  ]);
}
