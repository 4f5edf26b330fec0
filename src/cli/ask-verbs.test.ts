/** The verbs that ask the daemon, against the API at a real socket. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type ApiBench, apiBench } from '../../test/fakes/api-bench.ts';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import { tickEventOf } from '../../test/fakes/ticks.ts';
import { BallonetError } from '../model/errors.ts';
import { MiB } from '../model/units.ts';
import { program } from './program.ts';
import { stateFolder } from './state-dir.ts';

const GUEST = sampleOf({ name: 'twelve-chars', title: 'Web', tags: { tier: 'gold' } });
const NAME = GUEST.name;

async function bench(...args: Parameters<typeof apiBench>): Promise<ApiBench> {
  const here = await apiBench(...args);
  const hold = decisionOf({ name: NAME, action: 'hold', reason: 'HOST_INSUFFICIENT' });
  here.history.noteEngine(tickEventOf([GUEST], [hold]));
  here.history.noteEngine({
    type: 'applied',
    decision: decisionOf({
      name: NAME,
      currentBytes: 1023.99 * MiB,
      stages: [{ stage: 'demand', in: MiB, out: 2 * MiB, code: 'DEMAND' }],
    }),
    application: { status: 'applied', targetBytes: 1000.12 * MiB },
  });
  here.history.noteNotice({
    type: 'GUEST_HELD',
    domain: NAME,
    fields: { reason: 'STATS_STALE' },
  });
  return here;
}

/** Runs a verb and gives what it wrote. */
async function run(here: Pick<ApiBench, 'socket'>, ...args: string[]): Promise<{ out: string; err: string }> {
  const written = { out: '', err: '' };
  const streams = {
    out: (text: string) => {
      written.out += text;
    },
    err: (text: string) => {
      written.err += text;
    },
  };
  await program(streams, '1.2.3').parseAsync(['node', 'ballonet', ...args, '--socket', here.socket]);
  return written;
}

function code(error: unknown): string | undefined {
  return error instanceof BallonetError ? error.code : undefined;
}

describe('the verbs that ask the daemon', () => {
  it.each([
    ['status'],
    ['list'],
    ['describe', NAME],
    ['decisions'],
    ['decisions', NAME],
    ['events'],
    ['top', '--batch', '-n', '1'],
  ])('%s fits 80 columns, has no trailing blanks, and ends with a line feed', async (...args) => {
    await using here = await bench();
    const { out } = await run(here, ...args);
    const lines = out.split('\n');
    expect(lines.pop()).toBe('');
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) {
      expect(line.length, line).toBeLessThanOrEqual(80);
      expect(line).toBe(line.trimEnd());
    }
  });

  it.each([
    [['status'], 'Status'],
    [['list'], 'GuestList'],
    [['describe', NAME], 'Guest'],
    [['decisions'], 'DecisionList'],
    [['events'], 'EventList'],
  ])('%s gives programs one document of JSON or YAML', async (args, kind) => {
    await using here = await bench();
    const json = JSON.parse((await run(here, ...args, '-o', 'json')).out);
    expect(json).toMatchObject({ apiVersion: 'ballonet/v1', kind });
    expect(parse((await run(here, ...args, '-o', 'yaml')).out)).toMatchObject({ kind });
  });

  it('list shows what a guest has, and decisions what became of a move', async () => {
    await using here = await bench();
    expect((await run(here, 'list', '-o', 'name')).out).toBe(`${NAME}\n`);
    expect((await run(here, 'list')).out).toContain('HOST_INSUFFICIENT');
    const lines = (await run(here, 'decisions', '--action', 'shrink')).out.split('\n');
    expect(lines[1]).toMatch(/shrink +1023.99MiB +1000.12MiB +SHRINK$/);
    expect((await run(here, 'decisions', '-n', '1', '-o', 'name')).out.split('\n')).toHaveLength(2);
  });

  it('pause, resume and reload tell the daemon, and say what came of it on stderr', async () => {
    await using here = await bench();
    const paused = await run(here, 'pause', NAME, '--for', '90m', '--reason', 'backup');
    expect(paused).toMatchObject({ out: '', err: expect.stringContaining(NAME) });
    await run(here, 'resume', GUEST.uuid);
    await run(here, 'reload');
    expect(here.orders).toMatchObject([
      {
        type: 'pause',
        uuid: GUEST.uuid,
        pause: { reason: 'backup', since: 1_700_000_000, until: 1_700_005_400 },
      },
      { type: 'resume', uuid: GUEST.uuid },
    ]);
    expect(here.audit.map(({ what }) => what)).toEqual(['pause', 'resume', 'reload']);
  });

  it('release prints a line for each guest', async () => {
    await using here = await bench();
    expect((await run(here, 'release')).out).toBe(`${NAME}  has all of its 2GiB\n`);
    expect((await run(here, 'release', NAME, '--reason', 'incident')).out).toContain(NAME);
    expect(here.orders).toMatchObject([{ pause: { reason: 'released' } }, { pause: { reason: 'incident' } }]);
  });

  it('follow prints what there is, then what comes, until it is interrupted', async () => {
    await using here = await bench();
    const written: string[] = [];
    const streams = { out: (text: string) => void written.push(text), err: () => {} };
    const args = ['decisions', '--follow', '--action', 'shrink', '-o', 'json', '--socket', here.socket];
    const following = program(streams, '1.2.3').parseAsync(['node', 'ballonet', ...args]);
    await expect.poll(() => here.api.streams).toBe(1);
    const application = { status: 'applied', targetBytes: 7 } as const;
    for (const decision of [decisionOf({ name: 'new' }), decisionOf({ action: 'grow' }), decisionOf()])
      here.history.noteEngine({ type: 'applied', decision, application });
    await expect.poll(() => written.join('').split('\n').length).toBe(4);
    process.emit('SIGTERM', 'SIGTERM');
    await following;
    const records = written
      .join('')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(records.map(({ kind, id, domain }) => [kind, id, domain])).toEqual([
      ['Decision', 2, NAME],
      ['Decision', 4, 'new'],
      ['Decision', 6, 'web-1'],
    ]);
  });

  it.each([
    ['a guest that there is not', ['describe', 'nobody'], 'DOMAIN_NOT_FOUND'],
    ['a guest that there is not, to pause', ['pause', 'nobody', '--reason', 'x'], 'DOMAIN_NOT_FOUND'],
    ['a pause that is too long', ['pause', NAME, '--reason', 'x', '--for', '1000d'], 'REQUEST_INVALID'],
  ])('end with the code of the daemon for %s', async (_, args, wanted) => {
    await using here = await bench();
    expect(await run(here, ...args).catch(code)).toBe(wanted);
  });

  it.each([[['status']], [['list']], [['reload']], [['decisions', '--follow']], [['release']]])(
    '%s says that no daemon answers at a socket that was named',
    async args => {
      await using here = await bench();
      const nowhere = { socket: join(here.socket, '..', 'none') };
      expect(await run(nowhere, ...args).catch(code)).toBe('DAEMON_UNREACHABLE');
    },
  );

  it('release with --connect asks the hypervisor itself, for all guests or those that are named', async () => {
    const out: string[] = [];
    const streams = { out: (text: string) => void out.push(text), err: () => {} };
    const direct = (...args: string[]) =>
      program(streams, '1.2.3').parseAsync([
        'node',
        'ballonet',
        '-c',
        'sim:///overcommitted',
        'release',
        ...args,
      ]);
    await direct('web-1', 'db-1');
    expect(out.join('')).toMatch(/^web-1 {2}(released to|has all of its) 3GiB\ndb-1 {2}/);
    out.length = 0;
    await direct();
    expect(out).toHaveLength(12);
    expect(await direct('nobody').catch(code)).toBe('DOMAIN_NOT_FOUND');
  });

  it('top prints a row for each guest and look, and tells a terminal from a file', async () => {
    await using here = await bench();
    const { out } = await run(here, 'top', '-b', '-n', '2', '-d', '0.1', '--csv', '-');
    const [titles, ...rows] = out.trimEnd().split('\n');
    expect(titles?.split(',').slice(0, 3)).toEqual(['time', 'name', 'uuid']);
    expect(rows).toHaveLength(2);
    for (const row of rows) {
      expect(row.split(',')).toHaveLength(titles?.split(',').length ?? 0);
      expect(row).toContain(`,${NAME},${GUEST.uuid},running,`);
    }
    for (const args of [['top'], ['top', '--csv', '-']])
      expect(code(await run(here, ...args).catch((error: unknown) => error))).toBe('USAGE');
  });

  it('top shows a daemon that has not seen its guests yet', async () => {
    await using here = await apiBench();
    expect((await run(here, 'top', '-b', '-n', '1')).out).toContain('no tick yet');
  });

  it('release --moved leaves all guests alone where no daemon has moved one, and none where that is not known', async () => {
    const state = mkdtempSync(join(tmpdir(), 'ballonet-release-'));
    try {
      const out: string[] = [];
      const streams = { out: (text: string) => void out.push(text), err: () => {} };
      const uri = 'sim:///overcommitted';
      const args = ['-c', uri, 'release', '--moved', '--state', state];
      const release = () => program(streams, '1.2.3').parseAsync(['node', 'ballonet', ...args]);
      await release();
      expect(out).toEqual([]);
      writeFileSync(join(stateFolder(state, uri), 'state.json'), 'half a sta');
      await release();
      expect(out).toHaveLength(12);
    } finally {
      rmSync(state, { recursive: true });
    }
  });
});
