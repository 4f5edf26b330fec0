import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import buildWhenStale from '../build.ts';
import { blocksOf, readerFolder, readerOptions } from './reader.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 180_000;

/** What the daemon logs at its first look. */
const LOOKED = 'host pressure level';

/** Commands of a console block, each with what it prints. */
function sessionOf(text: string): { readonly command: string; readonly output: string }[] {
  return text
    .split(/^\$ /m)
    .slice(1)
    .map(part => {
      const [command = '', ...lines] = part.split('\n');
      return { command, output: lines.join('\n') };
    });
}

describe('the guide to a first policy', { timeout: TIMEOUT_MS }, () => {
  const guide = readFileSync(`${ROOT}docs/guides/first-policy.md`, 'utf8');
  const blocks = blocksOf(guide);
  let folder: string;

  beforeAll(() => {
    buildWhenStale();
    folder = readerFolder();
  }, TIMEOUT_MS);

  afterAll(() => rmSync(folder, { recursive: true }));

  const options = () => readerOptions(folder);

  /** What a command prints, messages and data as a terminal shows them. */
  function printed(command: string): string {
    return spawnSync('sh', ['-c', `${command} 2>&1`], { ...options(), encoding: 'utf8' }).stdout;
  }

  /** What the daemon has logged when it has looked at its guests, and its exit code after SIGTERM. */
  async function watched(command: string): Promise<{ readonly log: string; readonly code: number | null }> {
    const daemon = spawn('sh', ['-c', `exec ${command}`], options());
    const ended = new Promise<number | null>(resolve => daemon.once('close', resolve));
    let log = '';
    daemon.stderr.on('data', chunk => {
      const before = log;
      log += String(chunk);
      // Once: a second signal would end it on the spot.
      if (log.includes(LOOKED) && !before.includes(LOOKED)) daemon.kill('SIGTERM');
    });
    return { code: await ended, log };
  }

  it.each(blocks.map(({ kind, text }, index) => [index, kind, text.split('\n')[0] ?? '', text] as const))(
    'can be followed: block %i, %s: %s',
    async (_, kind, first, text) => {
      if (kind === 'yaml') {
        const [, file = '', continued] = /^# (\S+\.yaml)(, continued)?$/.exec(first) ?? [];
        expect(file).toMatch(/^policies\//);
        if (continued === undefined) writeFileSync(path.join(folder, file), text);
        else appendFileSync(path.join(folder, file), text.slice(text.indexOf('---')));
      } else if (kind === 'console') {
        // A report of a failure goes on with its stages; the guide shows its beginning.
        for (const { command, output } of sessionOf(text)) {
          const whole = printed(command);
          expect(text.includes('FAILED') ? whole.slice(0, output.length) : whole).toBe(output);
        }
      } else if (text.includes(' run ')) {
        const { log, code } = await watched(text.trim());
        expect(log).toContain('ballonet runs');
        expect(code).toBe(0);
      } else {
        const { status, stdout } = spawnSync('sh', ['-ec', text], { ...options(), encoding: 'utf8' });
        expect(status).toBe(0);
        expect(stdout).toContain('policy:my-host');
      }
    },
  );

  it('has a block of each kind, so that none went unseen', () => {
    expect(new Set(blocks.map(({ kind }) => kind))).toEqual(new Set(['yaml', 'console', 'sh']));
    expect(blocks.length).toBe(guide.match(/^```\w+$/gm)?.length);
  });
});
