import { hostname } from 'node:os';
import { exhaustMap, filter, from, type Subscription } from 'rxjs';
import type { TickEvent } from '../../engine/engine.ts';
import { createLeases, type Leases } from '../../engine/lease.ts';
import type { DomainRef } from '../../hypervisor/driver.ts';
import type { Daemon } from './context.ts';
import type { Part } from './parts.ts';

export interface LeasePart extends Part {
  /** Undefined where nothing is moved: then there is nothing to agree on. */
  readonly leases: Leases | undefined;
}

/** Says in the guests' metadata that this daemon moves them, and sees who else does. */
export function leasePart({ store, hypervisor, clock, events, notices }: Daemon): LeasePart {
  const leases =
    store &&
    createLeases({
      hypervisor,
      id: store.ownerId,
      host: hostname(),
      clock,
      onTaken: ({ name, uuid }, { host, id }) =>
        notices.next({ type: 'OWNER_CONFLICT', domain: name, uuid, fields: { host, owner: id } }),
    });
  let renewing: Subscription | undefined;
  return {
    name: 'lease',
    leases,
    async start() {
      if (leases === undefined) return;
      await leases.claim();
      renewing = events
        .pipe(
          filter(event => event.type === 'tick'),
          exhaustMap(event => from(leases.renew(managed(event)))),
        )
        .subscribe();
    },
    async stop() {
      renewing?.unsubscribe();
      await leases?.release();
    },
  };
}

function managed({ snapshot, tick }: TickEvent): DomainRef[] {
  const ours = new Set(tick.decisions.flatMap(({ uuid, policy }) => (policy === undefined ? [] : [uuid])));
  return snapshot.guests.filter(({ uuid, state }) => ours.has(uuid) && state !== 'stopped');
}
