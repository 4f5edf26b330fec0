/** What the four scripts did to real guests under each controller, as it is kept in test/fixtures/calibration. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { Seconds } from '../../src/model/units.ts';
import type { FourController } from '../lab/four-world.ts';

const FILE = 'test/fixtures/calibration/worlds.json';

/** One play of a script; the first recordings of a further play kept what was resident only. */
const Outcome = z.strictObject({
  /** Of all guests' processes together, MiB, at each second of the script. */
  resident: z.array(z.number()),
  /** Time in which they and what the host keeps were more than the host has. */
  exceededSeconds: z.number().optional(),
  /** MiB, of all guests. */
  swappedOut: z.number().optional(),
  /** Of all guests: PSI full in the lab, time lost waiting for memory in the model. */
  stalledSeconds: z.number().optional(),
  oomKills: z.number().optional(),
  /** When the programs of which guest took large amounts of memory, by the script's time; in the order in which they were done. */
  takings: z.array(z.tuple([z.number(), z.number(), z.number()])).optional(),
  /** How fast they did, MiB a second, where their times were not kept. */
  pace: z.number().optional(),
  /** How fast each guest read its file from the disk when all did at once with nothing cached, MiB a second, at the median. */
  reads: z.number().optional(),
  /** When MOM looked at the guests, and when it had set the last of their balloons, by the script's time. */
  rounds: z.array(z.tuple([z.number(), z.number()])).optional(),
});
export type Outcome = Readonly<z.infer<typeof Outcome>>;
export type Taking = [guest: number, from: Seconds, to: Seconds];

/** All plays, by script and controller. */
const Worlds = z.record(z.string(), z.record(z.string(), z.array(Outcome)));
export type Worlds = Readonly<z.infer<typeof Worlds>>;

export function readWorlds(): Worlds {
  return existsSync(FILE) ? Worlds.parse(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
}

/** @param further keeps what was recorded, and adds this to it as one more play */
export function writeOutcome(
  script: string,
  controller: FourController,
  played: Outcome,
  further: boolean,
): void {
  const worlds = readWorlds();
  const before = further ? (worlds[script]?.[controller] ?? []) : [];
  const all = { ...worlds, [script]: { ...worlds[script], [controller]: [...before, played] } };
  const lines = Object.entries(all).map(([name, controllers]) => {
    const own = Object.entries(controllers).map(([key, plays]) => {
      const each = plays.map(play => `      ${JSON.stringify(play)}`);
      return `    "${key}": [\n${each.join(',\n')}\n    ]`;
    });
    return `  "${name}": {\n${own.join(',\n')}\n  }`;
  });
  writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
}

/** The mean of a figure over the plays that kept it; undefined where none did. */
export function meanOf(
  plays: readonly Outcome[],
  figure: Exclude<keyof Outcome, 'resident' | 'rounds' | 'takings'>,
): number | undefined {
  const kept = plays.flatMap(play => play[figure] ?? []);
  return kept.length === 0 ? undefined : kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

/** What was resident at each second, the mean of the plays. */
export function meanResident(plays: readonly Outcome[]): number[] {
  return (plays[0]?.resident ?? []).map(
    (_, second) =>
      plays.reduce((sum, { resident }) => sum + (resident[second] ?? Number.NaN), 0) / plays.length,
  );
}
