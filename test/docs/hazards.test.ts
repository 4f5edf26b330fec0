import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { HAZARDS, hazardRows, hazardsPage } from './hazards.ts';

const PAGE = fileURLToPath(new URL('../../docs/hazards.md', import.meta.url));

describe('the page of hazards', { timeout: 60_000 }, () => {
  if (process.env.BALLONET_WRITE_DOCS === '1') writeFileSync(PAGE, hazardsPage());

  it('has a line for each of them, with the code and tests that name it (npm run docs writes it)', () => {
    expect(HAZARDS).toHaveLength(42);
    expect(readFileSync(PAGE, 'utf8')).toBe(hazardsPage());
  });

  it('has a test that names each hazard', () => {
    expect(
      hazardRows()
        .filter(({ tests }) => tests.length === 0)
        .map(({ id }) => id),
    ).toEqual([]);
  });
});
