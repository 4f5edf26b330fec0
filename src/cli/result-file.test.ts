import { spawnSync } from 'node:child_process';
import {
  chmodSync,
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
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import buildWhenStale from '../../test/build.ts';
import { requireWritable, writeResult } from './result-file.ts';

const UNWRITABLE = expect.objectContaining({ code: 'REPORT_UNWRITABLE' });

describe('the file of a result', () => {
  let folder = '';
  beforeAll(() => buildWhenStale(), 60_000);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ballonet-result-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is written whole, over what was there, through a link, and keeps its mode', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'before');
    chmodSync(file, 0o640);
    symlinkSync('a', join(folder, 'link'));

    requireWritable(join(folder, 'link'));
    writeResult(join(folder, 'link'), 'after');

    expect(readFileSync(file, 'utf8')).toBe('after');
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder)).toEqual(['a', 'link']);
  });

  it('is as it was when there is no room for all of it', () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'before');
    const built = new URL('../../dist/cli/result-file.js', import.meta.url);
    const script = `import(${JSON.stringify(built)}).then(({ writeResult }) =>
      writeResult(${JSON.stringify(file)}, 'x'.repeat(1e6))).catch(({ code }) => console.log(code))`;
    // A limit to the size of files is the full disk that every machine has.
    const limited = 'trap "" XFSZ; ulimit -f 8; exec "$0" -e "$1"';
    const { stdout } = spawnSync('sh', ['-c', limited, process.execPath, script], { encoding: 'utf8' });
    expect(stdout).toBe('REPORT_UNWRITABLE\n');
    expect(readFileSync(file, 'utf8')).toBe('before');
    expect(readdirSync(folder)).toEqual(['a']);
  });

  it.each([
    ['a folder', ''],
    ['in a folder that is not there', 'no/such.html'],
  ])('is refused before the work when it is %s', (_, name) => {
    expect(() => requireWritable(join(folder, name))).toThrow(UNWRITABLE);
    expect(() => writeResult(join(folder, name), 'text')).toThrow(UNWRITABLE);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused without a name', () => {
    expect(() => requireWritable('')).toThrow(UNWRITABLE);
  });

  it('may be a device, which stays one', () => {
    requireWritable('/dev/null');
    writeResult('/dev/null', 'text');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });
});
