import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
import { writeJournal } from '../../test/fakes/journals.ts';
import { snapshotOf } from '../../test/fakes/samples.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { program } from './program.ts';
import { everyTick } from './record.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'replay-'));
});
afterEach(async () => {
  process.exitCode = undefined;
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]) {
  const said = { out: '', err: '' };
  const streams = {
    out(text: string) {
      said.out += text;
    },
    err(text: string) {
      said.err += text;
    },
  };
  await program(streams, '1.2.3').parseAsync(['node', 'ballonet', ...args]);
  return { ...said, code: process.exitCode };
}

describe('replay', () => {
  it('says what to give where there is no journal', async () => {
    await expect(run('replay', '/nowhere')).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
      message: expect.stringMatching(/^\/nowhere: .*ballonet record$/),
    });
  });

  it('says of a file that is none that it is none, and not of each of its lines', async () => {
    const file = path.join(folder, 'notes.txt');
    await writeFile(file, 'not a journal\n'.repeat(100));
    const said: string[] = [];
    const streams = { out: () => {}, err: (text: string) => said.push(text) };
    const ended = program(streams, '1.2.3').parseAsync(['node', 'ballonet', 'replay', file]);
    await expect(ended).rejects.toMatchObject({ code: 'JOURNAL_UNREADABLE' });
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(10);
  });

  it('says that all recorded decisions come out again, and fails when one does not', async () => {
    const good = await run('replay', await writeJournal(folder, 10));
    expect(good).toMatchObject({ err: '', code: undefined });
    expect(good.out).toContain('10 ticks');
    const bad = await run('replay', await writeJournal(folder, 10, true), '-o', 'json');
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.out)).toMatchObject({
      apiVersion: 'ballonet/v1',
      kind: 'ReplayReport',
      exact: { ticks: 10, unknownTicks: 0, decisions: 2, unlike: 2 },
    });
  });

  it('tries another policy and gives every difference with both decisions', async () => {
    const { out, code } = await run(
      'replay',
      await writeJournal(folder, 40, true),
      '--policy',
      'policies/dense.yaml',
      '-o',
      'json',
    );
    expect(code).toBeUndefined();
    const report = JSON.parse(out) as { differences: { recorded?: object; replayed: object }[] };
    expect(report).toMatchObject({ policy: 'dense', ticks: 40, seconds: 39, compared: 40 });
    expect(report.differences.length).toBeGreaterThan(0);
    for (const { recorded, replayed } of report.differences) {
      expect(recorded).toMatchObject({ action: expect.any(String), reason: expect.any(String) });
      expect(replayed).toMatchObject({ action: expect.any(String), reason: expect.any(String) });
    }
  });

  it('says which line is damaged, and goes on', async () => {
    const file = await writeJournal(folder, 130);
    const lines = (await readFile(file, 'utf8')).split('\n');
    lines[10] = 'xxx';
    await writeFile(file, lines.join('\n'));
    const { err, out } = await run('replay', file);
    expect(err).toContain(`${file}:11:`);
    expect(out).toContain('ticks cannot be decided again');
  });

  it('prints a table of the samples with --export csv, which goes with nothing else', async () => {
    const { out } = await run('replay', await writeJournal(folder, 3), '--export', 'csv');
    expect(out.split('\n')[0]).toMatch(/^time,seconds,tick,uuid,name,/);
    expect(out.trimEnd().split('\n')).toHaveLength(4);
    await expect(run('replay', 'x', '--export', 'csv', '--policy', 'y')).rejects.toMatchObject({
      code: 'USAGE',
    });
    await expect(run('replay', path.join(folder, 'none'))).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
    });
  });
});

describe('record', () => {
  it('writes a journal that replay reads', async () => {
    const file = path.join(folder, 'r.ndjson.gz');
    const { err } = await run('-c', 'sim:///overcommitted', 'record', '--for', '500ms', '--out', file);
    expect(err).toBe('ballonet: 1 ticks recorded\n');
    const { out } = await run('replay', file, '--export', 'csv');
    expect(out).toContain(',web-1,running,');
    // Nobody decided while it was recorded.
    expect((await run('replay', file)).out).toContain('1 ticks without decisions');
  });

  it('says that the file cannot be written, and nothing of the round that this ended', async () => {
    const said: string[] = [];
    const file = path.join(folder, 'no', 'where');
    const words = ['-c', 'sim:///overcommitted', 'record', '--for', '2s', '--out', file];
    const ended = program({ out() {}, err: text => said.push(text) }, '1.2.3').parseAsync([
      'node',
      'ballonet',
      ...words,
    ]);
    await expect(ended).rejects.toMatchObject({ code: 'JOURNAL_UNWRITABLE' });
    await new Promise(resolve => setTimeout(resolve, 100));
    expect(said).toEqual([]);
  });
});

describe('everyTick', () => {
  /** Time passes only while it waits. */
  function recording(collect: (call: number) => Promise<Snapshot>) {
    const clock = createFakeClock();
    const failures: unknown[] = [];
    const controller = new AbortController();
    let calls = 0;
    return {
      begin: clock.now().monotonic,
      failures,
      controller,
      ports: {
        collect: () => collect(++calls),
        clock,
        seconds: 6,
        stop: controller.signal,
        onFailure: (error: unknown) => failures.push(error),
        wait: (seconds: number) => Promise.resolve(clock.advance(seconds)),
      },
    };
  }

  it('collects once a second, says once that it fails, and leaves failed ticks out', async () => {
    const { ports, begin, failures } = recording(call =>
      call === 2 || call === 3 ? Promise.reject(new Error('gone')) : Promise.resolve(snapshotOf([])),
    );
    const at: number[] = [];
    for await (const tick of everyTick(ports)) at.push(tick.at.monotonic - begin);
    expect(at).toEqual([0, 3, 4, 5]);
    expect(failures).toHaveLength(1);
  });

  it('leaves out the ticks that a slow one took', async () => {
    const { ports, begin } = recording(call => {
      if (call === 2) ports.clock.advance(2.5);
      return Promise.resolve(snapshotOf([]));
    });
    const at: number[] = [];
    for await (const tick of everyTick(ports)) at.push(tick.at.monotonic - begin);
    expect(at).toEqual([0, 3.5, 4, 5]);
  });

  it('ends when it is told to stop', async () => {
    const { ports, controller } = recording(() => Promise.resolve(snapshotOf([])));
    let count = 0;
    for await (const _ of everyTick(ports)) if (++count === 3) controller.abort();
    expect(count).toBe(3);
  });
});
