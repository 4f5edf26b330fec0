import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiBench } from '../../test/fakes/api-bench.ts';
import { fileResponse, readConsole } from './console-files.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-console-'));
  mkdirSync(join(folder, 'assets'));
  writeFileSync(join(folder, 'index.html'), '<!doctype html>');
  writeFileSync(join(folder, 'assets/a.js'), 'let a;');
  writeFileSync(join(folder, 'assets/a.js.gz'), gzipSync('let a;'));
  writeFileSync(join(folder, 'notes.bin'), 'x');
});
afterAll(() => rmSync(folder, { recursive: true }));

function ask(path: string, headers: Readonly<Record<string, string>> = {}): Response {
  const file = readConsole(folder).get(path);
  if (file === undefined) throw new Error(`no ${path}`);
  return fileResponse(file, name => headers[name]);
}

describe('files of the console', () => {
  it('are those of known types, the page also at /', () => {
    expect([...readConsole(folder).keys()].toSorted()).toEqual(['/', '/assets/a.js', '/index.html']);
    expect(readConsole(join(folder, 'none')).size).toBe(0);
  });

  it('may be kept for ever when their name tells their content, and the page is asked for each time', () => {
    expect(ask('/assets/a.js').headers.get('cache-control')).toContain('immutable');
    expect(ask('/').headers.get('cache-control')).toBe('no-cache');
    expect(ask('/').headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('are not sent again to whoever has them', () => {
    const etag = ask('/').headers.get('etag') ?? '';
    expect(ask('/', { 'if-none-match': `"other", W/${etag}` }).status).toBe(304);
    expect(ask('/', { 'if-none-match': '"other"' }).status).toBe(200);
  });

  it.each([
    ['gzip', true],
    ['deflate, gzip;q=0.5, br', true],
    ['br', false],
    ['gzip;q=0', false],
    ['', false],
  ])('are compressed for those who accept it: %s', async (accepted, packed) => {
    const response = ask('/assets/a.js', { 'accept-encoding': accepted });
    expect(response.headers.get('content-encoding')).toBe(packed ? 'gzip' : null);
    expect(response.headers.get('vary')).toBe('accept-encoding');
    expect((await response.arrayBuffer()).byteLength === 6).toBe(!packed);
  });

  it('are served to whoever comes, since they tell nothing, and to no other name of this machine', async () => {
    await using here = await apiBench({ console: readConsole(folder) });
    await here.openTcp({ read: 'read-token-0123456789' });
    expect(await here.askTcp('/')).toMatchObject({
      status: 200,
      body: '<!doctype html>',
      headers: { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' },
    });
    expect((await here.askTcp({ path: '/', headers: { host: 'evil.example' } })).status).toBe(403);
    expect((await here.askTcp('/assets/../../package.json')).status).toBe(404);
    expect((await here.askTcp('/notes.bin')).status).toBe(404);
  });
});
