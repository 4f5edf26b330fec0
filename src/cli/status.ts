import { Command } from 'commander';
import type { z } from 'zod';
import { ROUTES } from '../api/routes.ts';
import type { Status } from '../api/schema/answers.ts';
import { type Asking, daemonAt, socketOption } from './ask.ts';
import { ago, clockTime, percent, size } from './figures.ts';
import { type OutputFormat, outputOption, renderFields, renderObject, type Streams } from './output.ts';

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
    .addOption(outputOption())
    .action(async ({ output, ...asking }: Asking & { output: OutputFormat }) => {
      const status = await daemonAt(asking).call(ROUTES.status);
      out(renderObject(status, output, { human, name: ({ policy }) => policy }));
    });
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
