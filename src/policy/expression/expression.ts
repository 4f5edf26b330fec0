/** What expressions of the policy language see, and what a compiled one is. */
import type { SourceRef } from '../../model/decision.ts';
import type { Trace } from '../../model/explanation.ts';

/** Names of `host` in expressions: bytes, bytes per second, percent for PSI as the kernel prints it. Missing: not known. */
export interface HostNames {
  total?: number | undefined;
  available?: number | undefined;
  available_ratio?: number | undefined;
  free?: number | undefined;
  swap_used?: number | undefined;
  swap_in_rate?: number | undefined;
  swap_out_rate?: number | undefined;
  committed?: number | undefined;
  psi: { some: PsiNames; full: PsiNames };
  guests: number;
  /** Name of the present pressure level; only in guest expressions. */
  level?: string | undefined;
}

export interface PsiNames {
  avg10?: number | undefined;
  avg60?: number | undefined;
  avg300?: number | undefined;
}

/** Names of `guest` in expressions. Missing: not known; an expression that reads it fails and holds the guest. */
export interface GuestNames {
  name: string;
  uuid: string;
  title?: string | undefined;
  /** The domain's tags, from its metadata. */
  tags?: Readonly<Record<string, string>> | undefined;
  os?: string | undefined;
  max?: number | undefined;
  current?: number | undefined;
  target?: number | undefined;
  total?: number | undefined;
  used?: number | undefined;
  available?: number | undefined;
  free?: number | undefined;
  cache?: number | undefined;
  /** What it uses and what its kernel keeps: the size that would just hold it. */
  need?: number | undefined;
  demand?: number | undefined;
  used_rate?: number | undefined;
  rss?: number | undefined;
  swap_in_rate?: number | undefined;
  swap_out_rate?: number | undefined;
  major_fault_rate?: number | undefined;
  /** Between its last two reports; few guests tell. */
  oom_kills?: number | undefined;
  alloc_stalls?: number | undefined;
  /** Percent of the last 10 seconds, of the host's memory. */
  psi_some?: number | undefined;
  psi_full?: number | undefined;
  uptime?: number | undefined;
  stats_age?: number | undefined;
  boots?: number | undefined;
  /** Available memory is under half of the reserve, or the guest swaps out in earnest. */
  distress?: boolean | undefined;
  /** How the guest itself is off: `ample`, `low` (less than its reserve is available) or `distress`. */
  level?: string | undefined;
}

/** What an expression can see. `host` alone for pressure levels; everything for guest policies. */
export interface Scope {
  host: HostNames;
  guest?: GuestNames;
  guarantees?: { min: number; max: number; reserve: number };
  vars?: Record<string, number>;
  /** What clocks show in the zone of the policy; Monday is 1. */
  now?: { readonly hour: number; readonly weekday: number };
}

/** A failure of an expression at run time: a name without a value, or no finite number. */
export interface ExpressionFailure {
  readonly problem: string;
}

/** A compiled CEL expression that gives a `T`. Never throws. */
export interface Expression<T> {
  readonly text: string;
  readonly source: SourceRef;
  evaluate(scope: Scope): T | ExpressionFailure;
  /** What each part of it comes to; for people, and not fast. */
  trace(scope: Scope): Trace;
}
