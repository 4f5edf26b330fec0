// Compiles src/ and bundles the console to dist/. The old dist/ is replaced in one step, so that no file stays whose source is gone and
// nobody sees half a build.
import { spawnSync } from 'node:child_process';
import { renameSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildConsole } from './console.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [dist, fresh, old] = ['dist', `dist.new.${process.pid}`, `dist.old.${process.pid}`].map(
  name => root + name,
);
const tsc = `${root}node_modules/typescript/bin/tsc`;
const args = [tsc, '-p', 'tsconfig.build.json', '--outDir', fresh];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
try {
  if (status === 0) {
    await buildConsole(`${fresh}/console`);
    while (!isReplaced());
  }
} finally {
  for (const path of [fresh, old]) rmSync(path, { recursive: true, force: true });
}
process.exit(status ?? 1);

/** False where another build was put there in between, as when two tests find dist/ stale at once. */
function isReplaced() {
  rmSync(old, { recursive: true, force: true });
  try {
    renameSync(dist, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  try {
    renameSync(fresh, dist);
    return true;
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    return false;
  }
}
