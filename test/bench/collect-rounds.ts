/** Clients in turns: a warm-up, then rounds in which each does its share, and what comes out of them. */
import type { Answer, Block, Client } from './collect-clients.ts';

export interface Contender {
  readonly label: string;
  readonly client: Client;
  readonly mode: string;
}

/** One contender's cost of a collection, milliseconds. */
export interface Figures {
  readonly label: string;
  readonly wall: number;
  readonly best: number;
  readonly cpu: number;
}

export interface Course {
  readonly domains: number;
  readonly rounds: number;
  /** Collections in a round. */
  readonly repetitions: number;
}

/**
 * The first contender is the one that the others' results are held against.
 *
 * @throws Error when a contender has not collected what the first has
 */
export async function measure(contenders: readonly Contender[], course: Course): Promise<Figures[]> {
  const { domains, rounds, repetitions } = course;
  const answers = contenders.map((): Answer[] => []);
  let expected: string | undefined;
  // The first round warms up: it fills caches and lets V8 compile.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, { label, client, mode }] of contenders.entries()) {
      const answer = await client.ask(mode, repetitions);
      const result = `${answer.domains} domains, ${answer.figures} figures, sum ${answer.sum}`;
      expected ??= result;
      if (answer.domains !== domains * repetitions || result !== expected)
        throw new Error(`${label} collected ${result}; ${contenders[0]?.label} ${expected}`);
      if (round > 0) answers[i]?.push(answer);
    }
  }
  return contenders.map(({ label }, i) => {
    const own = answers[i] ?? [];
    const wall = own.flatMap(answer => answer.wall);
    return {
      label,
      wall: median(wall),
      best: Math.min(...wall),
      cpu: median(own.map(answer => answer.cpu / answer.wall.length)),
    };
  });
}

/** Passes of collections that our client watches its event loop through. */
const PASSES = 7;

/** The longest time, milliseconds, that the event loop was held in a pass: without what others had of the processor. */
export interface Blocks {
  /** The median of the passes. */
  readonly typical: number;
  readonly longest: number;
  /** The longest of all with what others had. */
  readonly longestWall: number;
}

export async function measureBlocks(client: Client, repetitions: number): Promise<Blocks> {
  const passes: Block[] = [];
  for (let i = 0; i < PASSES; i++) passes.push(await client.watch(repetitions));
  return {
    typical: median(passes.map(({ longestOwn }) => longestOwn)),
    longest: Math.max(...passes.map(({ longestOwn }) => longestOwn)),
    longestWall: Math.max(...passes.map(({ longest }) => longest)),
  };
}

/** The middle value; of an even number of values the mean of the two in the middle. NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const high = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const low = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (low + high) / 2;
}
