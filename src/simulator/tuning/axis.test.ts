import { describe, expect, it } from 'vitest';
import type { PolicyReading } from '../../policy/load.ts';
import { axisIn, changesIn, settingsAt } from './axis.ts';
import { parseRange, type Range } from './range.ts';

const TEXT = `kind: GuestPolicy
metadata: {name: first}
spec: {estimate: {window: 10m, growth: 2s}}
---
kind: GuestPolicy
metadata: {name: second}
spec: {estimate: {window: 1h, growth: 2s}}
`;

const READING: PolicyReading = {
  paths: ['a.yaml'],
  files: ['a.yaml'],
  sources: [{ file: 'a.yaml', content: new TextEncoder().encode(TEXT) }],
  unreadable: [],
};

function rangeOf(text: string): Range {
  const parsed = parseRange(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

describe('the axes of a search', () => {
  const axes = ['guest.estimate.window=1s..2h', 'guest.estimate.growth=1s..4s'].map(text =>
    axisIn(READING, rangeOf(text)),
  );
  const start = axes.map(({ place }) => place);

  it('have the values as they are written where it begins, and change nothing there', () => {
    const settings = settingsAt(axes, start);
    expect(settings.map(({ value }) => value)).toEqual(['10m', '2s']);
    expect(changesIn(READING, settings)).toEqual([]);
  });

  it('leave a field alone, in every policy that has it, while another one moves', () => {
    const moved = settingsAt(axes, [start[0] ?? 0, 1]);
    expect(changesIn(READING, moved)).toEqual([{ path: 'guest.estimate.growth', value: '4s' }]);
  });

  it('begin at the nearer bound when the policy stands beyond it', () => {
    const beyond = axisIn(READING, rangeOf('guest.estimate.window=1s..5m'));
    expect(settingsAt([beyond], [beyond.place])).toEqual([{ path: 'guest.estimate.window', value: '300s' }]);
  });
});
