import { describe, expect, it } from 'vitest';
import type { PolicyFiles } from '../../policy/load.ts';
import { filesOf } from '../../simulator/testing.ts';
import { checkScenarios, sortScenarios } from './check.ts';

const SOUND =
  'apiVersion: ballonet/v1\nkind: Scenario # one\nmetadata: {name: a}\nspec: {host: {memory: 4GiB}, guests: [{name: a, memory: 1GiB, demand: {constant: 1MiB}}]}\n';
const TRACED = SOUND.replace('{constant: 1MiB}', '{trace: {file: gone.csv, value: x}}');

function folderOf(texts: Readonly<Record<string, string>>): PolicyFiles {
  const files = filesOf(texts);
  return {
    kind: path => (path in texts ? 'file' : 'folder'),
    list: folder =>
      Object.keys(texts).flatMap(path =>
        path.startsWith(`${folder}/`) ? [path.slice(folder.length + 1)] : [],
      ),
    read: (path, limit) => files.read(path, limit),
  };
}

describe('sortScenarios', () => {
  const files = folderOf({
    'p.yaml': 'kind: HostPolicy\n',
    's/a.yaml': SOUND,
    's/b.yaml': SOUND,
    'm/s.yaml': SOUND,
    'm/p.yaml': '',
  });

  it('tells scenarios from policies by their kind, also in folders', () => {
    expect(sortScenarios(['p.yaml', 's'], files)).toEqual({
      scenarios: ['s/a.yaml', 's/b.yaml'],
      others: ['p.yaml'],
    });
    expect(sortScenarios(['m'], files)).toEqual({ scenarios: ['m/s.yaml'], others: ['m/p.yaml'] });
  });

  it('leaves what cannot be read to those who tell why', () => {
    expect(sortScenarios(['gone.yaml'], folderOf({}))).toEqual({ scenarios: [], others: ['gone.yaml'] });
  });
});

describe('checkScenarios', () => {
  it('says of each file what it is worth', () => {
    const told = { out: '', err: '' };
    const streams = {
      out: (text: string) => {
        told.out += text;
      },
      err: (text: string) => {
        told.err += text;
      },
    };
    const files = filesOf({ 'a.yaml': SOUND, 'b.yaml': SOUND.replace('4GiB', '4'), 'c.yaml': TRACED });
    expect(checkScenarios(['a.yaml'], files, streams)).toBe(0);
    expect(checkScenarios(['b.yaml', 'c.yaml'], files, streams)).toBe(1);
    expect(told.out).toBe('a.yaml: ok (1 guest)\nb.yaml: refused\nc.yaml: refused\n');
    expect(told.err).toMatch(/^b\.yaml:4:\d+: error POLICY_UNIT/);
    expect(told.err).toContain('gone.csv');
  });
});
