/** All procedures that are served. */
import { CONNECT_PROCEDURES } from './connect-procedures.ts';
import { DOMAIN_PROCEDURES } from './domain-procedures.ts';
import { EVENT_PROCEDURES } from './event-procedures.ts';
import { LIST_PROCEDURES } from './list-procedures.ts';
import { PROCEDURE_LAST } from './numbers.ts';
import type { Procedure } from './procedure.ts';
import { refused, VIR_ERR } from './refusal.ts';
import { STATS_PROCEDURES } from './stats-procedures.ts';

const PROCEDURES: ReadonlyMap<number, Procedure> = new Map(
  [CONNECT_PROCEDURES, LIST_PROCEDURES, DOMAIN_PROCEDURES, STATS_PROCEDURES, EVENT_PROCEDURES].flatMap(
    table => Object.entries(table).map(([number, entry]) => [Number(number), entry] as const),
  ),
);

/**
 * The procedure of a number.
 *
 * @throws BallonetError OPERATION_UNSUPPORTED with the number that a libvirtd gives: one that libvirt has and nobody serves
 *   is not supported, as with a driver that lacks it, so that clients can fall back; any other is not known
 */
export function procedureOf(number: number): Procedure {
  const found = PROCEDURES.get(number);
  if (found) return found;
  throw number >= 1 && number <= PROCEDURE_LAST
    ? refused(
        'OPERATION_UNSUPPORTED',
        VIR_ERR.noSupport,
        `this function is not supported by the connection driver: remote procedure ${number}`,
      )
    : refused('OPERATION_UNSUPPORTED', VIR_ERR.rpc, `unknown procedure: ${number}`);
}
