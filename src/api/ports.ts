/** What the API needs of the rest of the daemon; made in src/cli. */
import type { EngineEvent, TickEvent } from '../engine/engine.ts';
import type { History } from '../engine/history.ts';
import type { Clock } from '../model/clock.ts';
import type { SourceRef } from '../model/decision.ts';
import type { Explanation } from '../model/explanation.ts';
import type { Seconds } from '../model/units.ts';

export type Order = Extract<EngineEvent, { readonly type: 'ordered' }>['order'];
type PoliciesInForce = TickEvent['policies'];

interface About {
  readonly version: string;
  /** Unix time. */
  readonly startedAt: Seconds;
  readonly uri: string;
  /** What is at the other end of the URI: `libvirt 9.0.0`. */
  readonly hypervisor: string;
  readonly dryRun: boolean;
}

export interface Finding {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  readonly source: SourceRef;
}

/** One thing that somebody asked to change, for the audit log. */
export interface AuditEntry {
  readonly by: string;
  readonly what: string;
  readonly domain?: string;
  readonly why?: string;
  /** The code of what it was refused with; missing when it was done. */
  readonly refused?: string;
}

export interface ApiPorts {
  readonly clock: Clock;
  readonly about: About;
  readonly history: History;
  /** Whether the connection to the hypervisor is there. */
  readonly linkUp: () => boolean;
  /** What the engine knows at this moment. */
  readonly state: () => TickEvent['before'];
  readonly policies: () => PoliciesInForce;
  readonly lints: () => readonly Finding[];
  readonly explain: (tick: TickEvent, uuid: string) => Promise<Explanation & { readonly text: string }>;
  /** In the text format of Prometheus. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly order: (order: Order) => void;
  /** @throws BallonetError when the set on disk cannot be taken up; the old one stays in force then */
  readonly reload: () => void;
  readonly audit: (entry: AuditEntry) => void;
  /** A request failed in a way that nobody foresaw. */
  readonly fault: (error: unknown, request: string) => void;
}
