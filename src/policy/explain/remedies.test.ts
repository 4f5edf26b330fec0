import { expect, it } from 'vitest';
import { remedyFor } from './remedies.ts';

it('names the command that ends a hold, for this guest', () => {
  expect(remedyFor('PAUSED', 'web-1')).toContain('ballonet resume web-1');
  expect(remedyFor('STATS_ABSENT', 'web-1')).toContain('virsh dommemstat web-1 --period 1 --live');
});

it('knows none where time or figures end the hold', () => {
  expect(remedyFor('COOLDOWN', 'web-1')).toBeUndefined();
});
