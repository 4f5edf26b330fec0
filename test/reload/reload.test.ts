import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import buildWhenStale from '../build.ts';

/** `ballonet run` over a policy folder that somebody works in while it runs. */

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const PATIENCE = { timeout: 60_000, interval: 100 };

const policy = (mode: string, comment = '') => `${comment}
apiVersion: ballonet/v1
kind: HostPolicy
metadata: {name: host}
spec: {mode: ${mode}}
---
apiVersion: ballonet/v1
kind: GuestPolicy
metadata: {name: all}
spec:
  match: {}
  guarantees: {min: 10%}
  behavior: {shrink: {at: [none], step: {max: 2%, min: 1MiB}, cooldown: 1s}}
  vetoes: [{name: never-by-day, when: guest.uptime < 0}]
`;

interface Line {
  readonly msg: string;
  readonly event?: string;
  readonly mode?: string;
}

let folder: string;
let policies: string;
let child: ChildProcess | undefined;
let lines: Line[];

beforeAll(() => buildWhenStale(), 60_000);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ballonet-watch-'));
  policies = path.join(folder, 'policies');
  mkdirSync(policies);
  lines = [];
});

afterEach(async () => {
  if (child !== undefined && child.exitCode === null) {
    const ended = new Promise(resolve => child?.once('close', resolve));
    child.kill('SIGTERM');
    await ended;
  }
  rmSync(folder, { recursive: true });
});

/** As editors save: beside the file, and over it. */
function save(text: string, name = 'host.yaml'): void {
  writeFileSync(path.join(policies, `.${name}.swp`), text);
  renameSync(path.join(policies, `.${name}.swp`), path.join(policies, name));
}

async function start(...args: string[]): Promise<void> {
  const options = ['--policy', policies, '--socket', path.join(folder, 'api.sock'), ...args];
  child = spawn(process.execPath, [BALLONET, '-c', 'sim:///overcommitted', 'run', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, XDG_STATE_HOME: folder, TMPDIR: folder },
  });
  if (child.stderr === null) throw new Error('the daemon has no stderr');
  createInterface({ input: child.stderr }).on('line', line => lines.push(JSON.parse(line)));
  await hears(({ msg }) => msg === 'ballonet runs');
}

/** Waits for a line after the first `after` ones. */
async function hears(test: (line: Line) => boolean, after = 0): Promise<void> {
  await vi.waitFor(() => {
    if (!lines.slice(after).some(test)) throw new Error(`the daemon said only: ${seen(after)}`);
  }, PATIENCE);
}

/** What it has said, without the many moves. */
function seen(after: number): string {
  const texts = lines.slice(after).map(({ event, msg }) => event ?? msg);
  return [...new Set(texts)].join(', ');
}

const events = (...types: string[]) =>
  lines.flatMap(({ event = '', mode }) => (types.includes(event) ? [[event, mode].join(' ').trim()] : []));

describe('a daemon whose policy folder changes', { timeout: 180_000 }, () => {
  it('takes up what is sound, refuses what is not once, and stops moving when it is told to', async () => {
    save(policy('enforce'));
    await start();
    await hears(({ msg }) => msg === 'balloon moved');

    save(`${policy('enforce')}nonsense: true\n`);
    await hears(({ event }) => event === 'RELOAD_REFUSED');
    for (let again = 0; again < 20; again++) save(`${policy('enforce')}nonsense: true\n`);
    const refused = lines.length;
    await hears(({ msg }) => msg === 'balloon moved', refused);
    expect(events('RELOAD_REFUSED', 'POLICIES_RELOADED')).toEqual(['RELOAD_REFUSED']);

    save(policy('observe'));
    await hears(({ event }) => event === 'POLICIES_RELOADED');
    const observing = lines.length;
    await hears(({ msg }) => msg === 'balloon would move', observing);

    for (let again = 0; again < 100; again++) save(policy('enforce', `# ${again}`));
    await hears(({ mode, event }) => event === 'POLICIES_RELOADED' && mode === 'enforce');
    const enforcing = lines.length;
    expect(lines.slice(observing).filter(({ msg }) => msg === 'balloon moved')).toEqual([]);
    await hears(({ msg }) => msg === 'balloon moved', enforcing);
    expect(events('RELOAD_REFUSED', 'POLICIES_RELOADED').slice(0, 3)).toEqual([
      'RELOAD_REFUSED',
      'POLICIES_RELOADED observe',
      'POLICIES_RELOADED enforce',
    ]);
  });

  it('takes up what changes in the policies of a shadow, and leaves those that it enforces alone', async () => {
    save(policy('enforce'));
    const tried = path.join(folder, 'tried.yaml');
    writeFileSync(tried, policy('enforce'));
    await start('--shadow', tried);
    await hears(({ msg }) => msg === 'balloon moved');

    writeFileSync(tried, `${policy('enforce')}nonsense: true\n`);
    await hears(({ msg }) => msg === 'shadow goes on with the policies it has');
    writeFileSync(tried, policy('observe', '# another set'));
    await hears(({ msg }) => msg === 'shadow begins anew with other policies');
    expect(events('RELOAD_REFUSED', 'POLICIES_RELOADED')).toEqual([]);
  });

  it('goes on with its set while the folder is away, and reads the one that takes its place', async () => {
    save(policy('enforce'));
    await start('--dry-run');
    renameSync(policies, path.join(folder, 'old'));
    await hears(({ event }) => event === 'RELOAD_REFUSED');

    mkdirSync(policies);
    save(policy('observe', '# another set'));
    await hears(({ event }) => event === 'POLICIES_RELOADED');
    const reloaded = lines.length;
    save(policy('enforce', '# and another one'), 'host.yaml');
    await hears(({ event }) => event === 'POLICIES_RELOADED', reloaded);
    expect(lines.filter(({ msg }) => msg === 'balloon moved')).toEqual([]);
  });
});
