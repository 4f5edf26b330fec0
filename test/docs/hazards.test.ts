import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { HAZARDS } from './hazard-list.ts';
import { gaps, hazardsPage, MUTATIONS, shownIn, textOf } from './hazards.ts';

const PAGE = fileURLToPath(new URL('../../docs/hazards.md', import.meta.url));

describe('the page of hazards', { timeout: 60_000 }, () => {
  if (process.env.BALLONET_WRITE_DOCS === '1') writeFileSync(PAGE, hazardsPage());

  it('has a line for each of them, with the code and tests that name it (npm run docs writes it)', () => {
    expect(HAZARDS).toHaveLength(42);
    expect(textOf('docs/hazards.md')).toBe(hazardsPage());
  });

  it('has each hazard shown behind libvirt, behind QMP and simulated, or says why not', () => {
    expect(gaps()).toEqual([]);
  });

  it('has a rule of each hazard taken out, where it stands once, for tests that name the hazard', () => {
    const hazards = new Set(MUTATIONS.map(({ hazard }) => hazard));
    expect(HAZARDS.flatMap((_, index) => (hazards.has(`H${index + 1}`) ? [] : [index + 1]))).toEqual([]);
    const shown = shownIn();
    for (const { hazard, rule, file, text, test } of MUTATIONS) {
      expect(textOf(file).split(text).length - 1, `${hazard} ${rule}: its text in ${file}`).toBe(1);
      const tests = [...(shown.get(hazard)?.values() ?? [])].flat();
      expect(tests, `${hazard} ${rule}`).toContain(test);
    }
  });
});
