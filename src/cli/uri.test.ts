import { describe, expect, it } from 'vitest';
import { chooseUri } from './uri.ts';

const nothing = () => false;

describe('choice of the hypervisor', () => {
  it('takes the option before the environment before the local libvirt', () => {
    expect(chooseUri('a:///', { LIBVIRT_DEFAULT_URI: 'b:///' }, () => true)).toEqual({
      uri: 'a:///',
      because: 'option',
    });
    expect(chooseUri(undefined, { LIBVIRT_DEFAULT_URI: 'b:///' }, () => true)).toEqual({
      uri: 'b:///',
      because: 'environment',
    });
    expect(chooseUri(undefined, {}, () => true)).toEqual({ uri: 'qemu:///system', because: 'local-libvirt' });
  });

  it('falls back to the simulated host where there is no libvirt', () => {
    expect(chooseUri(undefined, {}, nothing)).toEqual({ uri: 'sim:///overcommitted', because: 'embedded' });
  });

  it('takes an empty variable for none, as libvirt does', () => {
    expect(chooseUri(undefined, { LIBVIRT_DEFAULT_URI: '' }, nothing).because).toBe('embedded');
  });
});
