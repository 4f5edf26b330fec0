import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BallonetError } from '../model/errors.ts';
import { takeStateLock } from './state-lock.ts';

let folder: string;
const lost: BallonetError[] = [];
const options = { onLost: (error: BallonetError) => void lost.push(error), checkEvery: 0.02 };
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-lock-'));
  lost.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A process that listens at the lock as a daemon does, until it is killed. */
async function holder() {
  const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child = spawn(process.execPath, ['-e', script, join(folder, 'lock')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

describe('the lock of a state folder', () => {
  it('is refused to a second daemon and free again after the first', async () => {
    const first = await takeStateLock(folder, options);
    await expect(takeStateLock(folder, options)).rejects.toMatchObject({ code: 'OWNED_BY_ANOTHER' });
    await first.release();
    const second = await takeStateLock(folder, options);
    await second.release();
    expect(existsSync(join(folder, 'lock'))).toBe(false);
    expect(lost).toEqual([]);
  });

  it('is let go of by a process that is killed', async () => {
    const child = await holder();
    await expect(takeStateLock(folder, options)).rejects.toMatchObject({ code: 'OWNED_BY_ANOTHER' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = await takeStateLock(folder, options);
    await lock.release();
  });

  it('goes to one of many that find it dead at the same time', async () => {
    const child = await holder();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () => takeStateLock(folder, options)),
    );
    const held = outcomes.flatMap(outcome => (outcome.status === 'fulfilled' ? [outcome.value] : []));
    expect(held.length).toBe(1);
    expect(outcomes.filter(({ status }) => status === 'rejected').length).toBe(7);
    await held[0]?.release();
  });

  it('tells its holder when somebody takes it away, and leaves it to them', async () => {
    const lock = await takeStateLock(folder, options);
    rmSync(join(folder, 'lock'));
    const other = await takeStateLock(folder, options);
    await expect.poll(() => lost.map(({ code }) => code)).toEqual(['OWNED_BY_ANOTHER']);
    await lock.release();
    expect(existsSync(join(folder, 'lock'))).toBe(true);
    await other.release();
  });

  it('cannot be taken where a file is in the way, and says so', async () => {
    writeFileSync(join(folder, 'lock'), '');
    await expect(takeStateLock(folder, options)).rejects.toMatchObject({ code: 'STATE_UNAVAILABLE' });
  });
});
