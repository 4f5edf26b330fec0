/** The log lines of notices and of moves: one for each applied change. */
import type { Application } from '../actuators/actuator.ts';
import type { Decision } from '../model/decision.ts';
import { NOTICES, type Notice } from '../model/notice.ts';
import type { Logger } from '../telemetry/log.ts';

export function logNotice(log: Logger, { type, domain, uuid, fields, error }: Notice): void {
  const { severity, message } = NOTICES[type];
  const about = { ...(domain === undefined ? {} : { domain }), ...(uuid === undefined ? {} : { uuid }) };
  log[severity](
    { event: type, ...about, ...fields, ...(error === undefined ? {} : { err: error }) },
    message,
  );
}

/** A line for each move. What only would be moved is told when it changes: a dry run decides the same every tick. */
export function createMoveLog(log: Logger): (decision: Decision, application: Application) => void {
  const wouldBe = new Map<string, string>();
  return (decision, application) => {
    if (application.status === 'dry-run') {
      const said = `${decision.action} ${decision.reason} ${application.targetBytes}`;
      if (wouldBe.get(decision.uuid) === said) return;
      wouldBe.set(decision.uuid, said);
    }
    logMove(log, decision, application);
  };
}

function logMove(log: Logger, decision: Decision, application: Application): void {
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
