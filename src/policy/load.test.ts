import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../model/errors.ts';
import { loadPolicySet, type PolicyFiles, requirePolicySet } from './load.ts';

const HOST = 'apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: host}\nspec: {}\n';
const GUEST = 'apiVersion: ballonet/v1\nkind: GuestPolicy\nmetadata: {name: guest}\nspec: {match: {}}\n';

/** Files in memory; a path that ends in a slash is a folder. */
function filesOf(tree: Readonly<Record<string, string>>): PolicyFiles & { readonly reads: string[] } {
  const reads: string[] = [];
  const inside = (folder: string) => Object.keys(tree).filter(path => path.startsWith(`${folder}/`));
  return {
    reads,
    kind: path => {
      if (tree[path] !== undefined) return 'file';
      if (inside(path).length > 0) return 'folder';
      throw new Error('no such file');
    },
    list: folder => inside(folder).map(path => path.slice(folder.length + 1)),
    read: path => {
      reads.push(path);
      const content = tree[path];
      if (content === undefined || content === 'denied') throw new Error('permission denied');
      return Buffer.from(content);
    },
  };
}

describe('loadPolicySet', () => {
  it('takes the policies of a folder in lexical order and leaves everything else', () => {
    const files = filesOf({
      'd/20.yaml': GUEST,
      'd/10.yml': HOST,
      'd/9.test.yaml': 'x',
      'd/a.test.yml': 'x',
      'd/README.md': 'x',
    });

    const { set } = loadPolicySet(['d'], files);

    expect(files.reads).toEqual(['d/10.yml', 'd/20.yaml']);
    expect(set?.guests).toHaveLength(1);
  });

  it('takes files and folders together, each file once', () => {
    const files = filesOf({ 'host.yaml': HOST, 'd/g.yaml': GUEST });

    const { set } = loadPolicySet(['host.yaml', 'd', 'd/g.yaml'], files);

    expect(files.reads).toEqual(['host.yaml', 'd/g.yaml']);
    expect(set).toBeDefined();
  });

  it('reports every path that cannot be read, and does not miss what may be in it', () => {
    const { set, diagnostics } = loadPolicySet(
      ['none', 'd'],
      filesOf({ 'd/a.yaml': 'denied', 'd/b.yaml': GUEST }),
    );

    expect(set).toBeUndefined();
    expect(diagnostics.map(({ file, code }) => `${file} ${code}`)).toEqual([
      'd/a.yaml POLICY_UNREADABLE',
      'none POLICY_UNREADABLE',
    ]);
  });

  it('refuses a folder without policies, and names it', () => {
    expect(loadPolicySet(['d'], filesOf({ 'd/README.md': 'x' })).diagnostics).toMatchObject([
      { code: 'POLICY_HOST_COUNT', file: 'd' },
    ]);
  });
});

describe('requirePolicySet', () => {
  function thrown(paths: string[], tree: Readonly<Record<string, string>>): unknown {
    try {
      return requirePolicySet(loadPolicySet(paths, filesOf(tree)));
    } catch (error) {
      return error;
    }
  }

  it('gives the set', () => {
    expect(thrown(['h.yaml'], { 'h.yaml': HOST })).toMatchObject({ host: { name: 'host' } });
  });

  it('throws POLICY_INVALID with every diagnostic in it', () => {
    const error = thrown(['h.yaml'], { 'h.yaml': HOST.replace('{}', '{mod: x, interval: 3}') });

    expect(isBallonetError(error, 'POLICY_INVALID')).toBe(true);
    expect(String(error)).toMatch(
      /h\.yaml:4:8: error POLICY_UNKNOWN_FIELD[\s\S]*h\.yaml:4:26: error POLICY_UNIT/,
    );
  });

  it('throws POLICY_UNREADABLE and keeps the cause', () => {
    const error = thrown(['none.yaml'], {});

    expect(isBallonetError(error, 'POLICY_UNREADABLE')).toBe(true);
    expect(error).toHaveProperty('cause.message', 'no such file');
  });
});
