import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { JOURNAL_BEGINS, writeJournal } from '../../test/fakes/journals.ts';
import { parseTime } from './explain.ts';
import { program } from './program.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'explain-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: string[]): Promise<string> {
  let said = '';
  const out = (text: string): void => {
    said += text;
  };
  await program({ out, err: out }, '1.2.3').parseAsync(['node', 'ballonet', 'explain', ...args]);
  return said;
}

describe('explain --at', () => {
  it('explains a decision of the journal with no daemon', async () => {
    const journal = await writeJournal(folder, 30);
    const time = new Date((JOURNAL_BEGINS + 20) * 1000).toISOString();
    const explanation: unknown = JSON.parse(await run('1', '--at', time, '--journal', journal, '-o', 'json'));
    expect(explanation).toMatchObject({
      kind: 'Explanation',
      at: JOURNAL_BEGINS + 20,
      decision: { name: 'web-1' },
      policy: { name: 'standard' },
    });
    expect(await run('web-1', '--at', time, '--journal', journal)).toContain('web-1 stays at');
  }, 60_000);

  it('refuses a guest or a time that there is none of, and a journal without a time', async () => {
    const journal = await writeJournal(folder, 3);
    const time = new Date((JOURNAL_BEGINS + 2) * 1000).toISOString();
    await expect(run('web-2', '--at', time, '--journal', journal)).rejects.toMatchObject({
      code: 'DOMAIN_NOT_FOUND',
    });
    await expect(run('web-1', '--at', '1m', '--journal', journal)).rejects.toMatchObject({
      code: 'JOURNAL_UNREADABLE',
    });
    await expect(run('web-1', '--journal', journal)).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('parseTime', () => {
  it.each([
    ['2026-03-01T12:30:00Z', Date.UTC(2026, 2, 1, 12, 30) / 1000],
    ['2026-03-01 12:30Z', Date.UTC(2026, 2, 1, 12, 30) / 1000],
    ['2026-03-01T12:30:00.5+01:00', Date.UTC(2026, 2, 1, 11, 30) / 1000 + 0.5],
    ['2026-03-01T12:30', new Date(2026, 2, 1, 12, 30).getTime() / 1000],
    ['10m', 400],
    ['1.5h', -4400],
  ])('reads %s', (text, value) => {
    expect(parseTime(text, 1000)).toEqual({ value });
  });

  it.each(['', 'yesterday', '12:30', '2026-13-01T00:00Z', '2026', '1772368200', '-5m'])(
    'refuses %j',
    text => {
      expect(parseTime(text, 1000)).toHaveProperty('problem');
    },
  );
});
