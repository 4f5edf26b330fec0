/** Plays the four scripts at full length to real guests, under each controller: `npm run calibrate:worlds`; one more time each with BALLONET_AGAIN=1. */
import { expect, it } from 'vitest';
import { MiB, type Seconds } from '../../src/model/units.ts';
import { control, FOUR_CONTROLLERS, HOST, openFour, SETTLE_SECONDS } from '../lab/four-world.ts';
import type { Lab } from '../lab/lab.ts';
import type { Round } from '../lab/mom.ts';
import { play } from '../lab/play.ts';
import { scripts } from '../lab/scripts.ts';
import { type Taking, writeOutcome } from './world-recording.ts';

const RUNS = scripts(true).flatMap(script =>
  FOUR_CONTROLLERS.map(controller => ({ script, name: script.name, controller })),
);

it.each(RUNS)('plays $name to $controller', { timeout: 600_000 }, async ({ script, controller }) => {
  const rounds: Round[] = [];
  await using lab = await openFour(controller);
  await using _ = await control(lab, controller, round => rounds.push(round));
  await new Promise(resolve => setTimeout(resolve, SETTLE_SECONDS * 1000));
  const { started, samples, exceededSeconds, swappedOut, stalledSeconds, oomKills, takings } = await play(
    lab,
    script,
    HOST,
  );
  const resident = Array.from({ length: script.seconds }, (_, second) => {
    const sample = samples.find(({ at }) => at >= second) ?? samples.at(-1);
    return Math.round((sample?.resident ?? []).reduce((sum, bytes) => sum + bytes, 0) / MiB);
  });
  const since = (time: Seconds): Seconds => Math.round((time - started) * 100) / 100;
  const outcome = {
    resident,
    exceededSeconds: tenths(exceededSeconds),
    swappedOut: Math.round(swappedOut / MiB),
    stalledSeconds: tenths(stalledSeconds),
    oomKills,
    ...(takings.length > 0 && {
      takings: takings.map(({ guest, from, to }): Taking => [guest, since(from), since(to)]),
    }),
    // Nobody keeps the guests from reading as fast as the machine lets them.
    ...(script.cache && controller === 'nobody' && { reads: tenths((await readAll(lab)) / MiB) }),
    ...(rounds.length > 0 && {
      rounds: rounds.map(([from, to]): [Seconds, Seconds] => [since(from), since(to)]),
    }),
  };
  writeOutcome(script.name, controller, outcome, process.env.BALLONET_AGAIN === '1');
  expect(Math.min(...resident)).toBeGreaterThan(0);
});

/** How fast the guests read their files from the disk, all at once: bytes a second of each, at the median. */
async function readAll({ guests }: Lab): Promise<number> {
  await Promise.all(guests.map(({ agent }) => agent.dropCaches()));
  const read = await Promise.all(guests.map(({ agent }) => agent.reread()));
  return median(read.map(({ bytes, seconds }) => bytes / seconds));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
