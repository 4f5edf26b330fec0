// A daemon in trouble for long: `npm run soak` plays 30 minutes with 500 simulated guests, `npm run soak -- lab` 15 with real ones.
// A number after that is another length in minutes; BALLONET_SOAK_SEED draws other troubles.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const words = process.argv.slice(2);
const inLab = words.includes('lab');
const minutes = Number(words.find(word => /^\d+$/.test(word)) ?? (inLab ? 15 : 30));
const files = inLab ? ['lab-alone', 'test/lab/soak.test.ts'] : ['unit', 'test/soak'];

const vitest = path.join(root, 'node_modules/vitest/vitest.mjs');
const { status } = spawnSync(process.execPath, [vitest, 'run', '--project', ...files], {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, BALLONET_SOAK_MINUTES: String(minutes) },
});
process.exitCode = status ?? 1;
