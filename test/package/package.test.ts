/** The package as its users get it: packed, installed in an empty project, compiled against, run. */
import { execFile } from 'node:child_process';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installInEmptyProject, type Project } from './project.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));
const ATTW = fileURLToPath(
  new URL('../../node_modules/@arethetypeswrong/cli/dist/index.js', import.meta.url),
);
const TIMEOUT_MS = 240_000;

describe('the package, installed in an empty project', { timeout: TIMEOUT_MS }, () => {
  let project: Project;

  beforeAll(async () => {
    project = await installInEmptyProject();
    for (const name of await readdir(EXAMPLES))
      if (name.endsWith('.ts')) await cp(join(EXAMPLES, name), join(project.folder, name));
    await project.compile();
  }, TIMEOUT_MS);

  afterAll(async () => {
    await project?.close();
  });

  const example = (name: string, ...args: string[]) => project.node(join('out', `${name}.js`), ...args);

  it('has nothing that publint finds', async () => {
    const manifest: unknown = JSON.parse(await readFile(join(project.source, 'package.json'), 'utf8'));
    const { messages } = await publint({ pkgDir: project.source, strict: true });
    expect(messages.map(message => formatMessage(message, Object(manifest)))).toEqual([]);
  });

  it('has types that resolve as the code does (arethetypeswrong)', async () => {
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>(resolve => {
      const args = [ATTW, project.tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color'];
      execFile(process.execPath, args, { timeout: TIMEOUT_MS }, (error, stdout) =>
        resolve({ code: error ? (error.code ?? 'killed') : 0, stdout }),
      );
    });
    expect(stdout).toContain('node16 (from ESM)');
    expect({ code, stdout: code === 0 ? '' : stdout }).toEqual({ code: 0, stdout: '' });
  });

  it('has a command that runs, and brings policies that are right', async () => {
    expect(await project.bin('ballonet', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/);
    const list = await project.bin('ballonet', '-c', 'sim:///overcommitted', 'list', '-o', 'name');
    expect(list.split('\n')).toContain('web-1');
    await project.bin('ballonet', 'check', 'node_modules/ballonet/policies/standard.yaml');
  });

  it('brings what users read and run, and nothing that only builds or tests it', async () => {
    const files = (await readdir(join(project.folder, 'node_modules/ballonet'), { recursive: true })).sort();
    for (const name of [
      'README.md',
      'LICENSE',
      'packaging/man/ballonet.1',
      'policies/standard.yaml',
      'dist/main.js',
    ])
      expect(files).toContain(name);
    expect(
      files.filter(name => /^(src|test|scripts|docs|node_modules|\.ci)\b|\.test\.(ts|js)$/.test(name)),
    ).toEqual([]);
  });

  it('keeps what is not exported to itself', async () => {
    const inner = "import('ballonet/dist/hypervisor/connect.js').catch(({ code }) => console.log(code))";
    expect(await project.node('-e', inner)).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED\n');
  });

  it('shows memory statistics', async () => {
    const lines = (await example('memory-stats')).trimEnd().split('\n');
    expect(lines).toHaveLength(12);
    expect(lines).toContainEqual(
      expect.stringMatching(/^web-1: size \d+ MiB, usable \d+ MiB, resident \d+ MiB$/),
    );
  });

  it('streams bulk records', async () => {
    expect(await example('bulk-stream', 'sim:///overcommitted', '2')).toMatch(
      /^(?:12 guests hold \d+\.\d GiB\n){2}$/,
    );
  });

  it('tells of a balloon that moves', async () => {
    const lines = (await example('watch-events', 'sim:///overcommitted', 'web-1', '1024'))
      .trimEnd()
      .split('\n');
    expect(lines.slice(0, -1)).toContain('balloon');
    expect(lines.at(-1)).toBe('web-1 has 1024 MiB');
  });

  it('fails with codes', async () => {
    expect((await example('errors')).trimEnd().split('\n')).toEqual([
      'VALUE_OUT_OF_RANGE (libvirt: 8)',
      'DOMAIN_NOT_FOUND (libvirt: 42), so there is no such guest',
      'HYPERVISOR_CLOSED (libvirt: nothing)',
    ]);
  });

  it('has an example for every file that the examples page names, and a line for every example', async () => {
    const page = await readFile(join(EXAMPLES, 'README.md'), 'utf8');
    const named = [...page.matchAll(/\]\(([\w-]+\.ts)\)/g)].map(([, name]) => name ?? '');
    const there = (await readdir(EXAMPLES)).filter(name => name.endsWith('.ts'));
    expect(named.toSorted()).toEqual(there.toSorted());
  });
});
