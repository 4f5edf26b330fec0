/** Plays the four scripts at full length to real guests, under each controller: `npm run calibrate:worlds`; one more time each with BALLONET_AGAIN=1. */
import { expect, it } from 'vitest';
import { MiB } from '../../src/model/units.ts';
import { control, FOUR_CONTROLLERS, HOST, openFour, SETTLE_SECONDS } from '../lab/four-world.ts';
import { play } from '../lab/play.ts';
import { scripts } from '../lab/scripts.ts';
import { writeOutcome } from './world-recording.ts';

const RUNS = scripts(true).flatMap(script =>
  FOUR_CONTROLLERS.map(controller => ({ script, name: script.name, controller })),
);

it.each(RUNS)('plays $name to $controller', { timeout: 600_000 }, async ({ script, controller }) => {
  await using lab = await openFour(controller);
  await using _ = await control(lab, controller);
  await new Promise(resolve => setTimeout(resolve, SETTLE_SECONDS * 1000));
  const { samples, exceededSeconds, swappedOut, stalledSeconds, oomKills, paces } = await play(
    lab,
    script,
    HOST,
  );
  const pace = paces.toSorted((a, b) => a - b)[Math.floor(paces.length / 2)];
  const resident = Array.from({ length: script.seconds }, (_, second) => {
    const sample = samples.find(({ at }) => at >= second) ?? samples.at(-1);
    return Math.round((sample?.resident ?? []).reduce((sum, bytes) => sum + bytes, 0) / MiB);
  });
  const outcome = {
    resident,
    exceededSeconds: Math.round(exceededSeconds * 10) / 10,
    swappedOut: Math.round(swappedOut / MiB),
    stalledSeconds: Math.round(stalledSeconds * 10) / 10,
    oomKills,
    ...(pace !== undefined && { pace: Math.round((pace / MiB) * 10) / 10 }),
  };
  writeOutcome(script.name, controller, outcome, process.env.BALLONET_AGAIN === '1');
  expect(Math.min(...resident)).toBeGreaterThan(0);
});
