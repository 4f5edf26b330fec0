/** Commands of guides that need neither a daemon nor guests, typed as they stand. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import buildWhenStale from '../build.ts';
import { blocksOf, readerFolder, readerOptions } from './reader.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 180_000;

describe('a reader', { timeout: TIMEOUT_MS }, () => {
  let folder: string;

  beforeAll(() => {
    buildWhenStale();
    folder = readerFolder();
  }, TIMEOUT_MS);

  afterAll(() => rmSync(folder, { recursive: true }));

  const blocks = (guide: string) => blocksOf(readFileSync(`${ROOT}docs/guides/${guide}.md`, 'utf8'));
  const typed = (script: string) =>
    spawnSync('sh', ['-ec', script], { ...readerOptions(folder), encoding: 'utf8' });

  it('of the guide from MOM puts a policy in place that observes, and nothing of the old one stays in force', () => {
    const etc = path.join(folder, 'etc/ballonet/policies');
    mkdirSync(etc, { recursive: true });
    cpSync(`${ROOT}policies/standard.yaml`, path.join(etc, 'standard.yaml'));
    writeFileSync(path.join(folder, 'bin/systemctl'), '#!/bin/sh\necho "systemctl $*"\n', { mode: 0o755 });
    const [block] = blocks('from-mom').filter(({ kind }) => kind === 'sh');
    const script = block?.text.replaceAll('/etc/', `${folder}/etc/`).replaceAll('/usr/share/ballonet/', ROOT);

    expect(typed(script ?? 'false')).toMatchObject({
      status: 0,
      stdout: './mom.yaml: ok (1 host policy, 1 guest policy)\nsystemctl restart ballonet\n',
    });
    expect(readFileSync(path.join(etc, 'mom.yaml'), 'utf8')).toMatch(/^ {2}mode: observe$/m);
  });

  it('of the guide to editors has a schema where the settings look for it', () => {
    const [block] = blocks('editors').filter(({ kind }) => kind === 'console');

    expect(typed(block?.text.replace(/^\$ /, '') ?? 'false')).toMatchObject({ status: 0, stderr: '' });
    const schema = JSON.parse(readFileSync(path.join(folder, 'policies/ballonet.schema.json'), 'utf8'));
    expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema' });
    const settings = blocks('editors').filter(({ kind }) => kind === 'json' || kind === 'lua');
    for (const { text } of settings) expect(text).toContain('./policies/ballonet.schema.json');
  });
});
