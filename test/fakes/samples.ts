/** Snapshots and decisions for tests that look at one or two fields of them. */
import type { Decision } from '../../src/model/decision.ts';
import { guestReadings } from '../../src/model/guest-readings.ts';
import {
  ABSENT,
  type GuestFigure,
  type GuestSample,
  known,
  type Reading,
  type Snapshot,
} from '../../src/model/snapshot.ts';
import { GiB, MiB } from '../../src/model/units.ts';

const UUID = '00000000-0000-4000-8000-000000000001';

export interface SampleParts extends Partial<Omit<GuestSample, 'readings'>> {
  readonly readings?: Partial<Record<GuestFigure, Reading>>;
}

/** A running 2 GiB guest at full size that uses 500 MiB and reported a moment ago. */
export function sampleOf({ readings, ...parts }: SampleParts = {}): GuestSample {
  return {
    uuid: UUID,
    name: 'web-1',
    id: 1,
    balloon: { device: 'virtio', autodeflate: false },
    state: 'running',
    statsAgeSeconds: 1,
    epoch: 1,
    reportsInEpoch: 10,
    uptimeSeconds: 600,
    ...parts,
    readings: guestReadings({
      max: known(2 * GiB),
      current: known(2 * GiB),
      rss: known(2 * GiB),
      total: known(2 * GiB - 100 * MiB),
      available: known(2 * GiB - 600 * MiB),
      free: known(GiB),
      cache: known(100 * MiB),
      used: known(500 * MiB),
      swapInRate: known(0),
      swapOutRate: known(0),
      majorFaultRate: known(0),
      oomKills: ABSENT,
      allocStalls: ABSENT,
      psiSome: ABSENT,
      psiFull: ABSENT,
      ...readings,
    }),
  };
}

export function decisionOf(parts: Partial<Decision> = {}): Decision {
  return {
    uuid: UUID,
    name: 'web-1',
    level: 'soft',
    action: 'shrink',
    reason: 'SHRINK',
    currentBytes: 2 * GiB,
    targetBytes: 1.5 * GiB,
    wantedBytes: GiB,
    guarantees: { minBytes: 512 * MiB, maxBytes: 2 * GiB },
    stages: [],
    ...parts,
  };
}

/** A host of 16 GiB with half of it available. */
export function snapshotOf(guests: readonly GuestSample[], sequence = 0): Snapshot {
  return {
    sequence,
    guests,
    host: {
      source: 'meminfo',
      readings: {
        total: known(16 * GiB),
        available: known(8 * GiB),
        free: known(8 * GiB),
        swapUsed: known(0),
        swapInRate: known(0),
        swapOutRate: known(0),
        committed: known(8 * GiB),
        psiSomeAvg10: ABSENT,
        psiSomeAvg60: ABSENT,
        psiSomeAvg300: ABSENT,
        psiFullAvg10: ABSENT,
        psiFullAvg60: ABSENT,
        psiFullAvg300: ABSENT,
      },
    },
  };
}
