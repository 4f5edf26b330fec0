import type { Bytes, Seconds } from '../model/units.ts';
import type { Bench } from './bench.ts';

/** What a run has come to so far; every figure only rises. */
export interface Tally {
  readonly residentByteSeconds: number;
  readonly hostOverrunSeconds: Seconds;
  readonly shortageByteSeconds: number;
  readonly stallSeconds: Seconds;
  readonly oomKills: number;
  readonly swappedOutBytes: Bytes;
  /** File data that guests had to read again because their caches had given it up. */
  readonly rereadBytes: Bytes;
  readonly moves: number;
  /** What balloons have moved, both ways together. */
  readonly movedBytes: Bytes;
  /** Time that guests ran, all together. */
  readonly guestSeconds: Seconds;
}

export function tallyOf({ host, guests }: Bench, moves: number): Tally {
  const harm = host.harm();
  let tally: Tally = {
    residentByteSeconds: harm.residentByteSeconds,
    hostOverrunSeconds: harm.hostOverrunSeconds,
    shortageByteSeconds: 0,
    stallSeconds: 0,
    oomKills: 0,
    swappedOutBytes: 0,
    rereadBytes: 0,
    moves,
    movedBytes: 0,
    guestSeconds: 0,
  };
  for (const { harm: own, balloon, runSeconds } of guests) {
    tally = {
      ...tally,
      shortageByteSeconds: tally.shortageByteSeconds + own.shortageByteSeconds,
      stallSeconds: tally.stallSeconds + own.stallSeconds,
      oomKills: tally.oomKills + own.oomKills,
      swappedOutBytes: tally.swappedOutBytes + own.swappedOutBytes,
      rereadBytes: tally.rereadBytes + own.rereadBytes,
      movedBytes: tally.movedBytes + balloon.movedBytes,
      guestSeconds: tally.guestSeconds + runSeconds,
    };
  }
  return tally;
}

/** What came to pass between two tallies of a run. */
export function since(before: Tally, after: Tally): Tally {
  return {
    residentByteSeconds: after.residentByteSeconds - before.residentByteSeconds,
    hostOverrunSeconds: after.hostOverrunSeconds - before.hostOverrunSeconds,
    shortageByteSeconds: after.shortageByteSeconds - before.shortageByteSeconds,
    stallSeconds: after.stallSeconds - before.stallSeconds,
    oomKills: after.oomKills - before.oomKills,
    swappedOutBytes: after.swappedOutBytes - before.swappedOutBytes,
    rereadBytes: after.rereadBytes - before.rereadBytes,
    moves: after.moves - before.moves,
    movedBytes: after.movedBytes - before.movedBytes,
    guestSeconds: after.guestSeconds - before.guestSeconds,
  };
}
