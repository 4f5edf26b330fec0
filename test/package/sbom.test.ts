import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const ROOT = new URL('../../', import.meta.url);
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, ROOT), 'utf8'));

const billSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.literal('1.5'),
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      purl: z.string().startsWith('pkg:npm/'),
      scope: z.enum(['required', 'optional']),
      licenses: z.array(z.object({ expression: z.string().min(1) })).length(1),
      hashes: z.array(z.object({ alg: z.literal('SHA-512'), content: z.string().regex(/^[0-9a-f]{128}$/) })),
    }),
  ),
});
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.looseObject({ dev: z.boolean().optional(), hasInstallScript: z.boolean().optional() }),
  ),
});
const manifestSchema = z.looseObject({ dependencies: z.record(z.string(), z.string()) });

const moduleSchema = z.looseObject({ name: z.string(), version: z.string() });

const script = fileURLToPath(new URL('scripts/sbom.mjs', ROOT));
const print = () => execFileSync(process.execPath, [script], { encoding: 'utf8' });

describe('the bill of materials', () => {
  const text = print();
  const { components } = billSchema.parse(JSON.parse(text));
  const { dependencies } = manifestSchema.parse(read('package.json'));
  const lock = lockSchema.parse(read('package-lock.json'));

  it('names each module that is installed to run on, in its version', () => {
    const named = new Set(components.map(({ name, version }) => `${name}@${version}`));
    let installed = 0;
    for (const [folder, { dev }] of Object.entries(lock.packages)) {
      // Optional ones are for other machines than this one, but for one of them.
      if (folder === '' || dev || !existsSync(new URL(`${folder}/package.json`, ROOT))) continue;
      const { name, version } = moduleSchema.parse(read(`${folder}/package.json`));
      expect(named).toContain(`${name}@${version}`);
      installed += 1;
    }
    expect(installed).toBeGreaterThan(Object.keys(dependencies).length);
  });

  it('leaves out what only builds and tests', () => {
    const names = components.map(({ name }) => name);
    expect(names).not.toContain('vitest');
    expect(names).not.toContain('@biomejs/biome');
  });

  it('is the same each time', () => {
    const digest = (bytes: string) => createHash('sha256').update(bytes).digest('hex');
    expect(digest(print())).toBe(digest(text));
  });

  it('has no module that runs a program when it is installed, and pins each by its exact version', () => {
    const run = Object.entries(lock.packages).filter(
      ([, { dev, hasInstallScript }]) => !dev && hasInstallScript,
    );
    expect(run.map(([name]) => name)).toEqual([]);
    for (const [name, version] of Object.entries(dependencies))
      expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
