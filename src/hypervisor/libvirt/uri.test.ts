import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import type { SocketPlaces } from './uri.ts';
import { isLibvirtUri, resolveUri } from './uri.ts';

const ROOT: SocketPlaces = { uid: 0, cacheDir: '/root/.cache' };
const USER: SocketPlaces = { uid: 1000, runtimeDir: '/run/user/1000', cacheDir: '/home/u/.cache' };

describe('a libvirt URI', () => {
  it.each([
    ['qemu:///system', ROOT, '/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'],
    ['qemu:///system', USER, '/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'],
    ['xen:///system', ROOT, '/run/libvirt/virtxend-sock', '/run/libvirt/libvirt-sock'],
    ['ch:///system', ROOT, '/run/libvirt/virtchd-sock', '/run/libvirt/libvirt-sock'],
    ['qemu:///session', USER, '/run/user/1000/libvirt/virtqemud-sock', '/run/user/1000/libvirt/libvirt-sock'],
    ['qemu:///session', ROOT, '/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock'],
    ['test:///default', USER, '/run/user/1000/libvirt/virttestd-sock', '/run/user/1000/libvirt/libvirt-sock'],
  ])('%s leads to the driver’s own daemon, then to libvirtd', (uri, places, first, second) => {
    expect(resolveUri(uri, false, places).sockets.slice(0, 2)).toEqual([first, second]);
  });

  it('falls back to the cache folder where there is no runtime folder', () => {
    const { sockets } = resolveUri('qemu:///session', false, { uid: 1000, cacheDir: '/home/u/.cache' });
    expect(sockets).toEqual(['/home/u/.cache/libvirt/virtqemud-sock', '/home/u/.cache/libvirt/libvirt-sock']);
  });

  it('leads to the read-only sockets of the system, and to the only ones of a session', () => {
    expect(resolveUri('qemu:///system', true, ROOT).sockets).toContain('/run/libvirt/libvirt-sock-ro');
    expect(resolveUri('qemu:///system', true, ROOT).sockets.every(path => path.endsWith('-ro'))).toBe(true);
    expect(resolveUri('qemu:///session', true, USER).sockets.some(path => path.endsWith('-ro'))).toBe(false);
  });

  it.each([
    ['test+unix:///default?socket=/a/b', ['/a/b'], 'test:///default'],
    ['qemu+unix:///system?socket=%2Fa%20b', ['/a b'], 'qemu:///system'],
    ['qemu:///session?socket=/a', ['/a'], 'qemu:///session'],
  ])('%s opens its socket and sends neither it nor the transport', (uri, sockets, openUri) => {
    expect(resolveUri(uri, true, USER)).toMatchObject({ sockets, openUri });
  });

  it('takes mode to choose between the daemons', () => {
    expect(resolveUri('qemu:///system?mode=direct', false, ROOT).sockets).not.toContain(
      '/run/libvirt/libvirt-sock',
    );
    expect(resolveUri('qemu:///system?mode=legacy', false, ROOT).sockets).not.toContain(
      '/run/libvirt/virtqemud-sock',
    );
  });

  it('knows the test driver’s hosts that each connection has to itself', () => {
    expect(resolveUri('test:///default', false, ROOT).privateHost).toBe(false);
    expect(resolveUri('test:///a/host.xml', false, ROOT).privateHost).toBe(true);
  });

  it.each([
    'qemu+tls://host/system',
    'qemu+ssh://root@host/system',
    'qemu+tcp:///system',
    'qemu+libssh2://host/system',
    'qemu+ext:///system',
    'qemu://host/system',
    'qemu+unix://host/system',
    'qemu:///system?foo=1',
    'qemu+unix:///system?socket=relative',
    'qemu:///system?mode=odd',
    'qemu:///system#x',
    'qemu+unix:///embed?root=/x',
    'http://localhost/',
    'not a uri',
  ])('%s is refused', uri => {
    expect(() => resolveUri(uri, false, ROOT)).toThrow(expect.objectContaining({ code: 'URI_INVALID' }));
  });

  it('names the parameter that it does not know', () => {
    expect(() => resolveUri('qemu:///system?netcat=nc', false, ROOT)).toThrow(/netcat/);
  });

  it('is resolved or refused, whatever it is', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map(rest => `qemu+unix:///${rest}`),
          fc
            .tuple(
              fc.constantFrom('qemu', 'test+unix', 'xen+ssh', 'http'),
              fc.string(),
              fc.string(),
              fc.string(),
            )
            .map(([scheme, host, path, query]) => `${scheme}://${host}/${path}?${query}`),
        ),
        uri => {
          try {
            expect(resolveUri(uri, false, USER).sockets.length).toBeGreaterThan(0);
          } catch (error) {
            expect(isBallonetError(error, 'URI_INVALID')).toBe(true);
          }
        },
      ),
    );
  });

  it('is told from those of other drivers by its scheme', () => {
    expect(isLibvirtUri(new URL('lxc:///system'))).toBe(true);
    expect(isLibvirtUri(new URL('qemu+ssh://host/system'))).toBe(true);
    expect(isLibvirtUri(new URL('sim:///overcommitted'))).toBe(false);
  });
});
