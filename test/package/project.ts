/** The package as npm packs it from the sources, and an empty project that it is installed in. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { run } from '../lab/process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');

const manifestSchema = z.looseObject({
  version: z.string(),
  files: z.array(z.string()),
  dependencies: z.record(z.string(), z.string()),
});
const lockSchema = z.object({
  packages: z.record(z.string(), z.looseObject({ dev: z.boolean().optional() })),
});

export interface Project {
  /** What npm packed. */
  readonly tarball: string;
  /** The folder that it was packed from. */
  readonly source: string;
  readonly folder: string;
  node(...args: string[]): Promise<string>;
  /** Runs a command that the installation made. */
  bin(name: string, ...args: string[]): Promise<string>;
  /** Compiles TypeScript files of the project, strictly. @throws Error with the compiler's words */
  compile(): Promise<void>;
  close(): Promise<void>;
}

/** Packs and installs. npm takes the dependencies from its cache, where `npm ci` has put them, and those it lacks from the registry. */
export async function installInEmptyProject(): Promise<Project> {
  const scratch = await mkdtemp(join(tmpdir(), 'ballonet-package-'));
  try {
    const [source, folder] = [join(scratch, 'source'), join(scratch, 'project')];
    for (const path of [source, folder]) await mkdir(path);
    const manifest = manifestSchema.parse(JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')));
    const others = manifest.files.filter(name => name !== 'dist');
    for (const name of ['package.json', ...others])
      await cp(join(ROOT, name), join(source, name), { recursive: true });
    const build = ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(source, 'dist')];
    await run(process.execPath, [TSC, ...build], { deadlineSeconds: 120 });
    await npm(['pack', '--ignore-scripts', '--pack-destination', scratch], source);
    const tarball = join(scratch, `ballonet-${manifest.version}.tgz`);
    await writeProject(folder, tarball, manifest);
    await npm(['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], folder);
    return {
      tarball,
      source,
      folder,
      node: (...args) => run(process.execPath, args, { cwd: folder }),
      bin: (name, ...args) => run(join(folder, 'node_modules/.bin', name), args, { cwd: folder }),
      compile: async () => void (await run(process.execPath, [TSC, '-p', folder], { cwd: folder })),
      close: () => rm(scratch, { recursive: true }),
    };
  } catch (error) {
    await rm(scratch, { recursive: true });
    throw error;
  }
}

async function writeProject(
  folder: string,
  tarball: string,
  { version, dependencies }: z.infer<typeof manifestSchema>,
): Promise<void> {
  // The examples use rxjs themselves.
  const own = { ballonet: `file:${tarball}`, rxjs: dependencies.rxjs };
  const project = { name: 'empty', version: '1.0.0', private: true, type: 'module', dependencies: own };
  // With a lock npm need not ask the registry what there is.
  const { packages } = lockSchema.parse(JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')));
  const needed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  const ballonet = { version, resolved: `file:${tarball}`, dependencies, bin: { ballonet: 'bin/ballonet' } };
  const lock = {
    name: 'empty',
    version: '1.0.0',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'empty', version: '1.0.0', dependencies: own },
      'node_modules/ballonet': ballonet,
      ...Object.fromEntries(needed),
    },
  };
  const tsconfig = {
    compilerOptions: {
      target: 'ES2023',
      module: 'NodeNext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
      outDir: 'out',
      rootDir: '.',
    },
    include: ['*.ts'],
  };
  for (const [name, content] of Object.entries({
    'package.json': project,
    'package-lock.json': lock,
    'tsconfig.json': tsconfig,
  }))
    await writeFile(join(folder, name), JSON.stringify(content));
}

async function npm(args: readonly string[], cwd: string): Promise<void> {
  await run('npm', args, { cwd, deadlineSeconds: 120 });
}
