import { describe, expect, it } from 'vitest';
import { filesOf } from '../../simulator/testing.ts';
import { checkScenarios } from './check.ts';

const SOUND =
  'apiVersion: ballonet/v1\nkind: Scenario # one\nmetadata: {name: a}\nspec: {host: {memory: 4GiB}, guests: [{name: a, memory: 1GiB, demand: {constant: 1MiB}}]}\n';
const TRACED = SOUND.replace('{constant: 1MiB}', '{trace: {file: gone.csv, value: x}}');

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
