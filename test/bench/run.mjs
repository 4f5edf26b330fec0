// Compiles the benchmarks with what they import and runs them one after another: `npm run bench`, or one of them with
// its arguments: `npm run bench -- collect --domains 100,5000`.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What node itself is told for a benchmark. */
const FLAGS = {
  'decide-garbage': ['--expose-gc', '--max-semi-space-size=128', '--min-semi-space-size=128'],
  // As the verb has it: src/cli/heap.ts.
  simulate: ['--no-allocation-site-pretenuring'],
};
const ENDING = /\.bench\.(?:ts|mjs)$/;
const root = fileURLToPath(new URL('../..', import.meta.url));
const scripts = new Map(
  readdirSync(new URL('.', import.meta.url))
    .filter(file => ENDING.test(file))
    .toSorted()
    .map(file => [file.replace(ENDING, ''), file]),
);
const [chosen, ...rest] = process.argv.slice(2);
if (chosen !== undefined && !scripts.has(chosen)) {
  console.error(`There is no benchmark '${chosen}'; there are ${[...scripts.keys()].join(' and ')}.`);
  process.exit(2);
}

rmSync(`${root}build`, { recursive: true, force: true });
run(`${root}node_modules/typescript/bin/tsc`, ['-p', 'tsconfig.bench.json']);
for (const [name, file] of scripts) {
  if (chosen !== undefined && chosen !== name) continue;
  const folder = file.endsWith('.ts') ? 'build/test/bench' : 'test/bench';
  run(`${root}${folder}/${file.replace(/\.ts$/, '.js')}`, rest, FLAGS[name]);
}

function run(script, args, flags = []) {
  const { status } = spawnSync(process.execPath, [...flags, script, ...args], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
