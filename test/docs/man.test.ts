import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { manPages } from './man.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const FOLDER = `${ROOT}packaging/man/`;
const { version } = z
  .object({ version: z.string() })
  .parse(JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')));

describe('manual pages', () => {
  const made = manPages(version);
  if (process.env.BALLONET_WRITE_DOCS === '1') {
    mkdirSync(FOLDER, { recursive: true });
    for (const [name, text] of made) writeFileSync(FOLDER + name, text);
  }

  it.each([...made])('%s says what the code does (npm run docs writes it)', (name, text) => {
    expect(readFileSync(FOLDER + name, 'utf8')).toBe(text);
  });

  it('are the only ones there', () => {
    expect(readdirSync(FOLDER).sort()).toEqual([...made.keys()].sort());
  });
});
