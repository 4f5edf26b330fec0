import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readTokens } from './tokens.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-tokens-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('token files', () => {
  it('hold one token each, with or without a line feed', () => {
    const [read, write] = [file('r', 'read-0123456789ab\n'), file('w', 'write-0123456789ab')];
    expect(readTokens({ read, write })).toEqual({ read: 'read-0123456789ab', write: 'write-0123456789ab' });
    expect(readTokens({ read: undefined, write: undefined })).toEqual({ read: undefined, write: undefined });
  });

  it.each([
    ['others may read', () => file('w', 'write-0123456789ab', 0o604)],
    ['is not there', () => join(folder, 'none')],
    ['is empty', () => file('w', '')],
    ['has a short token', () => file('w', 'short')],
    ['has two words', () => file('w', 'write-0123456789 ab-0123456789')],
  ])('are refused when one %s, and the message does not have the token', (_, make) => {
    const write = make();
    expect(() => readTokens({ read: undefined, write })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.not.stringContaining('0123456789') }),
    );
  });

  it('are refused when readers could change things', () => {
    const [read, write] = [file('r', 'same-0123456789ab'), file('w', 'same-0123456789ab')];
    expect(() => readTokens({ read, write })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});
