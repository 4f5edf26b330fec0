// Takes each rule against a hazard out of a copy of the sources, and expects the tests of that hazard to fail.
//
// `npm run mutate` tries all of test/hazards/mutations.json, `npm run mutate -- H13 H29` those of some hazards. Only tests that name
// the hazard count: one that fails for another reason does not say that this rule is held. The working tree is not touched.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Tests that go on where the one before left off, so that none can be run by itself. */
const IN_ORDER = new Set(['test/hazards/simulated.test.ts']);

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const all = JSON.parse(readFileSync(path.join(root, 'test/hazards/mutations.json'), 'utf8'));
const mutations = all.filter(({ hazard }) => wanted.length === 0 || wanted.includes(hazard));
const tally = { killed: 0, survived: 0, invalid: 0 };

const scratch = mkdtempSync(path.join(tmpdir(), 'ballonet-mutate-'));
const copy = path.join(scratch, 'copy');
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
makeCopy();

/** By hazard and file: whether its tests pass while nothing is taken out. */
const sound = new Map();
for (const mutation of mutations) {
  // For signals, which are heard of nowhere else.
  await setImmediate();
  const outcome = tried(mutation);
  tally[outcome.verdict] += 1;
  const { hazard, rule, file } = mutation;
  console.log(
    `${outcome.verdict.padEnd(8)} ${hazard.padEnd(4)} ${rule} (${file})${outcome.why ? `: ${outcome.why}` : ''}`,
  );
}
if (tally.invalid > 0) console.log(`${tally.invalid} could not be tried`);
console.log(`${tally.killed} killed, ${tally.survived} survived`);
process.exitCode = tally.killed > 0 && tally.survived + tally.invalid === 0 ? 0 : 1;

function makeCopy() {
  const left = new Set(['node_modules', 'dist', '.git']);
  cpSync(root, copy, {
    recursive: true,
    filter: from => !left.has(path.relative(root, from)),
  });
  symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'));
  if (readdirSync(root).includes('dist')) symlinkSync(path.join(root, 'dist'), path.join(copy, 'dist'));
}

function tried({ hazard, file, text, replacement, test }) {
  const at = path.join(copy, file);
  const before = readFileSync(at, 'utf8');
  const places = before.split(text).length - 1;
  if (places !== 1) return { verdict: 'invalid', why: `its text stands ${places} times in the file` };
  const key = `${hazard} ${test}`;
  if (!sound.has(key)) sound.set(key, run(hazard, test));
  const { passed, failed } = sound.get(key);
  if (passed === 0 || failed > 0)
    return { verdict: 'invalid', why: `with the rule ${passed} tests pass and ${failed} fail in ${test}` };
  writeFileSync(
    at,
    before.replace(text, () => replacement),
  );
  try {
    const result = run(hazard, test);
    if (result.failed > 0) return { verdict: 'killed' };
    // A file that does not load proves nothing about its tests.
    return result.passed > 0
      ? { verdict: 'survived' }
      : { verdict: 'invalid', why: `no test ran in ${test} without the rule` };
  } finally {
    writeFileSync(at, before);
  }
}

/** Runs the tests of a file, and counts those whose names have the hazard. */
function run(hazard, test) {
  const named = new RegExp(`\\b${hazard}\\b`);
  const report = path.join(scratch, 'report.json');
  rmSync(report, { force: true });
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const args = ['run', '--project', 'unit', test, ...(IN_ORDER.has(test) ? [] : ['-t', named.source])];
  spawnSync(process.execPath, [vitest, ...args, '--reporter=json', `--outputFile.json=${report}`], {
    cwd: copy,
    stdio: 'ignore',
    timeout: 120_000,
  });
  try {
    const { testResults } = JSON.parse(readFileSync(report, 'utf8'));
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    const of = wanted =>
      tests.filter(({ fullName, status }) => status === wanted && named.test(fullName)).length;
    return { passed: of('passed'), failed: of('failed') };
  } catch {
    return { passed: 0, failed: 0 };
  }
}
