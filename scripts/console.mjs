// Bundles src/console into static files. The bundle is kept under build/, and made anew only when what goes into it has changed.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = path.join(root, 'src/console');
/** What the console imports of the rest; only types come from src/api. */
const inputs = [source, path.join(root, 'src/model')];
const kept = path.join(root, 'build/console');
const stamp = path.join(root, 'build/console.stamp');

/** Below this a file fits in one packet anyway. */
const PACKED_BYTES_MIN = 1400;

/** @param {string} folder where the files are to be */
export async function buildConsole(folder) {
  const wanted = fingerprint();
  const known = existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
  if (known !== wanted) {
    rmSync(stamp, { force: true });
    await bundle();
    writeFileSync(stamp, wanted);
  }
  cpSync(kept, folder, { recursive: true });
}

function fingerprint() {
  const hash = createHash('sha256');
  const files = inputs.flatMap(filesIn).filter(file => !file.endsWith('.test.ts'));
  const others = [fileURLToPath(import.meta.url), path.join(root, 'package-lock.json')];
  for (const file of [...files, ...others]) {
    hash.update(`${path.relative(root, file)}\0`);
    hash.update(readFileSync(file));
  }
  return hash.digest('hex');
}

async function bundle() {
  const { build } = await import('vite');
  await build({
    root: source,
    configFile: false,
    logLevel: 'warn',
    base: './',
    build: {
      outDir: kept,
      emptyOutDir: true,
      target: 'es2022',
      // Nothing inline: the page's policy allows files of its own origin only.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // The licences of what is bundled ask to be kept with it.
      license: { fileName: 'licenses.md' },
    },
  });
  for (const file of filesIn(kept)) {
    const content = readFileSync(file);
    if (content.length >= PACKED_BYTES_MIN) writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  }
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => path.join(entry.parentPath, entry.name))
    .toSorted();
}
