import type { ReasonCode } from '../../model/decision.ts';

/** What ends a hold that no figure and no time ends; undefined where there is no such thing. */
export function remedyFor(reason: ReasonCode, guest: string): string | undefined {
  return REMEDIES[reason]?.replaceAll('GUEST', guest);
}

const REMEDIES: Partial<Readonly<Record<ReasonCode, string>>> = {
  PAUSED: '`ballonet resume GUEST` ends the pause',
  UNMANAGED: 'a GuestPolicy that matches it would manage it',
  STATS_ABSENT:
    'it has to report: with a balloon driver in the guest, and a period to do it in, `virsh dommemstat GUEST --period 1 --live` (a ' +
    'daemon that enforces sets that itself)',
  STATS_STALE: 'it has to report again: is the guest alive, and its balloon driver?',
  NO_BALLOON: "its definition needs a balloon, <memballoon model='virtio'/>, and the guest a new start",
  NOT_RUNNING: 'it has to run',
  FOREIGN_CHANGE: 'whoever else moves its balloon has to leave it alone for a while',
  OWNED_BY_ANOTHER: 'the other Ballonet has to be stopped, or to leave the guest alone',
};
