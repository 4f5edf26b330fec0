/** Tells what the engine's events mean to an operator: each change once, on the edge, never once a tick. */
import type { Decision, ReasonCode } from '../model/decision.ts';
import type { Notice } from '../model/notice.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import type { Tick } from '../policy/decide.ts';
import type { Order } from '../policy/orders.ts';
import type { EngineEvent, TickEvent } from './engine.ts';

/** Holds that an operator wants to hear of when they begin and end. The others are the ordinary course of things. */
const OBSTACLES: ReadonlySet<ReasonCode> = new Set([
  'UNMANAGED',
  'NOT_RUNNING',
  'NO_BALLOON',
  'PASSTHROUGH',
  'HUGEPAGES',
  'LOCKED_MEMORY',
  'LAUNCH_SECURITY',
  'VIRTIO_MEM',
  'JOB_RUNNING',
  'STATS_ABSENT',
  'STATS_STALE',
  'STATS_IMPLAUSIBLE',
  'EXPRESSION_FAILED',
  'BACKING_OFF',
  'FOREIGN_CHANGE',
]);

export function createAnnouncer(tell: (notice: Notice) => void): (event: EngineEvent) => void {
  let known = new Map<string, GuestSample>();
  const obstacles = new Map<string, ReasonCode>();
  let level: string | undefined;
  let split: string | undefined;
  let failing = false;

  function announceGuests(snapshot: Snapshot): void {
    const present = new Map(snapshot.guests.map(guest => [guest.uuid, guest]));
    for (const { uuid, name: domain, state, epoch } of snapshot.guests) {
      const before = known.get(uuid);
      if (before === undefined) tell({ type: 'GUEST_APPEARED', domain, uuid, fields: { state } });
      else if (before.epoch !== epoch)
        tell({ type: 'GUEST_RESTARTED', domain, uuid, fields: { state, boots: epoch } });
    }
    for (const [uuid, { name: domain }] of known) {
      if (present.has(uuid)) continue;
      tell({ type: 'GUEST_GONE', domain, uuid });
      obstacles.delete(uuid);
    }
    known = present;
  }

  function announceHost(tick: Tick, snapshot: Snapshot): void {
    const now = tick.state.pressure.level;
    if (now !== level) {
      const { total, available } = snapshot.host.readings;
      const fields = { pressure: now, from: level, availableBytes: available.value, totalBytes: total.value };
      tell({ type: 'PRESSURE_LEVEL', fields });
      level = now;
    }
    if (tick.budget?.split === split) return;
    split = tick.budget?.split;
    const fields = { budgetBytes: Math.floor(tick.budget?.total ?? 0) };
    if (split === undefined) tell({ type: 'HOST_UNKNOWN' });
    else if (split === 'insufficient') tell({ type: 'HOST_INSUFFICIENT', fields });
    else if (split === 'cut') tell({ type: 'HOST_CUT', fields });
  }

  function announceObstacle({ uuid, name: domain, action, reason, stages }: Decision): void {
    const now = action === 'hold' && OBSTACLES.has(reason) ? reason : undefined;
    // A new epoch settles for some ticks between an obstacle and its end: neither the one nor the other.
    if (reason === 'STATS_SETTLING' || now === obstacles.get(uuid)) return;
    if (now === undefined) {
      obstacles.delete(uuid);
      tell({ type: 'GUEST_MOVABLE', domain, uuid });
      return;
    }
    obstacles.set(uuid, now);
    const problem = stages.findLast(stage => stage.code === now)?.inputs?.problem;
    tell({
      type: 'GUEST_HELD',
      domain,
      uuid,
      fields: { reason: now, ...(problem === undefined ? {} : { problem: String(problem) }) },
    });
  }

  function announceOrder(order: Order): void {
    const { uuid } = order;
    const domain = known.get(uuid)?.name;
    if (order.type === 'resume') {
      tell({ type: 'GUEST_RESUMED', domain, uuid, fields: { by: order.by } });
      return;
    }
    const { reason: why, by, until } = order.pause;
    const type = order.type === 'pause' ? 'GUEST_PAUSED' : 'GUEST_RELEASED';
    const ends = until === undefined ? {} : { until: new Date(until * 1000).toISOString() };
    tell({ type, domain, uuid, fields: { by, why, ...ends } });
  }

  function announcePauses({ before, tick }: TickEvent): void {
    for (const uuid of before.pauses?.keys() ?? []) {
      if (tick.state.pauses?.has(uuid) !== true)
        tell({ type: 'PAUSE_OVER', domain: known.get(uuid)?.name, uuid });
    }
  }

  return event => {
    switch (event.type) {
      case 'tick':
        if (failing) tell({ type: 'TICKS_RESUMED' });
        failing = false;
        announceGuests(event.snapshot);
        announceHost(event.tick, event.snapshot);
        announcePauses(event);
        for (const decision of event.tick.decisions) announceObstacle(decision);
        return;
      case 'tick-failed':
        if (!failing) tell({ type: 'TICK_FAILED', error: event.error });
        failing = true;
        return;
      case 'ordered':
        announceOrder(event.order);
        return;
      case 'safety':
        tell({ type: event.holding ? 'SAFETY_HOLD' : 'SAFETY_OVER' });
        return;
      case 'applied':
    }
  };
}
