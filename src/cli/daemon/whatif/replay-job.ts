/** Replays an edited policy set over what the journal has of the last while. */
import type { Played } from '../../../api/ports.ts';
import { timeOf } from '../../../api/views.ts';
import { replay } from '../../../engine/replay.ts';
import { type PlayedDifference, type PlayedTick, whatIf } from '../../../engine/what-if.ts';
import { readJournal } from '../../../journal/reader.ts';
import type { Decision } from '../../../model/decision.ts';
import { compilePolicies } from '../../../policy/compile.ts';
import { requirePolicySet } from '../../../policy/load.ts';
import type { PolicyText } from '../../../policy/policy-set.ts';

export interface ReplayJob {
  /** The journal. */
  readonly folder: string;
  readonly texts: readonly PolicyText[];
  /** Unix time of the first and last tick. */
  readonly from: number;
  readonly to: number;
  /** After so long it answers with what it has got to. */
  readonly milliseconds: number;
}

const POINTS_MAX = 240;
const DIFFERENCES_MAX = 200;
/** How often it looks at the clock. */
const TICKS_A_LOOK = 8;

/**
 * @param now milliseconds that only go forward
 * @throws BallonetError POLICY_INVALID, JOURNAL_UNREADABLE
 */
export async function runReplayJob(
  { folder, texts, from, to, milliseconds }: ReplayJob,
  now: () => number,
): Promise<Played> {
  const began = now();
  const set = requirePolicySet(compilePolicies(texts.map(({ file, text }) => ({ file, content: text }))));
  const game = whatIf(set);
  const points: PlayedTick[] = [];
  const differences: Played['differences'] = [];
  const said = new Map<string, string>();
  let inAll = 0;
  let complete = true;
  let problem: string | undefined;
  for await (const past of replay(readJournal(folder, { from, to }))) {
    if (past.type === 'unknown') problem = past.problem;
    if (past.type !== 'tick' || past.record.at.wall < from || past.record.at.wall > to) continue;
    const tick = game.tick(past);
    points.push(tick);
    for (const difference of news(tick.differences, said)) {
      inAll++;
      if (differences.length < DIFFERENCES_MAX) differences.push(differenceView(tick.at.wall, difference));
    }
    if (points.length % TICKS_A_LOOK === 0 && now() - began > milliseconds) {
      complete = false;
      break;
    }
  }
  const guests = game.guests();
  const mean = (of: (tick: PlayedTick) => number) =>
    points.length === 0 ? 0 : Math.round(points.reduce((sum, tick) => sum + of(tick), 0) / points.length);
  const sum = (of: (guest: (typeof guests)[number]) => number) =>
    guests.reduce((total, guest) => total + of(guest), 0);
  const side = (name: 'recorded' | 'played') => ({
    shrinks: sum(guest => guest[name].shrinks),
    grows: sum(guest => guest[name].grows),
    meanTakenBytes: mean(tick => (name === 'recorded' ? tick.recordedTakenBytes : tick.playedTakenBytes)),
  });
  return {
    policy: set.host.name,
    from: timeOf(points[0]?.at.wall ?? from),
    to: timeOf(points.at(-1)?.at.wall ?? from),
    ticks: points.length,
    complete,
    ...(problem !== undefined && { problem }),
    recorded: side('recorded'),
    played: { ...side('played'), meanShortBytes: mean(tick => tick.shortBytes) },
    guests: [...guests],
    series: thinned(points).map(({ at, recordedTakenBytes, playedTakenBytes, shortBytes }) => ({
      at: timeOf(at.wall),
      recordedTakenBytes,
      playedTakenBytes,
      shortBytes,
    })),
    differences,
    differencesInAll: inAll,
  };
}

function differenceView(at: number, { recorded, played }: PlayedDifference): Played['differences'][number] {
  const brief = ({ action, reason, targetBytes }: Decision) => ({ action, reason, targetBytes });
  const { uuid, name } = played;
  return { at: timeOf(at), domain: name, uuid, recorded: brief(recorded), played: brief(played) };
}

/** As many as a chart is wide. */
function thinned(points: readonly PlayedTick[]): readonly PlayedTick[] {
  const step = Math.max(1, Math.ceil(points.length / POINTS_MAX));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

/** A difference that goes on from the tick before is told once. */
function news(
  differences: readonly PlayedDifference[],
  said: Map<string, string>,
): readonly PlayedDifference[] {
  const present = new Set(differences.map(({ played }) => played.uuid));
  for (const uuid of said.keys()) if (!present.has(uuid)) said.delete(uuid);
  return differences.filter(({ recorded, played }) => {
    const key = [recorded.action, recorded.reason, played.action, played.reason].join(' ');
    const same = said.get(played.uuid) === key;
    said.set(played.uuid, key);
    return !same;
  });
}
