import type { Comparison, Difference, Side } from '../engine/compare.ts';
import type { Decision } from '../model/decision.ts';
import { formatDuration, formatSize } from '../model/units.ts';
import { type Column, createTable } from './output.ts';

export interface Replayed {
  readonly path: string;
  /** Name of the host policy that was tried; undefined: the recorded ones. */
  readonly policy: string | undefined;
  readonly exact: {
    readonly ticks: number;
    /** Ticks that cannot be decided again: nothing was decided then, or a part of the journal is lost. */
    readonly unknownTicks: number;
    /** Recorded decisions that were decided again, and how many of them came out otherwise. */
    readonly decisions: number;
    readonly unlike: number;
  };
  readonly differences: readonly Difference[];
  readonly comparison?: Comparison;
}

export function renderReplay(replayed: Replayed, format: 'table' | 'json'): string {
  return format === 'json' ? `${JSON.stringify(toObject(replayed), undefined, 2)}\n` : toText(replayed);
}

function toObject({ path, policy, exact, differences, comparison }: Replayed): object {
  return {
    apiVersion: 'ballonet/v1',
    kind: 'ReplayReport',
    journal: path,
    ...(policy !== undefined && { policy }),
    exact,
    ...comparison,
    ...(comparison && {
      differences: differences.map(({ at, recorded, replayed }) => ({
        time: timeOf(at.wall),
        domain: replayed.name,
        uuid: replayed.uuid,
        ...(recorded && { recorded: outcomeOf(recorded) }),
        replayed: outcomeOf(replayed),
      })),
    }),
  };
}

function outcomeOf({ action, reason, currentBytes, targetBytes, policy }: Decision): object {
  return { action, reason, currentBytes, targetBytes, ...(policy && { policy: policy.name }) };
}

const COLUMNS: readonly Column<Difference>[] = [
  { title: 'TIME', value: ({ at }) => timeOf(at.wall).slice(0, 19).replace('T', ' ') },
  { title: 'GUEST', value: ({ replayed }) => replayed.name },
  { title: 'RECORDED', value: ({ recorded }) => (recorded === undefined ? '-' : words(recorded)) },
  { title: 'REPLAYED', value: ({ replayed }) => words(replayed) },
];

function toText({ exact, differences, comparison, policy }: Replayed): string {
  if (comparison === undefined) return exactText(exact);
  const { seconds, ticks, compared, different } = comparison;
  const share = compared === 0 ? '' : ` (${((100 * different) / compared).toFixed(1)} %)`;
  const title = `${ticks} ticks over ${formatDuration(Math.round(seconds))}`;
  const lines =
    compared === 0
      ? [`${title}, nothing was decided then`, sideText(policy ?? '', comparison.replayed)]
      : [
          `${title}: ${different} decisions differ with ${policy ?? ''}${share}`,
          sideText('recorded', comparison.recorded),
          sideText('replayed', comparison.replayed),
        ];
  const table = differences.length === 0 ? '' : `${createTable(COLUMNS)(differences)}\n`;
  return `${table}${lines.join('\n')}\n`;
}

function exactText({ ticks, unknownTicks, decisions, unlike }: Replayed['exact']): string {
  if (ticks === 0) return 'no tick was recorded\n';
  if (unknownTicks === ticks)
    return `${ticks} ticks without decisions: --policy tells what a policy decides\n`;
  const unknown = unknownTicks === 0 ? '' : `; ${unknownTicks} ticks cannot be decided again`;
  const verdict =
    unlike === 0 ? 'all come out the same again' : `${unlike} come out otherwise in this version`;
  return `${ticks} ticks, ${decisions} decisions recorded: ${verdict}${unknown}\n`;
}

function sideText(name: string, { shrinks, takenBytes, grows, givenBytes, meanWantedBytes }: Side): string {
  return `${name}: ${shrinks} shrinks of ${formatSize(takenBytes)}, ${grows} grows of ${formatSize(givenBytes)}; wants ${formatSize(meanWantedBytes)} for all guests`;
}

function words({ action, reason, targetBytes }: Decision): string {
  if (action === 'hold') return `hold ${reason}`;
  return `${action} to ${targetBytes === undefined ? '?' : formatSize(targetBytes)} ${reason === 'SHRINK' || reason === 'GROW' ? '' : reason}`.trimEnd();
}

function timeOf(wall: number): string {
  return new Date(wall * 1000).toISOString();
}
