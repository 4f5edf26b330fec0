import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the browser is there, and CI installs it from .ci/apt-packages', () => {
  const files: Record<string, string> = JSON.parse(
    readFileSync(new URL('requirements.json', import.meta.url), 'utf8'),
  );
  const installed = readFileSync(new URL('../../.ci/apt-packages', import.meta.url), 'utf8').split('\n');
  expect(Object.keys(files).filter(file => !existsSync(file))).toEqual([]);
  expect(Object.values(files).filter(name => !installed.includes(name))).toEqual([]);
});
