/** What the API needs of the rest of the daemon; made in src/cli. */
import type { z } from 'zod';
import type { EngineEvent, TickEvent } from '../engine/engine.ts';
import type { History } from '../engine/history.ts';
import type { Trends } from '../engine/trends.ts';
import type { Clock } from '../model/clock.ts';
import type { SourceRef } from '../model/decision.ts';
import type { Explanation } from '../model/explanation.ts';
import type { ShadowReport } from '../model/shadow.ts';
import type { Seconds } from '../model/units.ts';
import type { ConsoleFiles } from './console-files.ts';
import type { PolicyCheck, PolicyTests, WhatIf } from './schema/what-if.ts';

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
  /** What to write instead, or where to look. */
  readonly hint?: string;
  /** How many characters of the line are meant. */
  readonly span?: number;
  readonly source: SourceRef;
}

type Inner<S extends z.ZodType> = Omit<z.output<S>, 'apiVersion' | 'kind'>;

export type PolicyChecked = Inner<typeof PolicyCheck>;
export type PolicyTested = Inner<typeof PolicyTests>;
export type Played = Inner<typeof WhatIf>;

interface EditedFile {
  readonly file: string;
  readonly text: string;
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
  /** Policies that are tried on models of the guests. */
  readonly shadows: () => readonly ShadowReport[];
  readonly explain: (tick: TickEvent, uuid: string) => Promise<Explanation & { readonly text: string }>;
  /** How memory went over the last while. */
  readonly trends: Trends;
  /**
   * Policies as they would be with some of their files edited. Each throws BallonetError: REQUEST_INVALID where a file is none of
   * the set's, REQUEST_LIMITED when too many ask, or it takes too long.
   */
  readonly whatIf: {
    check(changes: readonly EditedFile[]): Promise<PolicyChecked>;
    test(changes: readonly EditedFile[]): Promise<PolicyTested>;
    /** @throws BallonetError POLICY_INVALID, JOURNAL_UNREADABLE as well */
    replay(changes: readonly EditedFile[], seconds: Seconds): Promise<Played>;
  };
  /** The page, by path; empty where it was not built. */
  readonly console: ConsoleFiles;
  /** In the text format of Prometheus. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly order: (order: Order) => void;
  /** @throws BallonetError when the set on disk cannot be taken up; the old one stays in force then */
  readonly reload: () => void;
  readonly audit: (entry: AuditEntry) => void;
  /** A request failed in a way that nobody foresaw. */
  readonly fault: (error: unknown, request: string) => void;
}
