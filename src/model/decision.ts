import type { Bytes } from './units.ts';

/** Why a stage left, changed or refused a target. docs/reference/reasons.md is made from this table. */
export const REASONS = {
  OK: 'The stage let the target pass as it was.',
  UNMANAGED: 'No guest policy matches this guest. It is left alone.',
  OBSERVE_ONLY:
    'The host policy, or the policy of this guest, is in mode observe, or the daemon runs with --dry-run: the decision is recorded, nothing moves.',
  NOT_RUNNING: 'The guest is not running (paused, stopped or crashed).',
  STATS_ABSENT:
    'The guest does not report the figures that the decision needs. Without them it is never shrunk or grown.',
  STATS_STALE: "The guest's report is older than staleAfter.",
  STATS_IMPLAUSIBLE: "The guest's report contradicts itself or its own size.",
  STATS_SETTLING: 'A new epoch (start, reboot, driver return) has not yet given enough reports.',
  NO_BALLOON: 'The domain has no balloon device that could be moved.',
  PASSTHROUGH:
    'A device of the guest pins its memory (VFIO, vDPA): inflating its balloon would free nothing on the host.',
  HUGEPAGES: "The guest's memory is on huge pages, which ballooning does not free.",
  LOCKED_MEMORY: "The guest's memory is locked into RAM: inflating its balloon would free nothing.",
  LAUNCH_SECURITY: "The guest's memory is encrypted and pinned: inflating its balloon would free nothing.",
  VIRTIO_MEM: 'A virtio-mem device resizes the guest too: its size is left to that.',
  JOB_RUNNING:
    'A job (migration, snapshot, save, backup) is under way: the balloon is left alone until it is over.',
  EXPRESSION_FAILED: 'An expression of the policy failed or gave no finite number; this guest is held.',
  DEMAND: 'Demand as estimated from the window of use and its growth.',
  TARGET: "What the policy's target expression asks for.",
  GUARANTEE_MIN: 'Raised to the guaranteed minimum.',
  GUARANTEE_MAX: 'Lowered to the guaranteed maximum.',
  BUDGET_FITS: "All targets fit in the host's budget.",
  BUDGET_CUT: 'Lowered because the host cannot give every guest what it asks for.',
  BUDGET_DONOR: "Shrinks below the pressure level's leave because another guest's growth needs the memory.",
  WAITING_FOR_DONORS: 'Growth waits, wholly or in part, until memory promised to others has been given back.',
  HOST_INSUFFICIENT: 'Even the guarantees do not fit in the host. They are kept; the host is short.',
  HOST_UNKNOWN: "The host's own memory is not known this tick; nothing shrinks and nothing new is promised.",
  LEVEL_FORBIDS: 'At the present pressure level the policy does not move guests in this direction.',
  COOLDOWN: 'The last move in this direction was too recent.',
  STEP_LIMITED: 'Cut to the largest step.',
  STEP_TOO_SMALL: 'Smaller than the smallest step worth making.',
  RATE_LIMITED: 'Cut to what the rate allows since the last move.',
  STABILIZING: 'A higher target was recommended within the stabilization window.',
  WITHIN_TOLERANCE: 'Closer to the present size than the dead band.',
  MOVE_IN_FLIGHT: 'The guest is still on its way to its last target.',
  NO_FRESH_SAMPLE: 'The guest has not reported since the last decision.',
  WITHDRAWN:
    'The guest did not follow a shrink: the target goes back to what it reached and a margin, so that it need not fight for pages it cannot find.',
  BACKING_OFF:
    'The guest did not follow an earlier move; it is not shrunk for a while (10 minutes, doubling to an hour).',
  GUARD_FLOOR:
    "Raised by the guard: the guest's use and an absolute reserve stay with it whatever the policy says.",
  GUARD_CEILING: "Lowered by the guard to the guest's maximum.",
  GUARD_REFUSED: 'The guard refused the move.',
  CIRCUIT_OPEN:
    'The last calls for this guest failed, so it is left alone for a while: 30 s, doubling to 10 minutes, until one succeeds.',
  OWNED_BY_ANOTHER:
    "Another Ballonet renews its lease in the guest's metadata: the guest is left to it until the lease has run out.",
  VETOED: 'A veto of the policy forbids shrinks: its condition holds, or held within its hold time.',
  RELIEF: "The policy's relief condition holds: the guest is given memory at once, and gives none.",
  DISTRESS:
    'The guest has less than half its reserve available, or swaps out: it is given what it needs at once, and gives nothing.',
  ROLLED_BACK:
    'The guest came to harm after it was shrunk (it swapped out, faulted, stalled, killed, or ran out of available memory): it is given back what was taken, and is left alone for a while.',
  LEARNED_FLOOR:
    'Raised, because the guest came to harm at a smaller size. The floor falls by a hundredth of its maximum a minute.',
  SWAPPING:
    'The guest swaps out, or did a moment ago. That makes it look as if it had memory to give, so it is not shrunk.',
  BOOT_GRACE:
    'The guest has just booted: it is not shrunk for a minute, nor before it has reported often enough.',
  BOOT_RESTORED:
    'The guest boots, and QEMU would hold it to the size that it had before: it is given its maximum, or what the host has.',
  INEFFECTIVE:
    'Three shrinks in a row freed less than half of what they should have on the host: the guest has got its memory back and is left alone until it boots again.',
  EFFECT_AWAITED:
    'Three shrinks seem to have freed less than half of what they should have on the host: no more is taken until the balloon has stood still for two seconds, which shows it.',
  SLACK_LIMITED: 'Cut to half of what the guest could give: one decision never takes more.',
  RECLAIM_LIMITED: "Cut, or put off, because the host's limit of memory taken over time is used up.",
  MOVES_LIMITED:
    'The shrink waits, because as many guests are on their way as the host policy allows at once.',
  TICK_LIMITED: 'The shrink waits, because as many guests move in this tick as the host policy allows.',
  SURPLUS_RETURNED: 'Given memory beyond its target that nobody needs, because the host policy returns it.',
  SHORTAGE_SHARED:
    'Takes memory that the guest uses: it has more than its share of a host that is short, others hurt, and the host policy shares the shortage.',
  COLD_TAKEN:
    'Takes memory that the guest uses and seldom touches: its policy vouches for swap, and little of what is swapped out comes back.',
  COLD_RETURNED:
    'The squeeze of memory that the guest seldom touches is over: it gets back what it keeps above its use.',
  COLD_BARRED:
    'The guest had nothing left and did not swap out, or a program of it was killed: whatever its policy says of swap, nothing that it uses is taken until it boots again.',
  SILENCE_RELIEVED:
    'The guest has been without fresh figures for a minute: it gets back what was taken from it, as far as nobody else asks for it.',
  SCHEDULED: 'A schedule of the policy is in force and changes it.',
  EXCEPTED: 'An exception of the policy is in force for this guest and changes it.',
  FOREIGN_CHANGE:
    'The balloon moved though we had not asked for it: somebody else does, and the guest is left to them for a while.',
  PAUSED:
    'An operator has paused this guest: it is neither shrunk nor grown until it is resumed or the pause ends.',
  RELEASED: 'An operator has released this guest: it is given its maximum back, and is paused from then on.',
  SHRINK: 'The guest is asked to give memory back.',
  GROW: 'The guest is given memory.',
  SAFETY_HOLD: 'The daemon is in its safety hold after failed ticks: nothing shrinks.',
} as const;

export type ReasonCode = keyof typeof REASONS;

export type StageName =
  | 'policy'
  | 'quality'
  | 'eligibility'
  | 'demand'
  | 'target'
  | 'guarantees'
  | 'feedback'
  | 'vetoes'
  | 'relief'
  | 'budget'
  | 'restraint'
  | 'guard';

/** A place in a policy file. Lines and columns count from 1. */
export interface SourceRef {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One step from figures to target: what went in, what came out, which limit bit, and the policy line that asked for it. */
export interface Stage {
  readonly stage: StageName;
  readonly in: Bytes | undefined;
  readonly out: Bytes | undefined;
  readonly code: ReasonCode;
  readonly inputs?: Readonly<Record<string, number | string | boolean>>;
  readonly source?: SourceRef;
}

export type Action = 'shrink' | 'grow' | 'hold';

/** What one tick concludes about one guest. */
export interface Decision {
  readonly uuid: string;
  readonly name: string;
  /** Name of the governing policy and where it stands; missing for an unmanaged guest. */
  readonly policy?: { readonly name: string; readonly source: SourceRef };
  /** Host pressure level of this tick. */
  readonly level: string;
  readonly action: Action;
  /** The code that explains the outcome: of the stage that decided it. */
  readonly reason: ReasonCode;
  readonly currentBytes: Bytes | undefined;
  /** Total size the guest is to have; for `hold` the size it keeps, if known. */
  readonly targetBytes: Bytes | undefined;
  /** What the policy would ask for with no budget and no restraint; for explanation only. */
  readonly wantedBytes: Bytes | undefined;
  /** The policy's guarantees for this guest; missing while it is held for what is not known of it. */
  readonly guarantees?: { readonly minBytes: Bytes; readonly maxBytes: Bytes };
  readonly stages: readonly Stage[];
}
