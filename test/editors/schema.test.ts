import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentSchema } from '../../src/cli/schema.ts';
import { type Editor, startEditor } from './language-server.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODELINE = '# yaml-language-server: $schema=./ballonet.schema.json\n';

let folder: string;
let editor: Editor;
let files = 0;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'ballonet-editor-'));
  writeFileSync(path.join(folder, 'ballonet.schema.json'), JSON.stringify(documentSchema()));
  editor = await startEditor(folder, { './ballonet.schema.json': ['*.yaml'] });
}, 60_000);

afterAll(async () => {
  await editor.close();
  rmSync(folder, { recursive: true });
});

/** Opens a text whose place of interest is marked with |. */
async function open(marked: string, extension = 'yaml') {
  files += 1;
  const file = `${files}.${extension}`;
  const before = marked.slice(0, marked.indexOf('|')).split('\n');
  const at = { line: before.length - 1, character: before.at(-1)?.length ?? 0 };
  return { file, at, findings: await editor.diagnose(file, marked.replace('|', '')) };
}

async function labelsAt(marked: string): Promise<string[]> {
  const { file, at } = await open(marked);
  return (await editor.complete(file, at)).map(({ label }) => label);
}

async function hoverAt(marked: string): Promise<string> {
  const { file, at } = await open(marked);
  return editor.hover(file, at);
}

async function findingsIn(text: string, extension?: string): Promise<string[]> {
  const { findings } = await open(text, extension);
  return findings.map(
    ({ range: { start }, message }) => `${start.line + 1}:${start.character + 1} ${message}`,
  );
}

const HOST = 'apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: a}\nspec:\n';
const GUEST = 'apiVersion: ballonet/v1\nkind: GuestPolicy\nmetadata: {name: a}\nspec:\n  match: {}\n';
const TEST = 'apiVersion: ballonet/v1\nkind: PolicyTest\nmetadata: {name: a}\npolicies: [a.yaml]\n';

describe('an editor with the JSON Schema', { timeout: 30_000 }, () => {
  it('completes the kinds of documents', async () => {
    expect(await labelsAt('apiVersion: ballonet/v1\nkind: |\n')).toEqual([
      'HostPolicy',
      'GuestPolicy',
      'PolicyTest',
      'Scenario',
      'Config',
    ]);
  });

  it('completes the fields of each kind that are not there yet', async () => {
    const host = await labelsAt(`${HOST}  interval: 1s\n  |\n`);
    const guest = await labelsAt(`${GUEST}  behavior:\n    |\n`);
    const test = await labelsAt(`${TEST}expect:\n  - at: 1s\n    |\n`);

    expect(host).toEqual(expect.arrayContaining(['mode', 'pressure', 'reserve', 'onExit']));
    expect(host).not.toContain('interval');
    expect(host).not.toContain('match');
    expect(guest).toEqual(['tolerance', 'shrink', 'grow']);
    expect(test).toEqual(
      expect.arrayContaining(['within', 'level', 'guest', 'policy', 'action', 'target', 'reason']),
    );
  });

  it('completes the values that a field can have', async () => {
    expect(await labelsAt(`${HOST}  mode: |\n`)).toEqual(['observe', 'enforce']);
    expect(await labelsAt(`${GUEST}  mode: |\n`)).toEqual(['observe', 'enforce']);
    expect(await labelsAt(`${TEST}never:\n  - action: |\n`)).toEqual(['shrink', 'grow', 'hold']);
    expect(await labelsAt(`${TEST}never:\n  - reason: |\n`)).toContain('STEP_LIMITED');
  });

  it('shows what a field is for, and an example', async () => {
    expect(await hoverAt(`${HOST}  sta|leAfter: 10s\n`)).toContain('statistics are older is held');
    expect(await hoverAt(`${GUEST}  target: guest.|demand\n`)).toContain('guest.demand + vars.headroom');
    expect(await hoverAt(`${TEST}expect:\n  - {at: 1s, wi|thin: 5s, level: none}\n`)).toContain('one tick');
  });

  it('marks a fault at its place', async () => {
    expect(await findingsIn(`${HOST}  intervl: 1s\n  mode: enforc\n`)).toEqual([
      '6:9 Value is not accepted. Valid values: "observe", "enforce".',
      '5:3 Property intervl is not allowed.',
    ]);
    expect(await findingsIn(`${GUEST}  guarantees: {min: 5}\n`)).toEqual([
      '6:21 Incorrect type. Expected "string".',
    ]);
    expect(await findingsIn(`${TEST}host: {memory: 1GiB}\nexpect: [{within: 1s}]\n`)).toEqual([
      '6:10 Missing property "at".',
    ]);
  });

  it('tells kinds apart within one file', async () => {
    const found = await findingsIn(`${HOST}  mode: observe\n---\n${GUEST}  onExit: hold\n`);

    expect(found).toEqual(['12:3 Property onExit is not allowed.']);
  });

  it('finds the schema through the first line of each document where no setting names it', async () => {
    const bad = `${GUEST}  onExit: hold\n`;

    expect(await findingsIn(`${MODELINE}${HOST}  mode: on\n---\n${MODELINE}${bad}`, 'yml')).toEqual([
      '6:9 Value is not accepted. Valid values: "observe", "enforce".',
      '14:3 Property onExit is not allowed.',
    ]);
    expect(await findingsIn(bad, 'yml')).toEqual([]);
  });

  it('does what the guide says', async () => {
    const guide = readFileSync(`${ROOT}docs/guides/editors.md`, 'utf8');
    const block = /```yaml\n(.*?)```/s.exec(guide)?.[1] ?? '';
    const settings: unknown = JSON.parse(/```json\n(.*?)```/s.exec(guide)?.[1] ?? '');
    const [host = '', guest = ''] = block.split('---\n');

    expect(settings).toEqual({ 'yaml.schemas': { './policies/ballonet.schema.json': ['policies/*.yaml'] } });
    expect(await findingsIn(block, 'yml')).toEqual([]);
    expect(await findingsIn(`${host}  a: b\n---\n${guest}  a: b\n`, 'yml')).toEqual([
      '7:3 Property a is not allowed.',
      '15:3 Property a is not allowed.',
    ]);
  });

  it.each([
    ...namesIn('policies'),
    ...namesIn('test/fixtures/policies/good'),
    ...namesIn('test/fixtures/policy-tests/good'),
  ])('finds nothing wrong with %s', async name => {
    expect(await findingsIn(readFileSync(ROOT + name, 'utf8'))).toEqual([]);
  });
});

function namesIn(inside: string): string[] {
  return readdirSync(ROOT + inside)
    .filter(name => /\.ya?ml$/.test(name))
    .map(name => `${inside}/${name}`);
}
