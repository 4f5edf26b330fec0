import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from './program.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-completion-'));
  // What lists the guests for the script.
  writeFileSync(
    join(folder, 'ballonet'),
    '#!/bin/sh\n[ "$*" = "list -o name" ] && printf "web-1\\nweb 2\\ndb-1\\n"\n',
  );
  chmodSync(join(folder, 'ballonet'), 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function script(shell: string): Promise<string> {
  const written: string[] = [];
  const streams = { out: (text: string) => void written.push(text), err: () => {} };
  await program(streams, '1.2.3').parseAsync(['node', 'ballonet', 'completion', shell]);
  return written.join('');
}

/** What bash offers at the end of a command line. */
async function offers(...words: string[]): Promise<string[]> {
  const file = join(folder, 'completion.bash');
  writeFileSync(file, await script('bash'));
  const line = words.map(word => `'${word}'`).join(' ');
  const test = `compopt() { :; }; source '${file}'; COMP_WORDS=(ballonet ${line}); COMP_CWORD=${words.length}; _ballonet; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH ?? ''}` };
  const out = execFileSync('bash', ['--norc', '-c', test], { encoding: 'utf8', cwd: folder, env });
  return out.split('\n').filter(word => word !== '');
}

describe('completion', () => {
  it('in bash offers verbs, also after options with a value', async () => {
    expect(await offers('de')).toEqual(['describe', 'decisions']);
    expect(await offers('-c', 'run', 'desc')).toEqual(['describe']);
    expect(await offers('--conn')).toEqual(['--connect']);
  });

  it('in bash offers names of guests where one is meant, also those with blanks', async () => {
    expect(await offers('describe', '')).toEqual(['web-1', 'web 2', 'db-1']);
    expect(await offers('release', 'db-1', 'web')).toEqual(['web-1', 'web 2']);
    expect(await offers('status', '')).toEqual([]);
  });

  it('in bash offers the options of the verb, and the values of an option', async () => {
    expect(await offers('pause', 'db-1', '--re')).toEqual(['--reason']);
    expect(await offers('list', '-o', '')).toEqual(['table', 'wide', 'json', 'yaml', 'name']);
    expect(await offers('run', '--log-level', 'f')).toEqual(['fatal']);
    expect(await offers('completion', '')).toEqual(['bash', 'zsh', 'fish']);
    expect(await offers('run', '--policy', 'completion.b')).toEqual(['completion.bash']);
  });

  it.each(['bash', 'zsh', 'fish'])('in %s knows every verb and every long option', async shell => {
    const text = await script(shell);
    const root = program({ out: () => {}, err: () => {} }, '1.2.3');
    for (const verb of root.commands) {
      expect(text).toContain(verb.name());
      for (const { long } of verb.options) expect(text).toContain(long?.slice(2));
    }
    expect(text).not.toContain('undefined');
  });
});
