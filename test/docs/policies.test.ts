import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { momTable, policyTable, SHOWN } from './policy-numbers.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const PAGES = `${ROOT}docs/policies/`;

/** A table stands between two comments, which name it. */
function withTable(text: string, name: string, table: string): string {
  const [begin, end] = [`<!-- ${name}, made by \`npm run docs\` -->\n\n`, '\n\n<!-- end -->'];
  const start = text.indexOf(begin) + begin.length;
  if (start < begin.length) throw new Error(`there is no place for the table '${name}'`);
  return text.slice(0, start) + table + text.slice(text.indexOf(end, start));
}

describe('the pages of the shipped policies', { timeout: 120_000 }, () => {
  it('are there for each policy', () => {
    const policies = readdirSync(`${ROOT}policies`).filter(name => /^[\w-]+\.yaml$/.test(name));

    expect(readdirSync(PAGES).sort()).toEqual(policies.map(name => name.replace('.yaml', '.md')).sort());
    expect(Object.keys(SHOWN).sort()).toEqual(policies.map(name => name.replace('.yaml', '')).sort());
  });

  it.each(Object.keys(SHOWN))('say what %s does to a guest (npm run docs writes it)', policy => {
    const page = `${PAGES}${policy}.md`;
    const text = readFileSync(page, 'utf8');
    const table = withTable(text, 'what it does', policyTable(policy));
    const made = policy === 'mom-compatible' ? withTable(table, 'beside MOM', momTable()) : table;
    if (process.env.BALLONET_WRITE_DOCS === '1') writeFileSync(page, made);

    expect(readFileSync(page, 'utf8')).toBe(made);
  });
});
