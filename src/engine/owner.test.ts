import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Owner, ownerElement, parseOwner } from './owner.ts';

const OWNER: Owner = {
  id: '5ad0b4f2-7f0c-4c9e-9d31-0d7a3b1c2d4e',
  host: 'node-7.example',
  renewedAt: 1_700_000_000.5,
  targetBytes: 1536 * 1024 ** 2,
};

describe('the owner in a domain’s metadata', () => {
  it('is read as it was written, with the prefix and the namespace that libvirt puts in', () => {
    const element = ownerElement(OWNER);
    const given = element
      .replace('<owner', "<ballonet-owner:owner xmlns:ballonet-owner='urn:x'")
      .replaceAll('"', "'");
    expect(parseOwner(element)).toEqual(OWNER);
    expect(parseOwner(given)).toEqual(OWNER);
    expect(parseOwner(ownerElement({ ...OWNER, targetBytes: undefined }))?.targetBytes).toBeUndefined();
  });

  it('writes well-formed XML whatever the host is called', () => {
    expect(ownerElement({ ...OWNER, host: 'a"/><b' })).toContain('host="a----b"');
  });

  it('is nobody where the element is not one', () => {
    for (const xml of [
      '',
      '<owner/>',
      '<owner id="x"/>',
      '<owner id="x" renewed="soon"/>',
      '<tags id="x" renewed="2026-01-01"/>',
    ])
      expect(parseOwner(xml)).toBeUndefined();
    fc.assert(fc.property(fc.string(), xml => void parseOwner(xml)));
  });
});
