/** One explanation as a job that can be done in another thread: everything it needs is data. */
import type { Instant } from '../../model/clock.ts';
import type { Explanation } from '../../model/explanation.ts';
import type { Snapshot } from '../../model/snapshot.ts';
import { compilePolicies } from '../../policy/compile.ts';
import { explain } from '../../policy/explain/explain.ts';
import { renderExplanation } from '../../policy/explain/render.ts';
import { requirePolicySet } from '../../policy/load.ts';
import type { HostPolicy, PolicyText } from '../../policy/policy-set.ts';
import type { PolicyState } from '../../policy/state.ts';

export interface ExplainJob {
  /** What the set in force was compiled from. */
  readonly texts: readonly PolicyText[];
  /** Of the set in force, which may be another than it was written: a dry run observes. */
  readonly mode: HostPolicy['mode'];
  readonly snapshot: Snapshot;
  /** That the tick was decided from. */
  readonly state: PolicyState;
  readonly now: Instant;
  readonly uuid: string;
  /** Whether to look for what would make the guest move: some hundred runs of `decide()`. */
  readonly search: boolean;
}

export type Explained = Explanation & { readonly text: string };

export function runExplainJob({ texts, mode, uuid, search, ...moment }: ExplainJob): Explained {
  const set = requirePolicySet(compilePolicies(texts.map(({ file, text }) => ({ file, content: text }))));
  const policies = { ...set, host: { ...set.host, mode } };
  const explanation = explain({ ...moment, policies }, uuid, { search });
  return { ...explanation, text: renderExplanation(explanation) };
}
