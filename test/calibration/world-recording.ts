/** What the four scripts did to real guests under each controller, as it is kept in test/fixtures/calibration. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';

const FILE = 'test/fixtures/calibration/worlds.json';

const Outcome = z.strictObject({
  /** Of all guests' processes together, MiB, at each second of the script. */
  resident: z.array(z.number()),
  /** The same of further plays: how much of a difference is chance. */
  again: z.array(z.array(z.number())).optional(),
  /** Time in which they and what the host keeps were more than the host has. */
  exceededSeconds: z.number(),
  /** MiB, of all guests. */
  swappedOut: z.number(),
  /** Of all guests: PSI full in the lab, time lost waiting for memory in the model. */
  stalledSeconds: z.number(),
  oomKills: z.number(),
  /** How fast programs took large amounts of memory, MiB a second, at the median; missing where the recording did not keep it. */
  pace: z.number().optional(),
});
export type Outcome = Readonly<z.infer<typeof Outcome>>;

/** By script and controller. */
const Worlds = z.record(z.string(), z.record(z.string(), Outcome));
export type Worlds = Readonly<z.infer<typeof Worlds>>;

export function readWorlds(): Worlds {
  return existsSync(FILE) ? Worlds.parse(JSON.parse(readFileSync(FILE, 'utf8'))) : {};
}

/** @param further keeps what was recorded, and adds this to it as one more play */
export function writeOutcome(script: string, controller: string, played: Outcome, further = false): void {
  const worlds = readWorlds();
  const before = worlds[script]?.[controller];
  const outcome =
    further && before ? { ...before, again: [...(before.again ?? []), played.resident] } : played;
  const all = { ...worlds, [script]: { ...worlds[script], [controller]: outcome } };
  const lines = Object.entries(all).map(([name, controllers]) => {
    const own = Object.entries(controllers).map(([key, value]) => `    "${key}": ${JSON.stringify(value)}`);
    return `  "${name}": {\n${own.join(',\n')}\n  }`;
  });
  writeFileSync(FILE, `{\n${lines.join(',\n')}\n}\n`);
}
