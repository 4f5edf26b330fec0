/** Turns engine events into log lines: one line per applied change, a broken source once on the edge, never once a tick. */
import type { Application } from '../actuators/actuator.ts';
import type { Decision, ReasonCode } from '../model/decision.ts';
import type { GuestSample, Snapshot } from '../model/snapshot.ts';
import type { Tick } from '../policy/decide.ts';
import type { Order } from '../policy/orders.ts';
import type { Logger } from '../telemetry/log.ts';
import type { EngineEvent } from './engine.ts';

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
]);

export function createAnnouncer(log: Logger): (event: EngineEvent) => void {
  let known = new Map<string, GuestSample>();
  const obstacles = new Map<string, ReasonCode>();
  let level: string | undefined;
  let split: string | undefined;
  let failing = false;

  function announceGuests(snapshot: Snapshot): void {
    const present = new Map(snapshot.guests.map(guest => [guest.uuid, guest]));
    for (const guest of snapshot.guests) {
      const before = known.get(guest.uuid);
      const fields = { domain: guest.name, uuid: guest.uuid, state: guest.state };
      if (before === undefined) log.info(fields, 'guest appeared');
      else if (before.epoch !== guest.epoch) log.info({ ...fields, boots: guest.epoch }, 'guest began anew');
    }
    for (const [uuid, guest] of known) {
      if (present.has(uuid)) continue;
      log.info({ domain: guest.name, uuid }, 'guest gone');
      obstacles.delete(uuid);
    }
    known = present;
  }

  function announceHost(tick: Tick, snapshot: Snapshot): void {
    const now = tick.state.pressure.level;
    if (now !== level) {
      const { total, available } = snapshot.host.readings;
      log.info(
        { pressure: now, from: level, availableBytes: available.value, totalBytes: total.value },
        'host pressure level',
      );
      level = now;
    }
    if (tick.budget?.split === split) return;
    split = tick.budget?.split;
    if (split === undefined) log.warn('host memory is not known: nothing moves');
    else if (split === 'insufficient')
      log.warn({ budgetBytes: Math.floor(tick.budget?.total ?? 0) }, 'the guarantees do not fit in the host');
    else if (split === 'cut')
      log.info(
        { budgetBytes: Math.floor(tick.budget?.total ?? 0) },
        'the host cannot give every guest its target',
      );
  }

  function announceObstacle(decision: Decision): void {
    const now = decision.action === 'hold' && OBSTACLES.has(decision.reason) ? decision.reason : undefined;
    // A new epoch settles for some ticks between an obstacle and its end: neither the one nor the other.
    if (decision.reason === 'STATS_SETTLING' || now === obstacles.get(decision.uuid)) return;
    if (now === undefined) {
      obstacles.delete(decision.uuid);
      log.info({ domain: decision.name }, 'guest can be moved again');
      return;
    }
    obstacles.set(decision.uuid, now);
    const problem = decision.stages.findLast(stage => stage.code === now)?.inputs?.problem;
    log.warn(
      { domain: decision.name, reason: now, ...(problem === undefined ? {} : { problem }) },
      'guest held',
    );
  }

  function announceMove(decision: Decision, application: Application): void {
    const fields = {
      domain: decision.name,
      action: decision.action,
      fromBytes: decision.currentBytes,
      toBytes: 'targetBytes' in application ? application.targetBytes : decision.targetBytes,
      reason: decision.reason,
      pressure: decision.level,
      policy: decision.policy?.name,
    };
    switch (application.status) {
      case 'applied':
        log.info(fields, 'balloon moved');
        return;
      case 'dry-run':
        log.info(fields, 'balloon would move');
        return;
      case 'refused':
        log.warn({ ...fields, problem: application.problem }, 'guard refused a move');
        return;
      case 'failed':
        log.error({ ...fields, err: application.error }, 'balloon move failed');
    }
  }

  return event => {
    switch (event.type) {
      case 'tick':
        if (failing) log.info('ticks resumed');
        failing = false;
        announceGuests(event.snapshot);
        announceHost(event.tick, event.snapshot);
        for (const decision of event.tick.decisions) announceObstacle(decision);
        return;
      case 'tick-failed':
        if (!failing) log.error({ err: event.error }, 'tick failed: balloons stay as they are');
        failing = true;
        return;
      case 'ordered':
        announceOrder(event.order, known.get(event.order.uuid)?.name, log);
        return;
      case 'safety':
        log.warn(event.holding ? 'safety hold: nothing shrinks' : 'safety hold over');
        return;
      case 'applied':
        announceMove(event.decision, event.application);
    }
  };
}

function announceOrder(order: Order, domain: string | undefined, log: Logger): void {
  const { uuid } = order;
  if (order.type === 'resume') {
    log.info({ domain, uuid, by: order.by }, 'guest resumed');
    return;
  }
  const { reason, by, until } = order.pause;
  const fields = { domain, uuid, by, reason, until: until && new Date(until * 1000).toISOString() };
  log.info(fields, order.type === 'pause' ? 'guest paused' : 'guest released');
}
