import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const LINK = /\]\(([^)\s]+)\)/g;

const files = [
  ...readdirSync(ROOT).filter(name => name.endsWith('.md')),
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => path.join('docs', name)),
];

describe('links', () => {
  it.each(files)('of %s lead to something in this repository', file => {
    const text = readFileSync(path.join(ROOT, file), 'utf8');
    const broken = [...text.matchAll(LINK)]
      .map(match => match[1] ?? '')
      .filter(target => !/^(https?:|#)/.test(target))
      .filter(target => !existsSync(path.join(ROOT, path.dirname(file), target.split('#')[0] ?? '')));
    expect(broken).toEqual([]);
  });
});
