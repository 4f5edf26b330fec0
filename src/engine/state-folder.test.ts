import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createStateFolder } from './state-folder.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'ballonet-state-'));
});
afterEach(() => {
  rmSync(place, { recursive: true, force: true });
});

describe('a state folder', () => {
  it('that is empty or missing has nothing to read', async () => {
    expect(await createStateFolder(place).read()).toBeUndefined();
    expect(await createStateFolder(join(place, 'missing')).read()).toBeUndefined();
  });

  it('is made with its first file, for its owner alone', async () => {
    const path = join(place, 'a', 'b');
    await createStateFolder(path).write('one');
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, 'state.json')).mode & 0o777).toBe(0o600);
  });

  it('holds the last thing written and nothing else', async () => {
    const folder = createStateFolder(place);
    await folder.write('one, and much longer than what comes after it');
    await folder.write('two');
    expect(String(await folder.read())).toBe('two');
    expect(readdirSync(place)).toEqual(['state.json']);
  });

  it('goes on after a crash in the middle of a write, with the old file whole', async () => {
    const folder = createStateFolder(place);
    await folder.write('old');
    writeFileSync(join(place, 'state.json.new'), 'half of the n');
    expect(String(await folder.read())).toBe('old');
    await folder.write('next');
    expect(readFileSync(join(place, 'state.json'), 'utf8')).toBe('next');
  });

  it('has a name that lasts as long as it does, and gets a new one when that is lost', async () => {
    const first = await createStateFolder(place).ownerId();
    expect(await createStateFolder(place).ownerId()).toBe(first);
    writeFileSync(join(place, 'owner-id'), 'garbage');
    const next = await createStateFolder(place).ownerId();
    expect(next).toMatch(/^[0-9a-f-]{36}$/);
    expect(next).not.toBe(first);
  });

  it('that cannot be made says so', async () => {
    writeFileSync(join(place, 'file'), '');
    await expect(createStateFolder(join(place, 'file')).write('x')).rejects.toMatchObject({ code: 'EEXIST' });
  });

  it.skipIf(!existsSync('/dev/full'))('keeps the old file when the disk is full', async () => {
    const folder = createStateFolder(place);
    await folder.write('old');
    symlinkSync('/dev/full', join(place, 'state.json.new'));
    await expect(folder.write('new')).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(String(await folder.read())).toBe('old');
    expect(readdirSync(place)).toEqual(['state.json']);
  });
});
