/** What is said of a policy that is tried on models of the living guests. */
import type { Action, ReasonCode } from './decision.ts';
import type { Bytes, Seconds } from './units.ts';

/** What a shadow says of one guest. */
export interface ShadowedGuest {
  readonly uuid: string;
  readonly name: string;
  /** Of the real guest. */
  readonly realBytes: Bytes;
  /** Of the model. */
  readonly sizeBytes: Bytes;
  readonly targetBytes: Bytes;
  readonly stalledSeconds: Seconds;
  readonly shortageGiBSeconds: number;
  readonly oomKills: number;
  readonly rereadBytes: Bytes;
  readonly action: Action;
  readonly reason: ReasonCode;
}

export interface ShadowSummary {
  readonly policy: string;
  /** How long it has been looked at. */
  readonly seconds: Seconds;
  readonly looks: number;
  /** How many guests have a model; of the others too little is known. */
  readonly modelled: number;
  readonly guests: number;
  /** What the host would have more of at this moment, by what guests' processes hold. */
  readonly reclaimedBytes: Bytes;
  /** The same, integrated. */
  readonly reclaimedGiBHours: number;
  /** Time in which what guests held would not have fitted. */
  readonly hostOverrunSeconds: Seconds;
  readonly stalledGuestSeconds: Seconds;
  readonly shortageGiBSeconds: number;
  readonly oomKills: number;
  readonly rereadBytes: Bytes;
  readonly moves: number;
  readonly movedBytes: Bytes;
}

/** One shadow with all that it knows. */
export interface ShadowReport extends ShadowSummary {
  /** Those that come to harm first. */
  readonly items: readonly ShadowedGuest[];
}
