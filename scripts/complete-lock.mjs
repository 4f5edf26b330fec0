// Run after changing dependencies: adds the optional packages of other platforms that npm left out of package-lock.json.
//
// npm drops an optional package from the lock when its registry does not carry it (a mirror of one platform's packages), and
// `npm ci` then refuses the lock as incomplete. Such a package is never fetched where its os, cpu or libc do not fit, so its
// name, version and platform are all that the lock has to say.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const added = [];

for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const nested = `${path}/node_modules/${name}`;
    if (lock.packages[`node_modules/${name}`] || lock.packages[nested] || !/^\d/.test(version)) continue;
    const platform = platformOf(name);
    if (platform === undefined) throw new Error(`${name}: cannot tell its platform from its name`);
    lock.packages[`node_modules/${name}`] = {
      version,
      ...platform,
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
    };
    added.push(`${name}@${version}`);
  }
}

const root = lock.packages[''];
delete lock.packages[''];
lock.packages = {
  '': root,
  ...Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))),
};
writeFileSync(file, `${JSON.stringify(lock, undefined, 2)}\n`);
console.log(added.length === 0 ? 'The lock is complete.' : `Added ${added.join(', ')}.`);

/** `@scope/tool-linux-x64-musl`: the parts that name an operating system, a processor and a C library. */
function platformOf(name) {
  const words = name.split(/[/\-.]/);
  const os = [
    'aix',
    'android',
    'darwin',
    'freebsd',
    'linux',
    'netbsd',
    'openbsd',
    'openharmony',
    'sunos',
    'win32',
  ].find(word => words.includes(word));
  const cpu = [
    'arm64',
    'arm',
    'armv7',
    'ia32',
    'loong64',
    'mips64el',
    'ppc64',
    'riscv64',
    's390x',
    'x64',
    'wasm32',
  ].find(word => words.includes(word));
  if (cpu === 'wasm32' || words.includes('wasm32')) return { cpu: ['wasm32'] };
  if (os === undefined) return undefined;
  const libc = words.some(word => /^musl/.test(word))
    ? 'musl'
    : words.some(word => /^gnu/.test(word))
      ? 'glibc'
      : undefined;
  return {
    ...(cpu ? { cpu: [cpu === 'armv7' ? 'arm' : cpu] } : {}),
    os: [os],
    ...(libc ? { libc: [libc] } : {}),
  };
}
