/** What readers copy from the pages: commands that the command line takes, policies that are right, codes that exist. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { program } from '../../src/cli/program.ts';
import { REASONS } from '../../src/model/decision.ts';
import { compilePolicies } from '../../src/policy/compile.ts';
import { LINTS } from '../../src/policy/source/diagnostics.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NPM_START = './bin/ballonet run --policy policies/standard.yaml';

const pages = [
  'README.md',
  'packaging/debian/README.Debian',
  ...readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md') && !name.startsWith('adr/'))
    .map(name => path.join('docs', name)),
].map(page => ({ page, text: readFileSync(path.join(ROOT, page), 'utf8') }));

interface Example {
  readonly page: string;
  readonly line: number;
  readonly text: string;
}

/** Fenced blocks of some languages. */
function blocksOf(languages: readonly string[]): Example[] {
  return pages.flatMap(({ page, text }) =>
    [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].flatMap(({ 1: language = '', 2: block = '', index }) =>
      languages.includes(language)
        ? [{ page, line: text.slice(0, index).split('\n').length + 1, text: block }]
        : [],
    ),
  );
}

/** Commands of Ballonet: in blocks, in backquotes, and in the indented lines of a page without markup. */
function commands(): Example[] {
  const inBlocks = blocksOf(['sh', 'console']).flatMap(({ page, line, text }) =>
    text
      .replaceAll('\\\n', '  ')
      .split('\n')
      .map((command, index) => ({ page, line: line + index, text: command.replace(/^\$ /, '') })),
  );
  const inText = pages.flatMap(({ page, text }) =>
    text
      .split('\n')
      .flatMap((content, index) =>
        [...content.matchAll(/`(ballonet [^`]+)`/g), ...content.matchAll(/^ {4}(ballonet .*)$/g)].map(
          ({ 1: command = '' }) => ({ page, line: index + 1, text: command }),
        ),
      ),
  );
  return [...inBlocks, ...inText].flatMap(example =>
    example.text
      .replace(/\s# .*$/, '')
      .replace(/npm start(?: --)?/, NPM_START)
      .split(/&&|\||;| {3,}|>/)
      .map(part => ({ ...example, text: part.trim() }))
      .filter(({ text }) => /^(\.\/bin\/)?ballonet\b/.test(text)),
  );
}

/** Words as a shell splits them; what a page puts in [brackets] is there. */
function wordsOf(command: string): string[] {
  return [...command.replaceAll(/[[\]]/g, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? bare ?? '',
  );
}

/** The command line with verbs that only parse. */
function parser(): Command {
  const root = program({ out: () => {}, err: () => {} }, '1.2.3');
  for (const verb of root.commands) verb.action(() => {});
  return root;
}

/** Whether a verb is only spoken of, without what it is about: `ballonet check --lint-fatal`. */
function isMention(words: readonly string[]): boolean {
  return words.slice(1).every(word => word.startsWith('-')) || words.includes('…');
}

describe('commands on the pages', () => {
  const examples = commands();

  it.each(examples.map(({ page, line, text }) => [page, line, text] as const))(
    '%s:%i can be typed: %s',
    (_, __, text) => {
      const words = wordsOf(text).slice(1);
      const root = parser();
      if (isMention(words)) {
        const verb = root.commands.find(command => command.name() === words[0]);
        if (words.length > 0)
          expect([verb?.name(), ...root.options.map(({ long }) => long)]).toContain(words[0]);
        const flags = verb?.options.flatMap(({ short, long }) => [short, long]) ?? [];
        expect(words.slice(1).filter(word => !flags.includes(word))).toEqual([]);
      } else root.parse(words, { from: 'user' });
    },
  );

  it('are many', () => {
    expect(examples.length).toBeGreaterThan(60);
  });
});

describe('policies on the pages', () => {
  const HOST = 'apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: example}\n';
  const LEVELS = '[soft, hard, critical]'
    .slice(1, -1)
    .split(', ')
    .map(name => `{name: ${name}, when: host.available_ratio < 0.2}`);
  const withHost = (text: string) =>
    text.includes('kind: HostPolicy')
      ? text
      : `${HOST}spec: {pressure: [${LEVELS.join(', ')}]}\n---\n${text}`;
  const yaml = blocksOf(['yaml']);

  it.each(
    yaml
      .filter(({ text }) => /^kind: (Host|Guest)Policy$/m.test(text))
      .map(({ page, line, text }) => [page, line, text] as const),
  )('%s:%i is one that would be accepted', (page, _, text) => {
    const { diagnostics } = compilePolicies([{ file: page, content: withHost(text) }]);
    expect(diagnostics.map(({ line, code, message }) => `${line} ${code} ${message}`)).toEqual([]);
  });

  it.each(yaml.map(({ page, line, text }) => [page, line, text] as const))('%s:%i is YAML', (_, __, text) => {
    expect(parseAllDocuments(text).flatMap(({ errors }) => errors.map(({ message }) => message))).toEqual([]);
  });
});

it('reasons and findings that the pages of questions and of tuning name exist', () => {
  const named = pages
    .filter(({ page }) => /faq|tuning|what-it-does|quick-start|compatibility/.test(page))
    .flatMap(({ text }) => [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = '']) => code));
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter(code => !Object.hasOwn({ ...REASONS, ...LINTS }, code))).toEqual([]);
});
