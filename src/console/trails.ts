/** What each guest used over the last hour, in few points: enough for a small chart in a row of a table. */
import type { Answer } from '../api/routes.ts';

type History = Pick<Answer<'guestsHistory'>, 'at' | 'stepSeconds' | 'items'>;

interface Seen {
  readonly at: string;
  readonly guests: readonly { readonly uuid: string; readonly usedBytes?: number | undefined }[];
}

export interface Trails {
  note(seen: Seen): void;
  /** Bytes, oldest first; null where it is not known. */
  of(uuid: string): readonly (number | null)[];
}

const POINTS_MAX = 60;
const STEP_SECONDS_MIN = 15;

export function createTrails(history?: History): Trails {
  const stepSeconds = Math.max(STEP_SECONDS_MIN, history?.stepSeconds ?? 0);
  const trails = new Map<string, (number | null)[]>(
    history?.items.map(({ uuid, values }) => [uuid, [...values]]),
  );
  let last = history === undefined ? 0 : Date.parse(history.at) / 1000;
  return {
    note({ at, guests }) {
      const now = Date.parse(at) / 1000;
      const isNext = now - last >= stepSeconds;
      if (isNext) last = now;
      const present = new Set<string>();
      for (const { uuid, usedBytes = null } of guests) {
        present.add(uuid);
        const trail = trails.get(uuid) ?? [];
        trails.set(uuid, trail);
        // Within a step the last figure counts.
        if (!isNext) trail.pop();
        trail.push(usedBytes);
        if (trail.length > POINTS_MAX) trail.shift();
      }
      for (const uuid of trails.keys()) if (!present.has(uuid)) trails.delete(uuid);
    },
    of: uuid => trails.get(uuid) ?? [],
  };
}
