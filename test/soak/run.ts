/** A daemon in trouble for a while: what must hold all the time, and what must hold in the end. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { journalFolder } from '../../src/cli/state-dir.ts';
import { MiB, type Seconds } from '../../src/model/units.ts';
import { type Daemon, type Footprint, startDaemon } from '../lab/daemon.ts';
import { until } from '../lab/process.ts';
import { report } from '../lab/report.ts';
import { policyOf } from './policy.ts';
import { judge, type Mischief, makeTrouble, type Pace, toldIn } from './trouble.ts';

/** Half an hour, say, when asked for; else a short while. */
export const SOAK_MINUTES = Number(process.env.BALLONET_SOAK_MINUTES ?? 0);
export const SEED = Number(process.env.BALLONET_SOAK_SEED ?? 1);

/** What a daemon remembers of the last while has filled by then. */
const WARM_SHARE = 1 / 3;
/** In a short time, only a heap that runs away would show. */
const [FLAT_MINUTES, SHORT_HEAP] = [10, 128 * MiB];

export interface Stage {
  readonly title: string;
  readonly uri: string;
  /** A folder for the daemon's files. */
  readonly folder: string;
  /** Names of the guests. */
  readonly names: readonly string[];
  readonly pace: Pace;
  readonly lookEvery: Seconds;
  readonly mischief: (daemon: Daemon) => Mischief;
  /** What is wrong with the guests, now or since the last look. */
  readonly look: () => Promise<readonly string[]>;
}

export async function soak(stage: Stage): Promise<void> {
  const { title, uri, folder, names, pace, lookEvery, mischief, look } = stage;
  const state = join(folder, 'state');
  const args = ['--state', state];
  await using daemon = await startDaemon({ uri, policy: policyOf(0), folder, args, probed: true });
  const feet: (Footprint & { readonly share: number })[] = [];
  const wrong = new Set<string>();
  const begun = performance.now();
  const over = new AbortController();
  const watching = (async () => {
    while (!over.signal.aborted) {
      for (const line of await look()) wrong.add(line);
      const share = (performance.now() - begun) / 1000 / pace.seconds;
      feet.push({ ...(await daemon.footprint()), share });
      await sleep(lookEvery * 1000, undefined, { signal: over.signal }).catch(() => {});
    }
  })();
  const moves = () => daemon.said('balloon moved').length;

  await daemon.hears('balloon moved', 60);
  const troubles = await makeTrouble(mischief(daemon), names, pace, SEED)
    .catch((cause: unknown) => {
      const last = daemon.lines.slice(-20).map(line => JSON.stringify(line));
      const ended = daemon.runs ? 'runs' : 'has ended';
      throw new Error(`the daemon ${ended}; what it said last:\n${last.join('\n')}`, { cause });
    })
    .finally(() => over.abort());
  await watching;
  const before = moves();
  await until('balloons move after all', 90, () => moves() > before);
  for (const line of await look()) wrong.add(line);
  expect(await daemon.stop()).toBe(0);

  const verdict = judge(troubles, await toldIn(journalFolder(state, uri)));
  const settled = feet.filter(({ share }) => share >= WARM_SHARE);
  const heaps = halves(settled.map(({ heapBytes }) => heapBytes));
  const resident = halves(settled.map(({ residentBytes }) => residentBytes));
  report(`${title}, ${pace.seconds} s of trouble`, {
    troubles: troubles.length,
    'of them told in the journal': verdict.told,
    moves: moves(),
    'heap, first half, MiB': heaps[0] / MiB,
    'heap, second half, MiB': heaps[1] / MiB,
    'resident, first half, MiB': resident[0] / MiB,
    'resident, second half, MiB': resident[1] / MiB,
  });
  expect([...wrong]).toEqual([]);
  expect(verdict.untold).toEqual([]);
  expect(verdict.told).toBeGreaterThan(troubles.length / 4);
  // What is not JSON is a crash.
  expect(daemon.lines.filter(line => typeof line.level !== 'number')).toEqual([]);
  if (SOAK_MINUTES >= FLAT_MINUTES) expect(heaps[1] / heaps[0]).toBeLessThan(1.05);
  else expect(heaps[1]).toBeLessThan(SHORT_HEAP);
}

/** Means of the first and of the second half. */
function halves(values: readonly number[]): readonly [number, number] {
  const half = Math.floor(values.length / 2);
  const mean = (some: readonly number[]) => some.reduce((sum, value) => sum + value, 0) / some.length;
  return [mean(values.slice(0, half)), mean(values.slice(half))];
}
