/** What a search says when nothing that it tried is harmless: how near it came, and what would help. */
import type { Ratio } from '../../model/units.ts';
import { excessOf, type Trial, type TuningReport } from './tuning.ts';

/** Fields that most decide whether a guest gets its memory in time. */
const PROTECTIVE = [
  'guest.guarantees.reserve',
  'guest.estimate.growth',
  'guest.estimate.window',
  'guest.behavior.shrink.cooldown',
];
const MOST_STALLS: Ratio = 1;

/** Lines for a person; none when the best candidate is within the limit. */
export function tuningVerdict(report: TuningReport, budget: number): string[] {
  const { best, stallLimit, tried, withinLimit } = report;
  if (withinLimit) return [];
  return [
    `no candidate is within the limit of ${percent(stallLimit)} of time lost, no OOM kill and no host overrun beyond what the oracle has: none of ${tried.length} that stood all scenarios`,
    `the nearest has ${best.settings.map(({ path, value }) => `${path}=${value}`).join(' ')}`,
    ...best.trials.flatMap(trial => faultsOf(trial, stallLimit)),
    'what may help:',
    ...advice(report, budget).map(line => `- ${line}`),
  ];
}

function faultsOf(trial: Trial, stallLimit: Ratio): string[] {
  const { stalls, kills, overrunSeconds } = excessOf(trial, stallLimit);
  const faults = [
    stalls > 0 &&
      `${percent(trial.stalledShare)} of guests' time lost, the oracle ${percent(trial.unavoidable.stalledShare)}`,
    kills > 0 && `${trial.oomKills} OOM kills, the oracle ${trial.unavoidable.oomKills}`,
    overrunSeconds > 0 &&
      `the host overrun for ${Math.ceil(trial.overrunSeconds)} s, the oracle's for ${Math.ceil(trial.unavoidable.overrunSeconds)} s`,
  ].filter(fault => fault !== false);
  return faults.length === 0 ? [] : [`  on ${trial.scenario}: ${faults.join('; ')}`];
}

function advice({ best, stallLimit, bounds }: TuningReport, budget: number): string[] {
  const varied = new Set(bounds.map(({ path }) => path));
  const atEnd = bounds.flatMap(({ path, least, most }) => {
    const value = best.settings.find(setting => setting.path === path)?.value;
    if (value !== least && value !== most) return [];
    return [
      `${path} stands at its ${value === least ? 'lower' : 'upper'} bound, ${value}: give it more room`,
    ];
  });
  const others = PROTECTIVE.filter(path => !varied.has(path));
  const excess = best.trials.map(trial => excessOf(trial, stallLimit));
  const onlyStalls = excess.every(({ kills, overrunSeconds }) => kills === 0 && overrunSeconds === 0);
  const enough = stallLimit + Math.max(...excess.map(({ stalls }) => stalls));
  return [
    ...atEnd,
    ...(others.length > 0
      ? [`vary what gives guests their memory in time, where the policy has it: ${others.join(', ')}`]
      : []),
    `try more candidates than ${budget}: --budget ${4 * budget}`,
    ...(onlyStalls && enough < MOST_STALLS
      ? [`or allow the time that the nearest loses: --stall-limit ${roundedUp(enough)}`]
      : []),
  ];
}

function percent(ratio: Ratio): string {
  return `${Number((100 * ratio).toPrecision(2))}%`;
}

/** Two digits, never less: the limit named is one that the candidate keeps. */
function roundedUp(ratio: Ratio): string {
  const unit = 10 ** (Math.floor(Math.log10(100 * ratio)) - 1);
  return `${Number((Math.ceil((100 * ratio) / unit) * unit).toPrecision(2))}%`;
}
