/** What a search for the densest policy is about: how candidates fare, how they are ranked, and what the outcome is. */
import type { Bytes, Ratio } from '../../model/units.ts';
import type { Tally } from '../tally.ts';
import type { Candidate } from './search.ts';
import type { Setting } from './settings.ts';

/** How one candidate fared on one scenario. */
export interface Trial {
  readonly scenario: string;
  /** Guests' maxima over the smallest host; null where there is none. */
  readonly density: Ratio | null;
  /** The same of the oracle: nobody reaches more. */
  readonly limit: Ratio | null;
  /** On the scenario's own host. */
  readonly stalledShare: Ratio;
  readonly oomKills: number;
  readonly overrunSeconds: number;
  readonly rereadBytes: Bytes;
  /** What nobody could have helped: stalls, kills and overrun of the oracle on the same host. */
  readonly unavoidable: {
    readonly stalledShare: Ratio;
    readonly oomKills: number;
    readonly overrunSeconds: number;
  };
}

export interface TunedCandidate {
  readonly settings: readonly Setting[];
  /** Geometric mean of density over the oracle's, of the scenarios that have one. */
  readonly densityShare: Ratio;
  /** Of all guests' time on the scenarios' own hosts, the mean over scenarios; what nobody could have helped is not in it. */
  readonly stalledShare: Ratio;
  readonly oomKills: number;
  readonly rereadBytes: Bytes;
  readonly trials: readonly Trial[];
}

export interface TuningReport {
  readonly apiVersion: 'ballonet/v1';
  readonly kind: 'TuningReport';
  readonly policy: string;
  readonly seed: number;
  readonly stallLimit: Ratio;
  readonly scenarios: readonly string[];
  /** What was varied, and between which values. */
  readonly bounds: readonly { readonly path: string; readonly least: string; readonly most: string }[];
  /** As the policy was. */
  readonly before: TunedCandidate;
  /** False: nothing that was tried is, on every scenario. */
  readonly withinLimit: boolean;
  /** The densest within the limit; where none is, the one nearest to it. */
  readonly best: TunedCandidate;
  /** Those that nobody beats in both density and stalls, from the gentlest to the densest: the trade-off. */
  readonly front: readonly TunedCandidate[];
  /** Everybody who stood all trials. */
  readonly tried: readonly TunedCandidate[];
}

export function stalledShareOf({ stallSeconds, guestSeconds }: Tally): Ratio {
  return guestSeconds > 0 ? stallSeconds / guestSeconds : 0;
}

/**
 * What is searched for: the mean logarithm of density as a share of the oracle's, less what harm on the scenarios' own hosts goes
 * beyond the limit. Harm costs more than any density brings.
 */
export function scoreOfTrials(trials: readonly Trial[], stallLimit: Ratio): number {
  const total = trials.reduce((sum, trial) => {
    const { density, limit } = trial;
    // One that does no harm on its own host and finds none to be harmless on is no better than a third of the oracle.
    const dense = limit === null ? 0 : Math.log(Math.max(1 / 3, (density ?? 0) / limit));
    const beyond = harmBeyond(trial, stallLimit);
    return sum + dense - (beyond > 0 ? 0.5 + 2 * (beyond / (1 + beyond)) : 0);
  }, 0);
  return total / Math.max(1, trials.length);
}

/** Harm beyond what is allowed and could not be helped: all zero within the limit. */
export interface Excess {
  readonly stalls: Ratio;
  readonly kills: number;
  readonly overrunSeconds: number;
}

export function excessOf(
  { stalledShare, oomKills, overrunSeconds, unavoidable }: Trial,
  stallLimit: Ratio,
): Excess {
  return {
    stalls: Math.max(0, stalledShare - unavoidable.stalledShare - stallLimit),
    kills: Math.max(0, oomKills - unavoidable.oomKills),
    overrunSeconds: Math.max(0, overrunSeconds - unavoidable.overrunSeconds),
  };
}

/** 0: within the limit. */
function harmBeyond(trial: Trial, stallLimit: Ratio): number {
  const { stalls, kills, overrunSeconds } = excessOf(trial, stallLimit);
  return stalls / stallLimit + kills + overrunSeconds / 10;
}

/** Candidates from best to worst: those within the limit on every scenario as the search ranks them, then the others by their harm. */
export function ranked<C extends Candidate<Trial>>(found: readonly C[], stallLimit: Ratio): C[] {
  const harm = new Map(
    found.map(each => [each, each.results.reduce((sum, trial) => sum + harmBeyond(trial, stallLimit), 0)]),
  );
  const harmOf = (each: C): number => harm.get(each) ?? 0;
  return found.toSorted((a, b) => harmOf(a) - harmOf(b) || b.score - a.score);
}

/** Whether a candidate does no more harm than is allowed, on any scenario. */
export function isWithin(trials: readonly Trial[], stallLimit: Ratio): boolean {
  return trials.every(trial => harmBeyond(trial, stallLimit) === 0);
}

export function tunedCandidate({ results }: Candidate<Trial>, settings: readonly Setting[]): TunedCandidate {
  const bounded = results.filter(({ limit }) => limit !== null);
  const logs = bounded.map(({ density, limit }) => Math.log((density ?? 1) / (limit ?? 1)));
  const mean = (values: readonly number[]) =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
  const avoidable = (trial: Trial) => Math.max(0, trial.stalledShare - trial.unavoidable.stalledShare);
  return {
    settings,
    densityShare: Math.exp(mean(logs)),
    stalledShare: mean(results.map(avoidable)),
    oomKills: results.reduce(
      (sum, { oomKills, unavoidable }) => sum + Math.max(0, oomKills - unavoidable.oomKills),
      0,
    ),
    rereadBytes: results.reduce((sum, { rereadBytes }) => sum + rereadBytes, 0),
    trials: results,
  };
}

/** Nobody else is as dense with as few stalls; those that had programs killed are not among them. */
export function frontOf(tried: readonly TunedCandidate[]): TunedCandidate[] {
  const sound = tried.filter(({ oomKills }) => oomKills === 0);
  const sorted = sound.toSorted((a, b) => a.stalledShare - b.stalledShare || b.densityShare - a.densityShare);
  let densest = 0;
  return sorted.filter(({ densityShare }) => {
    if (densityShare <= densest) return false;
    densest = densityShare;
    return true;
  });
}
