import { type Bytes, GiB, type Ratio, type Seconds } from '../model/units.ts';
import type { Run } from './run.ts';
import type { Tally } from './tally.ts';

/** How one controller fared, in the words of the simulation report. */
export interface Score {
  readonly controller: string;
  /** Host memory that guests held in the static run and not in this one, integrated. */
  readonly reclaimedGiBHours: number;
  /** Share of what the oracle reclaims; 0 where that is nothing. */
  readonly efficiency: Ratio;
  /** Time in which what guests held did not fit beside what the host uses itself. */
  readonly hostOverrunSeconds: Seconds;
  /** Memory in demand that was not there, integrated. */
  readonly shortageGiBSeconds: number;
  /** Time that guests' programs lost waiting for memory. */
  readonly stalledGuestSeconds: Seconds;
  readonly oomKills: number;
  readonly moves: number;
  /** What balloons have moved, both ways together. */
  readonly movedGiB: number;
  /** Sum of the guests' maxima over the smallest host; null where it was not looked for or there is none. */
  readonly density: Ratio | null;
  /** The smallest host on which nothing goes wrong; null as above. */
  readonly minHostBytes: Bytes | null;
  /** Fields of the policy that a sweep has set, and to what. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** What the controller is called where its runs stand side by side. */
export function labelOf({ controller, settings = {} }: Score): string {
  return [controller, ...Object.entries(settings).map(([path, value]) => `${path}=${value}`)].join(' ');
}

/** @param references the runs of the same simulation with nobody at the balloons, and with the oracle */
export function scoreOf({ controller, tally }: Run, references: { static: Tally; oracle: Tally }): Score {
  const reclaimed = (run: Tally): number =>
    (references.static.residentByteSeconds - run.residentByteSeconds) / GiB / 3600;
  const most = reclaimed(references.oracle);
  return {
    controller,
    reclaimedGiBHours: round(reclaimed(tally)),
    efficiency: most > 0 ? round(reclaimed(tally) / most) : 0,
    hostOverrunSeconds: round(tally.hostOverrunSeconds),
    shortageGiBSeconds: round(tally.shortageByteSeconds / GiB),
    stalledGuestSeconds: round(tally.stallSeconds),
    oomKills: tally.oomKills,
    moves: tally.moves,
    movedGiB: round(tally.movedBytes / GiB),
    density: null,
    minHostBytes: null,
  };
}

/** To a thousandth: more digits than that say nothing, and less of a report changes with the model's smallest step. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000 || 0;
}
