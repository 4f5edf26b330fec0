import { describe, expect, it } from 'vitest';
import { explain } from './explain.ts';
import { renderExplanation } from './render.ts';
import { firstGuest, momentOf, POLICY, TIGHT } from './testing.ts';

describe('the text of an explanation', () => {
  it('fits in 80 columns and names policy lines, stages, levels and changes', () => {
    const moment = momentOf(TIGHT, POLICY, 17);
    const text = renderExplanation(explain(moment, firstGuest(moment)));

    expect(text.split('\n').filter(line => line.length > 80)).toEqual([]);
    for (const part of [
      'p.yaml:13',
      'COOLDOWN',
      'level soft',
      'vars.headroom',
      'last',
      "veto 'swapping'",
      'To move',
    ])
      expect(text).toContain(part);
    expect(text).toMatch(/usedRate -?[\d.]+\w*B\/s/);
  });

  it('says of a guest that moves that it does', () => {
    const moment = momentOf(TIGHT, POLICY, 12);
    const explanation = explain(moment, firstGuest(moment));
    expect(explanation.decision.action).toBe('shrink');
    expect(explanation.changes).toEqual([]);
    expect(renderExplanation(explanation)).toContain('it moves in this tick');
  });
});
