// Runs every test and ends with one line that counts them: `N passed, N failed`.
//
// The lab needs libvirt and QEMU, the console a browser. Where they are missing it says what to install; that is a failure when CI or
// BALLONET_REQUIRE_LAB is set, so that no machine passes by not looking.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const required = isSet(process.env.CI) || isSet(process.env.BALLONET_REQUIRE_LAB);
const scratch = mkdtempSync(path.join(tmpdir(), 'ballonet-test-'));
const totals = { passed: 0, failed: 0 };

try {
  runProjects('unit');
  runWhereItCan('console in a browser', missingFor('test/browser/requirements.json'), 'browser');
  runWhereItCan('lab with real guests', missingForLab(), 'lab', 'lab-alone');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 ? 0 : 1;

function isSet(value) {
  return value !== undefined && value !== '' && value !== '0' && value !== 'false';
}

function runWhereItCan(what, missing, ...projects) {
  if (missing.length === 0) runProjects(...projects);
  else {
    console.error(`The ${what} did not run: it needs ${missing.join(' and ')}.`);
    if (required) totals.failed += 1;
  }
}

function missingForLab() {
  const reasons = missingFor('test/lab/requirements.json');
  return process.getuid?.() === 0 ? reasons : ['root', ...reasons];
}

function missingFor(list) {
  const files = JSON.parse(readFileSync(path.join(root, list), 'utf8'));
  const missing = Object.entries(files).filter(([file]) => !existsSync(file));
  const packages = [...new Set(missing.map(([, name]) => name))];
  return packages.length === 0 ? [] : [`Debian's ${packages.join(' ')}`];
}

function runProjects(...names) {
  const [name] = names;
  const report = path.join(scratch, `${name}.json`);
  const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
  const args = [
    'run',
    ...names.flatMap(project => ['--project', project]),
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  const { status } = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: 'inherit' });
  const counted = readReport(report);
  if (counted === undefined) {
    console.error(`The ${name} tests ended without a report.`);
    totals.failed += 1;
    return;
  }
  totals.passed += counted.passed;
  totals.failed += counted.failed;
  if (required && counted.skipped > 0) {
    console.error(`${counted.skipped} ${name} tests were skipped, which CI does not allow.`);
    totals.failed += counted.skipped;
  }
  // A file that does not load, or an error outside a test, fails the run without a failed test.
  if (status !== 0 && counted.failed === 0) totals.failed += 1;
}

function readReport(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(
      readFileSync(file, 'utf8'),
    );
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return undefined;
  }
}
