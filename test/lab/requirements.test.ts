import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { labPackages, requireLab } from './requirements.ts';

describe('what the lab needs', () => {
  it('is installed in CI from .ci/apt-packages', () => {
    const list = readFileSync(new URL('../../.ci/apt-packages', import.meta.url), 'utf8').split('\n');
    expect(labPackages().filter(name => !list.includes(name))).toEqual([]);
  });

  it('fails with the packages to install where something is missing, and names nothing that is there', () => {
    expect(() => requireLab(path => !path.includes('virsh') && !path.includes('gcc'))).toThrow(
      /virsh.*apt-get install --no-install-recommends libvirt-clients gcc\.$/,
    );
    expect(() => requireLab(() => true)).not.toThrow();
  });
});
