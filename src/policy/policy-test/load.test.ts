import { describe, expect, it } from 'vitest';
import type { PolicyFiles } from '../load.ts';
import { besideFile, loadPolicyTests } from './load.ts';
import { memoryFiles, POLICY, testText } from './testing.ts';

const TEST = testText('expect: [{at: 0s, level: none}]');

function codesOf(paths: readonly string[], files: PolicyFiles): string[] {
  return loadPolicyTests(paths, files).diagnostics.map(({ file, code }) => `${file} ${code}`);
}

describe('loadPolicyTests', () => {
  it('takes the test files of a folder in lexical order, and nothing else in it', () => {
    const files = memoryFiles({
      'd/p.yaml': POLICY,
      'd/b.test.yml': TEST,
      'd/a.test.yaml': TEST,
      'd/c.txt': '',
    });
    const loaded = loadPolicyTests(['d', 'd/a.test.yaml'], files);

    expect(loaded.files).toEqual(['d/a.test.yaml', 'd/b.test.yml']);
    expect(loaded.tests).toHaveLength(2);
    expect(loaded.diagnostics).toEqual([]);
  });

  it('finds policies from where the test file is', () => {
    const files = memoryFiles({
      'tests/a.test.yaml': TEST.replace('p.yaml', '../policies'),
      'policies/1.yaml': POLICY.split('---\n')[0] ?? '',
      'policies/2.yaml': POLICY.split('---\n')[1] ?? '',
    });
    const { tests, watched } = loadPolicyTests(['tests'], files);

    expect(tests[0]?.policies.guests.map(({ source }) => source.file)).toEqual(['policies/2.yaml']);
    expect(watched).toEqual(['tests', 'tests/a.test.yaml', 'policies', 'policies/1.yaml', 'policies/2.yaml']);
  });

  it('reads a set once, and tells what is wrong with it once, however many tests it has', () => {
    let reads = 0;
    const files = memoryFiles({
      'p.yaml': POLICY.replace('enforce', 'enforced'),
      'a.test.yaml': `${TEST}---\n${TEST.replace('name: test', 'name: other')}`,
    });
    const counting: PolicyFiles = {
      ...files,
      read: (path, limit) => {
        if (path === 'p.yaml') reads += 1;
        return files.read(path, limit);
      },
    };

    expect(codesOf(['a.test.yaml'], counting)).toEqual(['p.yaml POLICY_RANGE']);
    expect(reads).toBe(1);
  });

  it('gives the sound tests beside what is wrong with the others', () => {
    const files = memoryFiles({
      'p.yaml': POLICY,
      'a.test.yaml': `${TEST}---\n${TEST.replace('name: test', 'name: other').replace('0s', '0')}`,
    });
    const { tests, diagnostics } = loadPolicyTests(['a.test.yaml', 'gone.test.yaml'], files);

    expect(tests.map(({ name }) => name)).toEqual(['test']);
    expect(diagnostics.map(({ code }) => code)).toEqual(['POLICY_UNIT', 'POLICY_UNREADABLE']);
  });

  it('checks a test against its policies, but not against ones that are refused', () => {
    const text = TEST.replace('level: none', 'level: nowhere');

    expect(codesOf(['a.test.yaml'], memoryFiles({ 'p.yaml': POLICY, 'a.test.yaml': text }))).toEqual([
      'a.test.yaml POLICY_LEVEL',
    ]);
    expect(codesOf(['a.test.yaml'], memoryFiles({ 'p.yaml': 'kind: [', 'a.test.yaml': text }))).toEqual([
      'p.yaml POLICY_YAML',
    ]);
  });
});

describe('besideFile', () => {
  it.each([
    ['a.test.yaml', 'p.yaml', 'p.yaml'],
    ['d/a.test.yaml', './p.yaml', 'd/p.yaml'],
    ['d/a.test.yaml', '../p.yaml', 'p.yaml'],
    ['d/a.test.yaml', '..', '.'],
    ['d/a.test.yaml', '../../p.yaml', '../p.yaml'],
    ['../d/a.test.yaml', '../../p.yaml', '../../p.yaml'],
    ['/d/a.test.yaml', '../../../p.yaml', '/../../p.yaml'],
    ['d/a.test.yaml', '/etc/p.yaml', '/etc/p.yaml'],
  ])('from %s takes %s for %s', (file, path, expected) => {
    expect(besideFile(file, path)).toBe(expected);
  });
});
