/** Why a guest must not be moved, by what is known of it alone: its state, its XML, its figures. */
import type { ReasonCode, StageName } from '../model/decision.ts';
import type { GuestSample, Obstacle, Reading } from '../model/snapshot.ts';
import { isIneffective } from './efficacy.ts';
import type { GuestMemory } from './state.ts';
import type { StageInputs } from './trail.ts';

/** Reports that a new epoch must bring before its figures count: the first buffer may be uninitialised (virtio 1.2, 5.5.6.3). */
const SETTLED_REPORTS = 2;

const QUALITY_CODES = {
  stale: 'STATS_STALE',
  absent: 'STATS_ABSENT',
  implausible: 'STATS_IMPLAUSIBLE',
} as const;

/** H21 (R16), H31 (R24): what the domain's XML or a job of it forbids. */
const OBSTACLE_CODES = {
  'no-balloon': 'NO_BALLOON',
  passthrough: 'PASSTHROUGH',
  hugepages: 'HUGEPAGES',
  locked: 'LOCKED_MEMORY',
  'launch-security': 'LAUNCH_SECURITY',
  'virtio-mem': 'VIRTIO_MEM',
  job: 'JOB_RUNNING',
} as const satisfies Record<Obstacle, ReasonCode>;

/** What stands in the way of moving a guest. */
export interface Hindrance {
  readonly stage: Extract<StageName, 'eligibility' | 'quality'>;
  readonly code: ReasonCode;
}

/** The first hindrance; undefined for a guest that may be moved. */
export function hindranceOf(sample: GuestSample, memory: GuestMemory): Hindrance | undefined {
  // H42: a guest that is paused, asleep, crashed or on its way out does not follow its balloon.
  if (sample.state !== 'running') return { stage: 'eligibility', code: 'NOT_RUNNING' };
  if (sample.balloon?.device === 'none') return { stage: 'eligibility', code: 'NO_BALLOON' };
  const obstacle = sample.obstacles?.[0];
  if (obstacle !== undefined) return { stage: 'eligibility', code: OBSTACLE_CODES[obstacle] };
  if (isIneffective(memory)) return { stage: 'eligibility', code: 'INEFFECTIVE' };
  const { max, current } = sample.readings;
  // H10, H11, H18 (R9, R10, R13): unknown is not zero, and never shrinks a guest.
  const quality = doubtOf(max) ?? doubtOf(current) ?? doubtOfReport(sample);
  if (quality !== undefined) return { stage: 'quality', code: QUALITY_CODES[quality] };
  if (!isPositive(max) || !isPositive(current)) return { stage: 'quality', code: 'STATS_IMPLAUSIBLE' };
  // H12 (R11). Whether the driver leaves ballooned pages in MemTotal is not known before the XML has been read.
  const settled = sample.balloon !== undefined && sample.reportsInEpoch >= SETTLED_REPORTS;
  return settled ? undefined : { stage: 'quality', code: 'STATS_SETTLING' };
}

function doubtOf({ quality }: Reading): keyof typeof QUALITY_CODES | undefined {
  return quality === 'ok' ? undefined : quality;
}

function doubtOfReport({ readings }: GuestSample): keyof typeof QUALITY_CODES | undefined {
  const { total, used, available } = readings.trusted;
  if (!Number.isNaN(total + used + available)) return undefined;
  return doubtOf(readings.total) ?? doubtOf(readings.used) ?? doubtOf(readings.available);
}

function isPositive({ value }: Reading): boolean {
  return value !== undefined && value > 0;
}

export function reportInputs({ statsAgeSeconds, epoch, reportsInEpoch }: GuestSample): StageInputs {
  return { ...(statsAgeSeconds === undefined ? {} : { statsAgeSeconds }), epoch, reports: reportsInEpoch };
}
