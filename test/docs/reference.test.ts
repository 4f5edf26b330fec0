import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { pages } from './pages.ts';

const REFERENCE = fileURLToPath(new URL('../../docs/reference/', import.meta.url));

describe('reference pages', () => {
  const made = pages();
  if (process.env.BALLONET_WRITE_DOCS === '1') {
    mkdirSync(REFERENCE, { recursive: true });
    for (const [name, text] of made) writeFileSync(REFERENCE + name, text);
  }

  it.each([...made])('%s says what the code does (npm run docs writes it)', (name, text) => {
    expect(readFileSync(REFERENCE + name, 'utf8')).toBe(text);
  });

  it('has no page that nothing makes', () => {
    expect(readdirSync(REFERENCE).sort()).toEqual([...made.keys()].sort());
  });
});
