import { describe, expect, it } from 'vitest';
import type { PolicyFiles } from '../policy/load.ts';
import { filesOf } from '../simulator/testing.ts';
import { sortPaths } from './check-sort.ts';

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

describe('sortPaths', () => {
  const files = folderOf({
    'p.yaml': 'kind: HostPolicy\n',
    's/a.yaml': 'kind: Scenario # one\n',
    's/b.yaml': 'kind: Scenario\n',
    'm/c.yaml': 'kind: Config\n',
    'm/s.yaml': 'kind: Scenario\n',
    'm/p.yaml': '',
  });

  it('tells scenarios and configurations from policies by their kind, also in folders', () => {
    expect(sortPaths(['p.yaml', 's'], files)).toEqual({
      scenarios: ['s/a.yaml', 's/b.yaml'],
      configs: [],
      others: ['p.yaml'],
    });
    expect(sortPaths(['m'], files)).toEqual({
      scenarios: ['m/s.yaml'],
      configs: ['m/c.yaml'],
      others: ['m/p.yaml'],
    });
  });

  it('leaves what cannot be read to those who tell why', () => {
    expect(sortPaths(['gone.yaml'], folderOf({}))).toMatchObject({ others: ['gone.yaml'] });
  });
});
