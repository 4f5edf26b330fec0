import { describe, expect, it } from 'vitest';
import { type Ask, GUEST, HOLD, watchingApi } from '../../test/fakes/api-bench.ts';
import { decisionOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { BallonetError } from '../model/errors.ts';
import { known } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { ROUTES } from './routes.ts';
import { Problem } from './schema/common.ts';

const WRITE = 'write-token-0123456789';
const READ = 'read-token-0123456789';

/** The code of an answer that says what is wrong. */
function problem(body: unknown): string {
  return Problem.parse(body).code;
}

describe('the API, asked to change something', () => {
  const pause = {
    method: 'POST',
    path: '/api/v1/guests/web-1/pause',
    body: { reason: 'backup', seconds: 60 },
  };

  it('pauses and resumes a guest, and says in the audit log who asked and why', async () => {
    await using here = await watchingApi();
    const paused = await here.ask({ ...pause, headers: { 'ballonet-user': 'alice' } });
    expect(ROUTES.pause.answer.parse(paused.body)).toMatchObject({
      domain: 'web-1',
      pause: { reason: 'backup', by: 'alice (socket)', until: '2023-11-14T22:14:20.000Z' },
    });
    const listed = await here.ask('/api/v1/guests');
    expect(listed.body).toMatchObject({ items: [{ pause: { reason: 'backup' } }] });
    const resumed = await here.ask({ method: 'POST', path: '/api/v1/guests/web-1/resume', body: {} });
    expect(resumed.body).toMatchObject({ kind: 'Resumed', wasPaused: true });
    expect(here.orders).toMatchObject([{ type: 'pause' }, { type: 'resume', by: 'socket' }]);
    expect(here.audit).toEqual([
      { by: 'alice (socket)', what: 'pause', domain: 'web-1', why: 'backup' },
      { by: 'socket', what: 'resume', domain: 'web-1' },
    ]);
  });

  it('releases a guest and tells what came of it', async () => {
    const shrunk = { ...GUEST, readings: GUEST.readings.with({ current: known(GiB) }) };
    await using here = await watchingApi();
    here.history.noteEngine(tickEventOf([shrunk], [HOLD]));
    const asked = here.ask({ method: 'POST', path: '/api/v1/release', body: { domains: ['web-1'] } });
    await expect.poll(() => here.orders).toMatchObject([{ type: 'release', pause: { reason: 'released' } }]);
    here.history.noteEngine({
      type: 'applied',
      decision: decisionOf({ action: 'grow', reason: 'RELEASED' }),
      application: { status: 'applied', targetBytes: 2 * GiB },
    });
    const { body } = await asked;
    expect(ROUTES.release.answer.parse(body)).toMatchObject({
      items: [{ domain: 'web-1', status: 'released', targetBytes: 2 * GiB }],
    });
  });

  it('releases nothing of a guest that has all of its memory, and pauses it', async () => {
    await using here = await watchingApi();
    const { body } = await here.ask({ method: 'POST', path: '/api/v1/release', body: {} });
    expect(body).toMatchObject({ items: [{ status: 'full' }] });
    expect(here.orders).toMatchObject([{ type: 'release' }]);
  });

  it('tells why policies were not reloaded, and says so in the audit log', async () => {
    await using here = await watchingApi({
      reload() {
        throw new BallonetError('POLICY_INVALID', 'a.yaml:1:1: error');
      },
    });
    const { status, body } = await here.ask({ method: 'POST', path: '/api/v1/reload', body: {} });
    expect([status, problem(body)]).toEqual([422, 'POLICY_INVALID']);
    expect(here.audit).toEqual([{ by: 'socket', what: 'reload', refused: 'POLICY_INVALID' }]);
  });

  it('over TCP wants the write token to change and, where there is one, a token to read', async () => {
    await using here = await watchingApi();
    await here.openTcp({ read: READ, write: WRITE });
    const as = async (token: string | undefined, ask: Ask) => {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await here.askTcp({ ...ask, headers })).status;
    };
    const read = { path: '/api/v1/status' };
    expect(await Promise.all([undefined, 'wrong', READ, WRITE].map(token => as(token, read)))).toEqual([
      401, 401, 200, 200,
    ]);
    expect(await Promise.all([undefined, 'wrong', READ, WRITE].map(token => as(token, pause)))).toEqual([
      401, 401, 403, 200,
    ]);
    expect(await as(undefined, { path: '/healthz' })).toBe(200);
    const done = here.audit.filter(({ refused }) => refused === undefined);
    expect(done.map(({ by }) => by)).toEqual(['write token from 127.0.0.1']);
    expect(JSON.stringify([here.audit, here.orders])).not.toContain(WRITE);
  });

  it('says in the audit log who was refused before anything was tried', async () => {
    await using here = await watchingApi();
    await here.openTcp({ read: READ, write: WRITE });
    const pause = { method: 'POST', path: `/api/v1/guests/${GUEST.name}/pause`, body: { reason: 'x' } };
    await here.askTcp({ ...pause, headers: { authorization: `Bearer ${READ}` } });
    await here.askTcp(pause);
    await here.ask({ ...pause, body: {}, headers: { 'ballonet-user': 'eve' } });
    await here.ask({ ...pause, path: '/api/v1/reload', body: 'no JSON' });
    await here.askTcp({ path: '/api/v1/status' });
    expect(here.audit).toEqual([
      { by: 'read token from 127.0.0.1', what: 'pause', domain: GUEST.name, refused: 'DAEMON_DENIED' },
      { by: '127.0.0.1', what: 'pause', domain: GUEST.name, refused: 'TOKEN_REFUSED' },
      { by: 'eve (socket)', what: 'pause', domain: GUEST.name, refused: 'REQUEST_INVALID' },
      { by: 'socket', what: 'reload', refused: 'REQUEST_INVALID' },
    ]);
    expect(JSON.stringify(here.audit)).not.toMatch(new RegExp(`${READ}|${WRITE}`));
  });

  it('over TCP without tokens lets anybody on this machine read, and nobody change', async () => {
    await using here = await watchingApi();
    await here.openTcp();
    expect((await here.askTcp('/api/v1/status')).status).toBe(200);
    expect((await here.askTcp(pause)).status).toBe(403);
    expect(here.orders).toEqual([]);
  });

  it('refuses requests for another host name at loopback, as a page elsewhere would make them', async () => {
    await using here = await watchingApi();
    const port = await here.openTcp();
    for (const [host, status] of [
      ['evil.example', 403],
      [`evil.example:${port}`, 403],
      [`localhost:${port}`, 200],
      [`127.0.0.1:${port}`, 200],
      [`[::1]:${port}`, 200],
    ] as const)
      expect([host, (await here.askTcp({ path: '/healthz', headers: { host } })).status]).toEqual([
        host,
        status,
      ]);
  });
});
