import { describe, expect, it } from 'vitest';
import { newTrail, record } from './trail.ts';

const SOURCE = { file: 'p.yaml', line: 3, column: 5 };

describe('trail', () => {
  it('lets each stage start from what the one before left', () => {
    const trail = newTrail(8);
    record(trail, 'demand', 'DEMAND', 5, { used: 4 });
    record(trail, 'target', 'TARGET', 6, undefined, SOURCE);
    record(trail, 'guarantees', 'GUARANTEE_MAX', undefined, { max: 4 }, SOURCE);
    record(trail, 'budget', 'BUDGET_FITS', 4);
    expect(trail.stages).toStrictEqual([
      { stage: 'demand', in: 8, out: 5, code: 'DEMAND', inputs: { used: 4 } },
      { stage: 'target', in: 5, out: 6, code: 'TARGET', source: SOURCE },
      {
        stage: 'guarantees',
        in: 6,
        out: undefined,
        code: 'GUARANTEE_MAX',
        inputs: { max: 4 },
        source: SOURCE,
      },
      { stage: 'budget', in: undefined, out: 4, code: 'BUDGET_FITS' },
    ]);
    expect(trail.value).toBe(4);
  });
});
