/** `ballonet top` in a real terminal: tmux draws the screen, which is read back, and presses the keys. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createApiClient } from '../../src/api/client.ts';
import { ROUTES } from '../../src/api/routes.ts';
import { requireLab } from './requirements.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const POLICY = fileURLToPath(new URL('../../policies/standard.yaml', import.meta.url));
const PATIENCE = { timeout: 20_000, interval: 50 };

let folder: string;
let socket: string;
let daemon: ChildProcess;

beforeAll(async () => {
  requireLab();
  folder = mkdtempSync(join(tmpdir(), 'ballonet-top-'));
  socket = join(folder, 'sock');
  const args = ['-c', 'sim:///overcommitted', 'run', '--policy', POLICY, '--socket', socket];
  daemon = spawn(BALLONET, args, {
    stdio: 'ignore',
    env: { ...process.env, TMPDIR: folder },
  });
  const client = createApiClient(socket, 'test');
  const ready = () =>
    client.call(ROUTES.readyz).then(
      ({ ok }) => ok,
      () => false,
    );
  await vi.waitFor(async () => expect(await ready()).toBe(true), PATIENCE);
});
afterAll(() => {
  daemon.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Shell extends Disposable {
  keys(...keys: string[]): void;
  resize(columns: number, rows: number): void;
  /** What is on the screen. */
  readonly screen: () => string;
  /** What is on it with the sequences that colour it. */
  readonly coloured: () => string;
  /** The process of `top`, which the shell writes to a file. */
  readonly top: () => number;
}

let terminals = 0;

/** A shell in a terminal of 80 by 24, in which `top` runs; what the shell says after it is of its end. */
function shell(options = '', environment: Readonly<Record<string, string>> = {}): Shell {
  terminals += 1;
  const [server, pid] = [join(folder, `tmux-${terminals}`), join(folder, `pid-${terminals}`)];
  const tmux = (...args: string[]) => execFileSync('tmux', ['-S', server, ...args], { encoding: 'utf8' });
  const own = { TERM: 'tmux-256color', ...environment };
  const variables = Object.entries(own).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const run = `exec '${process.execPath}' '${BALLONET}' top --socket '${socket}' -d 0.2 ${options}`;
  const script = `stty -g > '${pid}.before'; sh -c 'echo $$ > "${pid}"; ${run.replaceAll("'", '"')}'
    echo "ended with $?"; stty -g > '${pid}.after'; cmp '${pid}.before' '${pid}.after' && echo as before; cat`;
  execFileSync(
    'tmux',
    ['-S', server, '-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', ...variables, script],
    { env: { ...process.env, TERM: 'xterm', SHELL: '/bin/sh' } },
  );
  return {
    keys: (...keys) => void tmux('send-keys', ...keys),
    resize: (columns, rows) => void tmux('resize-window', '-x', String(columns), '-y', String(rows)),
    screen: () => tmux('capture-pane', '-p'),
    coloured: () => tmux('capture-pane', '-p', '-e'),
    top: () => Number(readFileSync(pid, 'utf8')),
    [Symbol.dispose]: () => void tmux('kill-server'),
  };
}

function namesOn(screen: string): string[] {
  const [, ...lines] = screen
    .split('\n')
    .slice(screen.split('\n').findIndex(line => line.startsWith('NAME')));
  return lines.flatMap(line => /^([a-z]+-\d)\s/.exec(line)?.[1] ?? []);
}

describe('top in a terminal', () => {
  it('draws the host and its guests, sorts and filters as keys are pressed, and gives the terminal back', async () => {
    using shown = shell();
    await expect.poll(shown.screen, PATIENCE).toContain('pressure  ');
    const lines = shown.screen().trimEnd().split('\n');
    expect(lines[0]).toMatch(/^ballonet \S+ {2}enforce, policy standard +[\d:]{8}, every 0\.2s$/);
    expect(lines).toHaveLength(24);
    expect(lines[23]).toContain('q quit  h help');
    expect(namesOn(shown.screen())).toHaveLength(12);

    shown.keys('N');
    const byName = ['batch-1', 'cache-1', 'ci-1', 'ci-2', 'db-1'];
    await expect.poll(() => namesOn(shown.screen()).slice(0, 5), PATIENCE).toEqual(byName);
    shown.keys('r');
    await expect.poll(() => namesOn(shown.screen())[0], PATIENCE).toBe('web-3');
    shown.keys('/', 'd', 'b');
    await expect.poll(shown.screen, PATIENCE).toContain('filter: db_');
    shown.keys('Enter');
    await expect.poll(() => namesOn(shown.screen()), PATIENCE).toEqual(['db-2', 'db-1']);
    shown.keys('Escape');
    await expect.poll(() => namesOn(shown.screen()).length, PATIENCE).toBe(12);

    shown.keys('Space');
    await expect.poll(shown.screen, PATIENCE).toContain('PAUSED at');
    shown.keys('Space', 'h');
    await expect.poll(shown.screen, PATIENCE).toContain('Any key goes back.');
    shown.keys('x');
    await expect.poll(() => namesOn(shown.screen()).length, PATIENCE).toBe(12);

    shown.resize(120, 16);
    await expect.poll(shown.screen, PATIENCE).toMatch(/RECLAIM .*\n(.*\n)*.*1-7 of 12/);
    shown.keys('End');
    await expect.poll(shown.screen, PATIENCE).toContain('6-12 of 12');

    shown.keys('q');
    await expect.poll(shown.screen, PATIENCE).toContain('ended with 0\nas before\n');
    expect(shown.screen()).not.toContain('pressure');
  }, 60_000);

  it('obeys while the daemon does not answer', async () => {
    using shown = shell();
    await expect.poll(shown.screen, PATIENCE).toContain('pressure  ');
    daemon.kill('SIGSTOP');
    try {
      shown.keys('h');
      await expect.poll(shown.screen, PATIENCE).toContain('Any key goes back.');
      shown.keys('x', 'C-c');
      await expect.poll(shown.screen, PATIENCE).toContain('ended with 130\nas before\n');
    } finally {
      daemon.kill('SIGCONT');
    }
  }, 60_000);

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'gives the terminal back after %s',
    async (signal, code) => {
      using shown = shell();
      await expect.poll(shown.screen, PATIENCE).toContain('pressure  ');
      process.kill(shown.top(), signal);
      await expect.poll(shown.screen, PATIENCE).toContain(`ended with ${code}\nas before\n`);
    },
    60_000,
  );

  it('has colour, and none where NO_COLOR is set', async () => {
    using coloured = shell('-n 500');
    using plain = shell('', { NO_COLOR: '1' });
    await expect.poll(coloured.screen, PATIENCE).toContain('pressure  ');
    await expect.poll(plain.screen, PATIENCE).toContain('pressure  ');
    const colour = new RegExp(`${String.fromCharCode(27)}\\[(?:1;)?3[1-7]m`);
    expect(coloured.coloured()).toMatch(colour);
    expect(plain.coloured()).not.toMatch(colour);
  }, 60_000);

  it('ends by itself after as many looks as were asked for', async () => {
    using shown = shell('-n 2');
    await expect.poll(shown.screen, PATIENCE).toContain('ended with 0\nas before\n');
  }, 60_000);

  it('ends with one line where no daemon answers, and leaves the terminal alone', async () => {
    using shown = shell('--socket /nowhere/sock');
    await expect.poll(shown.screen, PATIENCE).toContain('ended with 4\nas before\n');
    expect(shown.screen()).toMatch(/^ballonet: no daemon at \/nowhere\/sock/);
  }, 60_000);

  it('says when the daemon has gone, and keeps what was seen last', async () => {
    using shown = shell();
    await expect.poll(shown.screen, PATIENCE).toContain('pressure  ');
    daemon.kill('SIGKILL');
    await expect.poll(shown.screen, PATIENCE).toContain(`no daemon at ${socket}`);
    expect(namesOn(shown.screen())).toHaveLength(12);
  }, 60_000);
});
