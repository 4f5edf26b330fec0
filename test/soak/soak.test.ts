/** Half an hour in which everything goes wrong, with 500 simulated guests: `npm run soak`. A third of a minute of it here. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, it } from 'vitest';
import buildWhenStale from '../build.ts';
import { mischief } from './mischief.ts';
import { SEED, SOAK_MINUTES, soak } from './run.ts';
import { createWorld } from './world.ts';

const LONG = SOAK_MINUTES > 0;
const GUESTS = LONG ? 500 : 60;
const SECONDS = LONG ? 60 * SOAK_MINUTES : 20;

beforeAll(() => buildWhenStale(), 60_000);

it(`a daemon keeps its promises to ${GUESTS} guests, tells what happens and does not grow, in ${SECONDS} s of trouble`, {
  timeout: (SECONDS * 1.5 + 180) * 1000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-soak-'));
  try {
    await using world = await createWorld(GUESTS, folder, SEED);
    await soak({
      title: `${GUESTS} simulated guests`,
      uri: world.uri,
      folder,
      names: world.names,
      pace: LONG
        ? { seconds: SECONDS, guestEvery: 0.5, hostEvery: 40, rest: 45 }
        : { seconds: SECONDS, guestEvery: 0.35, hostEvery: 1.5, rest: 30 },
      lookEvery: LONG ? 15 : 2,
      mischief: daemon => mischief(world, daemon, LONG),
      look: async () => world.look(),
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
