// Makes ballonet_VERSION_all.deb of what is built: `npm run deb`, or `node scripts/deb.mjs [FOLDER]` with the folder to put it in.
//
// The dependencies come from node_modules as npm has installed them, so that nothing is fetched. What the package is made of is laid
// out in a folder of its own as it will lie in the file system; debhelper (packaging/debian) does the rest. Who gives it to others says
// in DEBFULLNAME and DEBEMAIL whom they are to turn to, as for Debian's own tools (debchange(1)). Without them the maintainer is
// `Local build <unset@ballonet.invalid>`: Debian wants a name and an address (policy 5.6.2), the project has no address, and what ends in
// .invalid never is one (RFC 2606).
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { program } from '../dist/cli/program.js';
import { copyrightFile } from './deb-copyright.mjs';
import { billOfMaterials } from './sbom.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = path.resolve(process.argv[2] ?? path.join(root, 'build'));
const { version } = readJson('package.json');
const debianVersion = version.replace('-', '~'); // a pre-release comes before its release
const modules = Object.entries(readJson('package-lock.json').packages)
  // Optional ones are native code for one kind of machine; this package is for all.
  .filter(([name, { dev, optional }]) => name !== '' && dev !== true && optional !== true)
  .map(([name]) => name);

// What modules bring for people and compilers: node reads none of it.
const UNREAD =
  /\.(d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|txt|tgz|coffee|html|yml)$|^\.|^(licen[cs]e|makefile|bower\.json|tsconfig.*\.json)/i;
const UNREAD_FOLDERS = /^(tests?|__tests__|docs?|examples?|bench(marks?)?|fixtures?)$/;
// The same code once more, for browsers, bundlers or the other kind of module.
const OTHER_BUILDS = [
  'hono/dist/cjs',
  'rxjs/dist/bundles',
  'rxjs/dist/esm',
  'rxjs/dist/esm5',
  'rxjs/dist/types',
  'rxjs/src',
  'yaml/browser',
  'zod/src',
].map(folder => path.join(root, 'node_modules', folder));
const gone = OTHER_BUILDS.find(folder => !existsSync(folder));
if (gone !== undefined) throw new Error(`${gone} is not there any more: see scripts/deb.mjs`);

const scratch = mkdtempSync(path.join(tmpdir(), 'ballonet-deb-'));
try {
  // dpkg-deb writes beside the folder of the sources.
  const sources = path.join(scratch, 'ballonet');
  const debian = path.join(sources, 'debian');
  mkdirSync(sources);
  await layOut(path.join(sources, 'root'));
  cpSync(path.join(root, 'packaging/debian'), debian, { recursive: true });
  copyFileSync(path.join(root, 'packaging/ballonet.service'), path.join(debian, 'ballonet.service'));
  const control = maintained(readFileSync(path.join(debian, 'control'), 'utf8'));
  writeFileSync(path.join(debian, 'control'), control);
  writeFileSync(path.join(debian, 'changelog'), changelog(control));
  writeFileSync(path.join(debian, 'copyright'), copyrightFile(root, modules));
  chmodSync(path.join(debian, 'rules'), 0o755);
  // What dpkg-buildpackage does, without the files that describe an upload.
  run(path.join(debian, 'rules'), ['binary'], sources, {
    DEB_RULES_REQUIRES_ROOT: 'no',
    SOURCE_DATE_EPOCH: String(sourceDate()),
  });
  mkdirSync(target, { recursive: true });
  const name = `ballonet_${debianVersion}_all.deb`;
  copyFileSync(path.join(scratch, name), path.join(target, name));
  console.log(path.join(target, name));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function readJson(name) {
  return JSON.parse(readFileSync(path.join(root, name), 'utf8'));
}

/** The package's files, where they will lie. */
async function layOut(files) {
  const at = name => {
    const place = path.join(files, name);
    mkdirSync(path.dirname(place), { recursive: true });
    return place;
  };
  const copy = (from, to) => cpSync(path.join(root, from), at(to), { recursive: true });

  const library = 'usr/lib/ballonet';
  const command = readFileSync(path.join(root, 'bin/ballonet'), 'utf8');
  writeFileSync(at(`${library}/bin/ballonet`), command.replace('/usr/bin/env node', '/usr/bin/node'), {
    mode: 0o755,
  });
  symlinkSync('../lib/ballonet/bin/ballonet', at('usr/bin/ballonet'));
  cpSync(path.join(root, 'dist'), at(`${library}/dist`), {
    recursive: true,
    filter: file => !/\.(d\.ts|map)$/.test(file),
  });
  for (const name of modules) {
    const commands = commandsOf(name);
    cpSync(path.join(root, name), at(`${library}/${name}`), {
      recursive: true,
      filter: file => isRead(file) && !commands.has(file),
    });
  }
  copy('package.json', `${library}/package.json`);
  copy('scenarios', `${library}/scenarios`);
  for (const name of ['policies', 'packaging/prometheus', 'packaging/grafana'])
    copy(name, `usr/share/ballonet/${path.basename(name)}`);
  copy('packaging/ballonet.rules', 'usr/share/polkit-1/rules.d/50-ballonet.rules');
  for (const page of readdirSync(path.join(root, 'packaging/man')))
    copy(`packaging/man/${page}`, `usr/share/man/man${page.at(-1)}/${page}`);
  for (const name of ['README.md', 'docs', 'examples']) copy(name, `usr/share/doc/ballonet/${name}`);
  const bill = billOfMaterials(root, ({ optional }) => optional !== true);
  writeFileSync(at('usr/share/ballonet/sbom.cdx.json'), `${JSON.stringify(bill, null, 2)}\n`);

  copy('packaging/ballonet.yaml', 'etc/ballonet/ballonet.yaml');
  writeFileSync(at('etc/ballonet/policies/standard.yaml'), observing());
  writeFileSync(at('usr/share/ballonet/ballonet.schema.json'), await ballonet('schema'));
  writeFileSync(at('usr/share/bash-completion/completions/ballonet'), await ballonet('completion', 'bash'));
  writeFileSync(at('usr/share/zsh/vendor-completions/_ballonet'), await ballonet('completion', 'zsh'));
  writeFileSync(
    at('usr/share/fish/vendor_completions.d/ballonet.fish'),
    await ballonet('completion', 'fish'),
  );
}

/** Whether node reads a file of a module, or looks for such in a folder. */
function isRead(file) {
  // A module of its own inside this one is named by itself.
  if (path.basename(file) === 'node_modules' || OTHER_BUILDS.includes(file)) return false;
  const [, inside] = /.*node_modules\/(?:@[^/]+\/)?[^/]+\/(.+)/.exec(file) ?? [undefined, ''];
  return !UNREAD.test(path.basename(file)) && !UNREAD_FOLDERS.test(inside);
}

/** Programs that a module brings, which nobody runs here. */
function commandsOf(module) {
  const { bin = {} } = readJson(path.join(module, 'package.json'));
  const names = typeof bin === 'string' ? [bin] : Object.values(bin);
  return new Set(names.map(name => path.join(root, module, name)));
}

/** The standard policy as a package may start it: it moves nothing until somebody says so. */
function observing() {
  const standard = readFileSync(path.join(root, 'policies/standard.yaml'), 'utf8');
  const [head, body] = standard.split(/^(?=apiVersion:)/m, 2);
  const mode = /^ {2}mode: enforce .*$/m;
  if (head === undefined || body === undefined || !mode.test(standard))
    throw new Error('policies/standard.yaml is not written as it was: see scripts/deb.mjs');
  return standard
    .replace(head, readFileSync(path.join(root, 'packaging/policy-head.yaml'), 'utf8'))
    .replace(mode, '  mode: observe            # enforce: move balloons; then `systemctl restart ballonet`');
}

/** The description of the package, with whoever builds it as its maintainer where the environment names them. */
function maintained(control) {
  const { DEBFULLNAME: name, DEBEMAIL: mail } = process.env;
  return name && mail ? control.replace(/^Maintainer: .*$/m, `Maintainer: ${name} <${mail}>`) : control;
}

/** From CHANGELOG.md's heads: dpkg wants to know the version and a day. */
function changelog(control) {
  const day = new Date(sourceDate() * 1000).toUTCString().replace('GMT', '+0000');
  const [, maintainer] = /^Maintainer: (.*)$/m.exec(control);
  return `ballonet (${debianVersion}) unstable; urgency=medium

  * Version ${version}: see CHANGELOG.md.

 -- ${maintainer}  ${day}
`;
}

/** When the sources are from, so that the same sources give the same package (reproducible-builds.org). */
function sourceDate() {
  const told = Number(process.env.SOURCE_DATE_EPOCH);
  if (told > 0) return told;
  const { status, stdout } = spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: root, encoding: 'utf8' });
  return status === 0 ? Number(stdout) : Math.floor(Date.now() / 1000);
}

/** What a verb prints. */
async function ballonet(...args) {
  let printed = '';
  const out = text => {
    printed += text;
  };
  await program({ out, err: out }, version).parseAsync(['node', 'ballonet', ...args]);
  return printed;
}

function run(command, args, cwd, environment = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, ...environment },
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`);
  return stdout;
}
