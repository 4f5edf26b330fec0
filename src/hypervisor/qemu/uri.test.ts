import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { pathOfUri } from './uri.ts';

describe('qmp URIs', () => {
  it.each([
    ['qmp:///run/vms', '/run/vms'],
    ['qmp:///run/vms/', '/run/vms'],
    ['qmp:///run/vms/one.qmp', '/run/vms/one.qmp'],
    ['qmp:///run/my%20vms', '/run/my vms'],
  ])('%s is %s', (uri, path) => {
    expect(pathOfUri(uri)).toBe(path);
  });

  it.each([
    'qmp://run/vms',
    'qmp://user@/run',
    'qmp:///',
    'qmp:run',
    'qmp:///run?x=1',
    'qmp:///run#x',
    'qmp:///%ff',
    'qmp:///a%00b',
    'sim:///run',
    'not a uri',
    // To take libvirt's monitor is to take the guest from libvirt.
    'qmp:///var/lib/libvirt/qemu/domain-1-web/monitor.sock',
    'qmp:///var/lib/libvirt/qemu',
  ])('%s is refused', uri => {
    try {
      pathOfUri(uri);
      expect.unreachable();
    } catch (error) {
      expect(isBallonetError(error, 'URI_INVALID')).toBe(true);
    }
  });
});
