/** The routes that change something. */
import { filter, firstValueFrom, map, race, timer } from 'rxjs';
import type { DecisionRecord } from '../engine/history.ts';
import { BallonetError, isBallonetError } from '../model/errors.ts';
import { type GuestSample, trusted } from '../model/snapshot.ts';
import type { Seconds } from '../model/units.ts';
import { guestOf, seen } from './guests.ts';
import type { ApiPorts, AuditEntry } from './ports.ts';
import type { Answer, Handlers } from './routes.ts';
import { pauseView, timeOf } from './views.ts';

/** The calls to the hypervisor have a deadline of their own, which is shorter. */
const RELEASE_SECONDS: Seconds = 15;

type Freed = Answer<'release'>['items'][number];

export function operations(ports: ApiPorts): Pick<Handlers, 'pause' | 'resume' | 'release' | 'reload'> {
  const { clock, history, state } = ports;

  /** Says in the audit log what was asked, and what came of it. */
  async function audited<T>(entry: AuditEntry, work: () => T | Promise<T>): Promise<T> {
    try {
      const result = await work();
      ports.audit(entry);
      return result;
    } catch (error) {
      ports.audit({ ...entry, refused: isBallonetError(error) ? error.code : 'DAEMON_FAULT' });
      throw error;
    }
  }

  async function releaseGuest(sample: GuestSample, reason: string, by: string): Promise<Freed> {
    const { uuid, name: domain } = sample;
    const order = () =>
      ports.order({ type: 'release', uuid, pause: { since: clock.now().wall, reason, by } });
    const [current, max] = [trusted(sample.readings.current), trusted(sample.readings.max)];
    if (current === undefined || max === undefined || current >= max) {
      order();
      return max !== undefined && current !== undefined
        ? { domain, uuid, status: 'full', targetBytes: max }
        : { domain, uuid, status: 'failed', problem: 'its size is not known' };
    }
    // Listening comes first: the answer may be there before the order returns.
    const answer = outcomeOf(uuid);
    order();
    return { domain, uuid, ...(await answer) };
  }

  /** What becomes of the release of a guest, from now on. */
  function outcomeOf(uuid: string): Promise<Pick<Freed, 'status' | 'targetBytes' | 'problem'>> {
    const outcome = history.stream.pipe(
      filter(item => item.kind === 'decision'),
      map(({ record }) => record),
      filter(({ decision }) => decision.uuid === uuid && decision.reason === 'RELEASED'),
      map(freed),
    );
    const late = timer(RELEASE_SECONDS * 1000).pipe(
      map(
        (): ReturnType<typeof freed> => ({
          status: 'failed',
          problem: `the hypervisor has not answered in ${RELEASE_SECONDS} s`,
        }),
      ),
    );
    return firstValueFrom(race(outcome, late));
  }

  return {
    pause: ({ domain, body: { reason, seconds }, by }) =>
      audited({ by, what: 'pause', domain, why: reason }, () => {
        const { uuid, name } = guestOf(seen(history), domain);
        const since = clock.now().wall;
        const until = seconds === undefined ? undefined : since + seconds;
        ports.order({ type: 'pause', uuid, pause: { since, until, reason, by } });
        const pause = pauseView(state(), uuid) ?? { since: timeOf(since), reason, by };
        return { apiVersion: 'ballonet/v1', kind: 'Paused', domain: name, uuid, pause };
      }),
    resume: ({ domain, by }) =>
      audited({ by, what: 'resume', domain }, () => {
        const { uuid, name } = guestOf(seen(history), domain);
        const wasPaused = state().pauses?.has(uuid) === true;
        ports.order({ type: 'resume', uuid, by });
        return { apiVersion: 'ballonet/v1', kind: 'Resumed', domain: name, uuid, wasPaused };
      }),
    release: ({ body: { domains, reason }, by }) =>
      audited({ by, what: 'release', domain: domains.join(', '), why: reason }, async () => {
        const tick = seen(history);
        if (ports.policies().host.mode === 'observe')
          throw new BallonetError(
            'OPERATION_DENIED',
            'the daemon only observes and has no right to move balloons; `ballonet release --direct` asks the hypervisor itself',
          );
        const guests =
          domains.length === 0 ? tick.snapshot.guests : domains.map(domain => guestOf(tick, domain));
        const items = await Promise.all(guests.map(guest => releaseGuest(guest, reason, by)));
        return { apiVersion: 'ballonet/v1', kind: 'Released', items };
      }),
    reload: ({ by }) =>
      audited({ by, what: 'reload' }, () => {
        ports.reload();
        const { host, guests } = ports.policies();
        return {
          apiVersion: 'ballonet/v1',
          kind: 'Reloaded',
          policy: host.name,
          guestPolicies: guests.map(({ name }) => name),
        };
      }),
  };
}

function freed({ application }: DecisionRecord): Pick<Freed, 'status' | 'targetBytes' | 'problem'> {
  switch (application?.status) {
    case 'applied':
      return { status: 'released', targetBytes: application.targetBytes };
    case 'refused':
      return { status: 'failed', problem: application.problem };
    case 'failed':
      return { status: 'failed', problem: application.error.message };
    case 'dry-run':
    case undefined:
      return { status: 'failed', problem: 'nothing is moved in a dry run' };
  }
}
