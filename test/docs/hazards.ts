/**
 * docs/hazards.md: what can go wrong with a balloon, where Ballonet answers it, and in which worlds that is shown. Code and tests are
 * found by the hazard's id.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { HAZARDS, REFUSALS, WORLDS, type World } from './hazard-list.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A rule that `npm run mutate` takes out: the text, what stands there without it, and the tests that must then fail. */
export interface Mutation {
  readonly hazard: string;
  readonly rule: string;
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
  readonly test: string;
}

export const MUTATIONS: readonly Mutation[] = JSON.parse(
  readFileSync(path.join(ROOT, 'test/hazards/mutations.json'), 'utf8'),
);

/** Text of a file of the project. */
export function textOf(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8');
}

function filesUnder(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map(name => path.join(folder, name))
    .filter(file => file.endsWith('.ts'))
    .sort();
}

const isTest = (file: string) => file.endsWith('.test.ts');

/** The story that is told in each world: its tests are those of the file that opens the world. */
const STORY = 'test/hazards/guests.ts';
/** What a test has that is about simulated guests that run. */
const SIMULATED = /\bsimulated\(|\bbench\(|[wW]orld\(|sim:\/\/\/|createSimulated/;

interface NamedTest {
  readonly ids: readonly string[];
  /** With what stands before it at the margin: the `describe` that it is in. */
  readonly title: string;
  /** From its title to the next one. */
  readonly body: string;
}

/** Tests that name hazards in their titles. */
function testsIn(text: string): NamedTest[] {
  type Open = { -readonly [K in keyof NamedTest]: NamedTest[K] };
  const found: Open[] = [];
  let block = '';
  let last: Open | undefined;
  for (const line of text.split('\n')) {
    if (/^describe/.test(line)) block = line;
    const [, quoted = ''] = /['"`](H\d+(?:, H\d+)*: ?.*)/.exec(line) ?? [];
    const ids = /^[H\d, ]+/.exec(quoted)?.[0].match(/H\d+/g);
    if (ids) {
      last = { ids, title: `${block} ${quoted}`, body: '' };
      found.push(last);
    } else if (/^\s*(it|describe)\b/.test(line)) last = undefined;
    if (last !== undefined) last.body += `${line}\n`;
  }
  return found;
}

function worldOf(file: string, text: string, { title, body }: NamedTest): World {
  if (file.startsWith('test/lab/')) return /qmp/.test(file) || /QMP/.test(title) ? 'QMP' : 'libvirt';
  if (path.basename(file).startsWith('simulated')) return 'simulated';
  // Other tests have a bench of their own kind.
  return /simulated/.test(text) && SIMULATED.test(body) ? 'simulated' : 'figures';
}

/** Test files by hazard and world. */
export function shownIn(): ReadonlyMap<string, ReadonlyMap<World, readonly string[]>> {
  const shown = new Map(HAZARDS.map((_, index) => [`H${index + 1}`, new Map<World, string[]>()]));
  const story = textOf(STORY);
  for (const file of [...filesUnder('src'), ...filesUnder('test')].filter(isTest)) {
    const own = textOf(file);
    const text = own.includes('hazardsOfGuests(') ? own + story : own;
    for (const test of testsIn(text)) {
      const world = worldOf(file, own, test);
      for (const id of test.ids) {
        const worlds = shown.get(id);
        if (worlds === undefined) throw new Error(`${file}: there is no hazard ${id}`);
        worlds.set(world, [...new Set([...(worlds.get(world) ?? []), file])]);
      }
    }
  }
  return shown;
}

/** Worlds in which a hazard is neither shown nor said why not, and those in which it is both. */
export function gaps(): string[] {
  return [...shownIn()].flatMap(([id, worlds]) =>
    WORLDS.flatMap(world => {
      if (world === 'figures') return [];
      const refused = REFUSALS[id]?.[world] !== undefined;
      if (worlds.has(world) === refused)
        return [`${id} ${world}: ${refused ? 'shown and refused' : 'not shown'}`];
      return [];
    }),
  );
}

function links(files: readonly string[]): string {
  return files.map(file => `[${path.basename(file)}](../${file})`).join(', ');
}

/** Which worlds the mutations ran in, and which not. */
function mutatedWorlds(): string[] {
  const simulated = MUTATIONS.filter(({ test }) => path.basename(test).startsWith('simulated')).length;
  const real = MUTATIONS.filter(({ test }) => test.startsWith('test/lab/')).length;
  return [
    `Of ${MUTATIONS.length} mutations ${simulated} run against simulated guests in a closed loop, ${real || 'none'} against real guests, and the rest by figures,`,
    'fakes and files. A run of real guests takes minutes: it shows that the rules hold together, not that a test would miss one of them.',
  ];
}

export function hazardsPage(): string {
  const sources = filesUnder('src').filter(file => !isTest(file));
  const shown = shownIn();
  const rows = HAZARDS.map(([wrong, rule], index) => {
    const id = `H${index + 1}`;
    const code = sources.filter(file => new RegExp(`\\b${id}\\b`).test(textOf(file)));
    const cells = WORLDS.map(world => {
      const files = shown.get(id)?.get(world) ?? [];
      if (files.length > 0) return links(files);
      return world === 'figures' ? '' : '[no](#where-reality-refuses)';
    });
    return `| ${[id, wrong, rule, links(code), ...cells].join(' | ')} |`;
  });
  const refusals = Object.entries(REFUSALS).flatMap(([id, byWorld]) => {
    const reasons = new Map<string, string[]>();
    for (const [world, reason] of Object.entries(byWorld))
      reasons.set(reason, [...(reasons.get(reason) ?? []), world]);
    return [...reasons].map(([reason, worlds]) => `- ${id}, ${worlds.join(' and ')}: ${reason}.`);
  });
  const taken = MUTATIONS.map(
    ({ hazard, rule, file, test }) => `| ${hazard} | ${rule} | ${links([file])} | ${links([test])} |`,
  );
  return `${[
    '# Hazards',
    '',
    '<!-- Made from the code by `npm run docs`. -->',
    '',
    'What can go wrong when balloons move by themselves, and what Ballonet does about it. Code and tests are those that name the hazard.',
    'A test shows it on real guests behind libvirt, on real guests behind QMP, on simulated guests that run, or by figures alone: made-up',
    'samples, fakes of a driver, files of a host.',
    '',
    '| | what goes wrong | rule | code | libvirt | QMP | simulated | by figures |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
    '',
    '## Where reality refuses',
    '',
    ...refusals,
    '',
    '## Rules taken out',
    '',
    '`npm run mutate` takes these rules out of the code one by one, and expects the tests of that hazard to fail each time;',
    '`npm run mutate -- H13` tries those of one hazard.',
    '',
    ...mutatedWorlds(),
    '',
    '| | rule | in | whose tests fail |',
    '|---|---|---|---|',
    ...taken,
  ].join('\n')}\n`;
}
