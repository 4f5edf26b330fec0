import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makePassingFolder } from './passing-folder.ts';

let parent: string;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'ballonet-passing-'));
});
afterEach(() => rmSync(parent, { recursive: true }));

/** A folder as a daemon has it; an old one has been there for an hour. */
function folder(name: string, { old = false } = {}): string {
  const path = join(parent, name);
  mkdirSync(path);
  writeFileSync(join(path, 'journal-1.ndjson'), '{}\n');
  const hourAgo = Date.now() / 1000 - 3600;
  if (old) utimesSync(path, hourAgo, hourAgo);
  return path;
}

describe('the folder of a journal that ends with its daemon', () => {
  it('is new, and those that killed daemons have left are gone', async () => {
    const killed = folder('ballonet-journal-killed');
    writeFileSync(join(killed, 'lock'), '');
    const unlocked = folder('ballonet-journal-unlocked', { old: true });
    const made = await makePassingFolder(parent);
    expect(existsSync(made)).toBe(true);
    expect([killed, unlocked].filter(existsSync)).toEqual([]);
  });

  it('leaves those of daemons that run or begin, and what is not a journal', async () => {
    const running = folder('ballonet-journal-running', { old: true });
    const server = createServer().listen(join(running, 'lock'));
    await once(server, 'listening');
    const others = [running, folder('ballonet-journal-begins'), folder('else', { old: true })];
    await makePassingFolder(parent);
    expect(others.filter(path => !existsSync(path))).toEqual([]);
    server.close();
  });
});
