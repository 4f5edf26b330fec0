/** `kill -9` at any moment: the next daemon goes on where the last one stopped. `npm run kill` does 200 rounds. */
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { MiB } from '../../src/model/units.ts';
import buildWhenStale from '../build.ts';
import { type Asked, COOLDOWN, createWorld, type Life, MIN, STEP } from './world.ts';

const ROUNDS = Number(process.env.BALLONET_KILL_ROUNDS ?? 16);
const WORLDS = 4;

/** A move is asked for this much later than it was decided, at most: a shrink waits for the state to be on the disk. */
const LAG = 3;

beforeAll(() => buildWhenStale(), 60_000);

describe('H33: a daemon that is killed at random moments', () => {
  it(`leaves nothing to the next one that it would do wrong, ${ROUNDS} times`, {
    timeout: 60_000 + ROUNDS * 5000,
  }, async () => {
    const worlds = await Promise.all(Array.from({ length: WORLDS }, (_, i) => play(i + 1)));
    const lives = worlds.flatMap(world => world.lives);
    const asked = worlds.flatMap(world => world.asked);
    expect(lives.length).toBeGreaterThanOrEqual(ROUNDS);
    // That there was something to get wrong.
    expect(asked.filter(isShrink).length).toBeGreaterThanOrEqual(WORLDS);
    // A kill hits a balloon on its way once in some 30 rounds.
    if (ROUNDS >= 200) expect(lives.filter(({ moving }) => moving > 0).length).toBeGreaterThan(0);
    expect(worlds.flatMap(jumps)).toEqual([]);
    expect(worlds.flatMap(complaints)).toEqual([]);
    // One that is killed between the disk and the guest may leave a shrink that the guest never heard of.
    expect(worlds.flatMap(backOffs).length).toBeLessThanOrEqual(Math.ceil(ROUNDS / 50));
    process.stderr.write(
      `${lives.length} kills, ${lives.filter(({ moving }) => moving > 0).length} of them with a balloon on its way; ` +
        `${asked.length} moves, ${asked.filter(isShrink).length} of them shrinks; none out of step or time\n`,
    );
  });
});

interface Play {
  readonly lives: readonly Life[];
  readonly asked: readonly Asked[];
}

async function play(seed: number): Promise<Play> {
  await using world = await createWorld(seed);
  const seconds = (max: number) => fc.integer({ min: 0, max: 1000 * max }).map(ms => ms / 1000);
  const starting = fc.record({ after: fc.constant('spawn' as const), seconds: seconds(2) });
  // Every other one is killed while it asks for something, or just has.
  const running = fc.record({
    after: fc.constant('start' as const),
    seconds: seconds(4),
    afterMove: fc.option(seconds(0.2), { freq: 1, nil: undefined }),
  });
  const end = fc.oneof({ arbitrary: starting, weight: 1 }, { arbitrary: running, weight: 7 });
  const ends = fc.sample(end, { numRuns: Math.ceil(ROUNDS / WORLDS), seed });
  // The first one is there long enough to leave something.
  const lives = [await world.live({ after: 'start', seconds: 6 })];
  for (const one of ends) lives.push(await world.live(one));
  return { lives, asked: world.asked };
}

function isShrink({ size, target }: Asked): boolean {
  return target < size;
}

/** Moves that a daemon that had never been killed would not have made. */
function jumps({ asked }: Play): string[] {
  const before = new Map<string, Asked>();
  return asked.flatMap(move => {
    const { guest, at, size, target, max } = move;
    const last = before.get(guest);
    before.set(guest, move);
    const wrong: string[] = [];
    if (target < MIN * max) wrong.push('under its guarantee');
    if (target > max) wrong.push('above its maximum');
    if (isShrink(move) && size - target > STEP * max + MiB) wrong.push('further than a step');
    // One on its way that is asked for less is not shrunk once more, but spared (rescueOf() in src/policy/follow-up.ts).
    const further = isShrink(move) && last !== undefined && target < last.target;
    if (further && at - last.at < COOLDOWN - LAG)
      wrong.push(
        `${(at - last.at).toFixed(2)} s after its last move to ${last.target / MiB}, in life ${last.life}`,
      );
    return wrong.map(why => `${guest} in life ${move.life}: ${size / MiB} to ${target / MiB} MiB, ${why}`);
  });
}

/** Guests that were held for a shrink that they did not follow, each once. */
function backOffs({ lives }: Play): unknown[] {
  const held = lives.flatMap(({ lines }) => lines.filter(({ reason }) => reason === 'BACKING_OFF'));
  return [...new Set(held.map(({ domain }) => domain))];
}

/** What daemons said that they have no reason to say: nobody else moves these balloons, and the state is always whole. */
function complaints({ lives }: Play): string[] {
  return lives.flatMap(({ lines }, i) =>
    lines.flatMap(({ level, msg, reason, problem, err }) => {
      const said = `life ${i + 1}: ${JSON.stringify({ msg, reason, problem, err })}`;
      if (reason === 'BACKING_OFF') return [];
      return Number(level) >= 40 || (i > 0 && /afresh/.test(said)) ? [said] : [];
    }),
  );
}
