/** The lab's four scripts in both worlds. */
import type { Ratio } from '../../src/model/units.ts';
import { FOUR_CONTROLLERS, type FourController } from '../lab/four-world.ts';
import type { Script } from '../lab/scripts.ts';
import { givenOf } from './given.ts';
import { simulated } from './simulated-four.ts';
import { meanResident, type Outcome, type Worlds } from './world-recording.ts';

export interface Comparison {
  readonly script: string;
  readonly rows: readonly Row[];
  /** Controllers by what they reclaim, most first; in the lab those together whose difference is within its spread. */
  readonly ranking: InBoth<readonly (readonly FourController[])[]>;
  /** The model has those that the lab tells apart in the same order. */
  readonly agree: boolean;
}

interface Row extends Plays {
  readonly controller: FourController;
  /** GiB-seconds, the mean of the plays. */
  readonly reclaimed: InBoth<number>;
  /** Of all the lab's plays, between the least and the most, GiB-seconds; 0 where there is only one. */
  readonly spread: number;
  /** How many they are. */
  readonly plays: number;
  /** Difference of the two, as a share of the lab's. */
  readonly apart: Ratio;
}

interface Plays extends InBoth<readonly Outcome[]> {
  /** Those that tell when things happened in them; where there is none, all. */
  readonly lab: readonly Outcome[];
  /** One for each of those, or one in all. */
  readonly model: readonly Outcome[];
  /** How fast the guests' processors were taken to be in each of those. */
  readonly speeds: readonly Ratio[];
}

interface InBoth<T> {
  readonly lab: T;
  readonly model: T;
}

/** Every script that has been recorded under all controllers, in both worlds. */
export async function compareWorlds(all: readonly Script[], worlds: Worlds): Promise<Comparison[]> {
  const result: Comparison[] = [];
  for (const script of all) {
    const recorded = worlds[script.name] ?? {};
    if (FOUR_CONTROLLERS.some(controller => recorded[controller] === undefined)) continue;
    const outcomes = new Map<FourController, Plays>();
    for (const controller of FOUR_CONTROLLERS) {
      const plays = recorded[controller] ?? [];
      const known = plays.filter(play => toldAll(script, controller, play));
      const lab = known.length > 0 ? known : plays;
      const model: Outcome[] = [];
      const speeds: Ratio[] = [];
      for (const play of known.length > 0 ? known : plays.slice(0, 1)) {
        const given = givenOf(script, play, all, worlds);
        speeds.push(given.speed);
        model.push(await simulated(script, controller, given, play));
      }
      outcomes.set(controller, { lab, model, speeds });
    }
    const rows = rowsOf(outcomes, recorded);
    const ranking = { lab: ranked(rows, 'lab'), model: ranked(rows, 'model') };
    result.push({ script: script.name, rows, ranking, agree: sameOrder(ranking) });
  }
  return result;
}

/** Whether a play tells when things happened in it. */
function toldAll({ cache }: Script, controller: FourController, { takings, pace, rounds }: Outcome): boolean {
  const taken = cache !== undefined || takings !== undefined || pace !== undefined;
  return taken && (controller !== 'mom' || rounds !== undefined);
}

function rowsOf(outcomes: ReadonlyMap<FourController, Plays>, recorded: NonNullable<Worlds[string]>): Row[] {
  const nobody = outcomes.get('nobody') ?? { lab: [], model: [] };
  const alone = { lab: sum(meanResident(nobody.lab)), model: sum(meanResident(nobody.model)) };
  return [...outcomes].map(([controller, both]) => {
    const all = (recorded[controller] ?? []).map(({ resident }) => sum(resident) / 1024);
    const reclaimed = {
      lab: (alone.lab - sum(meanResident(both.lab))) / 1024,
      model: (alone.model - sum(meanResident(both.model))) / 1024,
    };
    return {
      controller,
      ...both,
      reclaimed,
      spread: Math.max(...all) - Math.min(...all),
      plays: all.length,
      apart: Math.abs(reclaimed.model - reclaimed.lab) / reclaimed.lab,
    };
  });
}

function ranked(rows: readonly Row[], world: 'lab' | 'model'): FourController[][] {
  const groups: Row[][] = [];
  for (const row of rows.toSorted((a, b) => b.reclaimed[world] - a.reclaimed[world])) {
    const before = groups.at(-1)?.at(-1);
    const apart = (before?.reclaimed[world] ?? Number.POSITIVE_INFINITY) - row.reclaimed[world];
    const tied = before !== undefined && world === 'lab' && apart <= Math.max(before.spread, row.spread);
    if (tied) groups.at(-1)?.push(row);
    else groups.push([row]);
  }
  return groups.map(group => group.map(({ controller }) => controller).toSorted());
}

function sameOrder({ lab, model }: Comparison['ranking']): boolean {
  const places = model.flat().map(controller => lab.findIndex(group => group.includes(controller)));
  return places.every((place, i) => i === 0 || place >= (places[i - 1] ?? 0));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
