/** The rooms of the house and the doors between them: reads the import specifiers of every source file. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** Which rooms a room may import; its own files always. `*`: everything. */
const DOORS: Readonly<Record<string, readonly string[] | '*'>> = {
  root: '*',
  cli: '*',
  model: [],
  hypervisor: ['model'],
  collectors: ['model', 'hypervisor'],
  policy: ['model'],
  actuators: ['model', 'hypervisor'],
  engine: ['model', 'hypervisor', 'collectors', 'policy', 'actuators', 'journal', 'telemetry'],
  journal: ['model'],
  simulator: ['model', 'policy', 'hypervisor', 'collectors', 'actuators', 'journal', 'engine'],
  api: ['model', 'engine', 'journal'],
  // A page in a browser: of the API it knows what that answers.
  console: ['model', 'api'],
  telemetry: ['model', 'engine', 'journal'],
};

/** Packages that a room must not know. */
const FOREIGN: Readonly<Record<string, RegExp>> = {
  policy: /^(rxjs|node:|pino)/,
  console: /^(?!preact|@preact\/|uplot)(?!zod$)/,
  model: /./,
};

/** One file alone may import these, so that they can be replaced. */
const BEHIND_ONE_FILE: readonly string[] = [
  '@marcbachmann/cel-js',
  'picomatch',
  'saxes',
  'pino',
  'pino-pretty',
  'prom-client',
  'hono',
  '@hono/node-server',
];

interface SourceFile {
  readonly file: string;
  readonly room: string;
  readonly imports: readonly string[];
}

const SPECIFIER =
  /^(?:import|export)\s(?:[^'"`;=()]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm;

function readSources(): SourceFile[] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter(file => /\.tsx?$/.test(file) && !/\.test\.tsx?$/.test(file))
    .map(file => {
      const text = readFileSync(path.join(SRC, file), 'utf8');
      const imports = [...text.matchAll(SPECIFIER)].map(match => match[1] ?? match[2] ?? '');
      return { file, room: roomOf(file), imports };
    });
}

function roomOf(file: string): string {
  const [first = '', ...rest] = file.split(path.sep);
  return rest.length === 0 ? 'root' : first;
}

function resolve(from: string, specifier: string): string {
  return path.normalize(path.join(path.dirname(from), specifier));
}

const sources = readSources();

describe('rooms', () => {
  it('has a door list for every room there is', () => {
    expect([...new Set(sources.map(source => source.room))].filter(room => !(room in DOORS))).toEqual([]);
  });

  it('lets a room import only the rooms that its doors lead to', () => {
    const broken = sources.flatMap(({ file, room, imports }) =>
      imports
        .filter(specifier => specifier.startsWith('.'))
        .map(specifier => roomOf(resolve(file, specifier)))
        .filter(target => target !== room && DOORS[room] !== '*' && !DOORS[room]?.includes(target))
        .map(target => `${file} imports ${target}`),
    );
    expect(broken).toEqual([]);
  });

  it('keeps foreign packages out of the rooms that must stay pure', () => {
    const broken = sources.flatMap(({ file, room, imports }) =>
      imports
        .filter(specifier => !specifier.startsWith('.') && FOREIGN[room]?.test(specifier))
        .map(specifier => `${file} imports ${specifier}`),
    );
    expect(broken).toEqual([]);
  });

  it('keeps each replaceable package behind one file', () => {
    for (const name of BEHIND_ONE_FILE) {
      const users = sources.filter(({ imports }) => imports.includes(name)).map(({ file }) => file);
      expect(users.length, `${name} is imported by ${users.join(', ')}`).toBeLessThanOrEqual(1);
    }
  });

  it('has no circle of files', () => {
    const graph = new Map(
      sources.map(({ file, imports }) => [
        file,
        imports.filter(s => s.startsWith('.')).map(s => resolve(file, s)),
      ]),
    );
    expect(findCircle(graph)).toBeUndefined();
  });

  it('reads imports from every source file but the empty ones, so that these tests look at something', () => {
    expect(sources.length).toBeGreaterThan(40);
    expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(100);
  });
});

function findCircle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(file)) return [...trail.slice(trail.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const circle = walk(next, [...trail, file]);
      if (circle) return circle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const circle = walk(file, []);
    if (circle) return circle;
  }
  return undefined;
}
