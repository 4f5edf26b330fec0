import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import type { Places } from './places.ts';
import type { Endpoint, SshTarget, TlsTarget } from './uri.ts';
import { isLibvirtUri, resolveUri } from './uri.ts';

const ROOT: Places = { uid: 0, home: '/root', cacheDir: '/root/.cache', configDir: '/root/.config' };
const USER: Places = {
  uid: 1000,
  home: '/home/u',
  runtimeDir: '/run/user/1000',
  cacheDir: '/home/u/.cache',
  configDir: '/home/u/.config',
};

function socketsOf({ target }: Endpoint): readonly string[] {
  if (target.kind !== 'unix') throw new Error(`${target.kind} has no sockets`);
  return target.sockets;
}

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
    expect(socketsOf(resolveUri(uri, false, places)).slice(0, 2)).toEqual([first, second]);
  });

  it('falls back to the cache folder where there is no runtime folder', () => {
    const places = { ...USER, runtimeDir: undefined };
    expect(socketsOf(resolveUri('qemu:///session', false, places))).toEqual([
      '/home/u/.cache/libvirt/virtqemud-sock',
      '/home/u/.cache/libvirt/libvirt-sock',
    ]);
  });

  it('leads to the read-only sockets of the system, and to the only ones of a session', () => {
    const system = socketsOf(resolveUri('qemu:///system', true, ROOT));
    expect(system).toContain('/run/libvirt/libvirt-sock-ro');
    expect(system.every(path => path.endsWith('-ro'))).toBe(true);
    const session = socketsOf(resolveUri('qemu:///session', true, USER));
    expect(session.some(path => path.endsWith('-ro'))).toBe(false);
  });

  it.each([
    ['test+unix:///default?socket=/a/b', ['/a/b'], 'test:///default'],
    ['qemu+unix:///system?socket=%2Fa%20b', ['/a b'], 'qemu:///system'],
    ['qemu:///session?socket=/a', ['/a'], 'qemu:///session'],
    ['qemu:///system?socket=/a+b', ['/a+b'], 'qemu:///system'],
    ['qemu:///system?mode=auto;socket=/a', ['/a'], 'qemu:///system'],
    ['qemu+unix:///system?socket=/a&name=qemu:///session', ['/a'], 'qemu:///session'],
  ])('%s opens its socket and sends neither it nor the transport', (uri, sockets, openUri) => {
    expect(resolveUri(uri, true, USER)).toMatchObject({ target: { kind: 'unix', sockets }, openUri });
  });

  it('takes mode to choose between the daemons', () => {
    expect(socketsOf(resolveUri('qemu:///system?mode=direct', false, ROOT))).not.toContain(
      '/run/libvirt/libvirt-sock',
    );
    expect(socketsOf(resolveUri('qemu:///system?mode=legacy', false, ROOT))).not.toContain(
      '/run/libvirt/virtqemud-sock',
    );
  });

  it('knows the test driver’s hosts that each connection has to itself', () => {
    expect(resolveUri('test:///default', false, ROOT).privateHost).toBe(false);
    expect(resolveUri('test:///a/host.xml', false, ROOT).privateHost).toBe(true);
    expect(resolveUri('test+tls://h/default', false, ROOT).privateHost).toBe(false);
    expect(resolveUri('qemu+ssh://h/system?name=test:///a.xml', false, ROOT).privateHost).toBe(true);
  });

  const TLS: TlsTarget = { kind: 'tls', host: 'h', port: 16_514, verify: true, pkiPath: undefined };
  it.each<[string, TlsTarget]>([
    ['qemu+tls://h/system', TLS],
    ['qemu://h/system', TLS],
    ['qemu+tls:///system', { ...TLS, host: 'localhost' }],
    ['qemu+tls://h:16515/system', { ...TLS, port: 16_515 }],
    ['qemu+tls://[2001:db8::1]:1/system', { ...TLS, host: '2001:db8::1', port: 1 }],
    ['qemu+tls://192.0.2.1/system?pkipath=/a%20b', { ...TLS, host: '192.0.2.1', pkiPath: '/a b' }],
    ['qemu+tls://h/system?no_verify=1', { ...TLS, verify: false }],
    ['qemu+tls://h/system?no_verify=0&no_sanity=1', TLS],
  ])('%s leads over TLS', (uri, target) => {
    const endpoint = resolveUri(uri, false, ROOT);
    expect(endpoint).toMatchObject({ target, openUri: 'qemu:///system', local: false });
  });

  const SSH: SshTarget = {
    kind: 'ssh',
    command: 'ssh',
    host: 'h',
    port: undefined,
    user: undefined,
    keyFile: undefined,
    verify: true,
    batch: false,
    remoteUri: 'qemu:///system',
    readOnly: false,
  };
  it.each<[string, SshTarget]>([
    ['qemu+ssh://h/system', SSH],
    ['qemu+ssh:///system', { ...SSH, host: 'localhost' }],
    ['qemu+ssh://root@h:2222/system?proxy=native&mode=auto', { ...SSH, user: 'root', port: 2222 }],
    ['qemu+ssh://h/system?proxy=auto&no_tty=1&no_verify=1', { ...SSH, batch: true, verify: false }],
    ['qemu+ssh://[::1]/system?command=/opt/ssh', { ...SSH, host: '::1', command: '/opt/ssh' }],
    ['qemu+ssh://h/session?keyfile=/k', { ...SSH, keyFile: '/k', remoteUri: 'qemu:///session' }],
    ['qemu+ssh://h/system?name=qemu:///session', { ...SSH, remoteUri: 'qemu:///session' }],
  ])('%s leads over ssh', (uri, target) => {
    const endpoint = resolveUri(uri, false, ROOT);
    expect(endpoint).toMatchObject({ target, openUri: target.remoteUri, local: false });
  });

  it('leads to a program where it names one', () => {
    expect(resolveUri('qemu+ext:///system?command=/opt/tunnel', false, ROOT)).toMatchObject({
      target: { kind: 'ext', command: '/opt/tunnel' },
      openUri: 'qemu:///system',
      local: false,
    });
  });

  it('says by which host and user the password is known, and that ssh’s user is not libvirt’s', () => {
    const { login } = resolveUri('qemu+tls://fred@h/system?authfile=/a.conf', false, ROOT);
    expect(login).toEqual({ host: 'h', user: 'fred', authFile: '/a.conf' });
    expect(resolveUri('qemu:///system', false, ROOT).login).toMatchObject({ host: 'localhost' });
    expect(resolveUri('qemu+ssh://fred@h/system', false, ROOT).login.user).toBeUndefined();
    expect(resolveUri('qemu:///system', false, ROOT).local).toBe(true);
  });

  it("does not take this machine for the host of a test driver's guests", () => {
    expect(resolveUri('test:///default', false, ROOT).local).toBe(false);
    expect(resolveUri('test+unix:///default?socket=/s', false, ROOT).local).toBe(false);
  });

  it.each([
    ['qemu+tcp://host/system', /plain TCP/],
    ['qemu+libssh2://host/system', /libssh2.*ssh is/],
    ['qemu+vxstream:///system', /vxstream/],
    ['qemu+ext:///system', /command/],
    ['qemu+unix://host/system', /names a host/],
    ['qemu:///system?foo=1', /'foo' is not known/],
    ['qemu:///system?pkipath=/a', /'pkipath' belongs to the transport tls/],
    ['qemu+tls://h/system?tls_priority=NORMAL', /'tls_priority'.*GnuTLS/],
    ['qemu+tls://h/system?socket=/a', /'socket'/],
    ['qemu+tls://h/system?pkipath=a', /absolute/],
    ['qemu+tls://h/system?no_verify=yes', /'no_verify'/],
    ['qemu+tls://h/system?no_verify', /'no_verify' is empty/],
    ['qemu+tls://h:0/system', /port/],
    ['qemu+tls://u:secret@h/system', /auth file/],
    ['qemu+ssh://h/system?netcat=/bin/nc', /'netcat'/],
    ['qemu+ssh://h/system?proxy=netcat', /proxy 'netcat'/],
    ['qemu+ssh://h/system?mode=direct', /mode 'direct'/],
    ['qemu+ssh://h/system?socket=/a', /'socket' is not supported over ssh/],
    ['qemu+ssh://h/system?known_hosts=/a', /'known_hosts'/],
    ['qemu+ssh://h/system?sshauth=agent', /'sshauth'/],
    ['qemu+ssh://-oProxyCommand=x/system', /host/],
    ['qemu+ssh://-h/system', /hyphen/],
    ['qemu+ssh://-l@h/system', /hyphen/],
    ['qemu+ssh://a%24(b)@h/system', /shell/],
    ['qemu+ssh://h%0A/system', /host/],
    ['qemu+ssh://h%3Bx/system', /host/],
    ['qemu+ssh://h/system?name=-r', /not a URI/],
    ['qemu+ssh://h/system?command=%00', /NUL/],
    ['qemu+unix:///system?socket=relative', /absolute/],
    ['qemu+unix:///system?socket=%zz', /percent/],
    ['qemu:///system?mode=odd', /mode 'odd'/],
    ['qemu+unix+tls:///system', /unix\+tls/],
    ['qemu+constructor:///system', /constructor/],
    ['qemu:///system#x', /fragment/],
    ['qemu+unix:///embed?root=/x', /embedded/],
    ['http://localhost/', /no driver/],
    ['not a uri', /no driver/],
  ])('%s is refused, and the reason names what is at fault', (uri, reason) => {
    expect(() => resolveUri(uri, false, ROOT)).toThrow(expect.objectContaining({ code: 'URI_INVALID' }));
    expect(() => resolveUri(uri, false, ROOT)).toThrow(reason);
  });

  it('does not repeat a password', () => {
    expect(() => resolveUri('qemu+tls://u:secret@h/system', false, ROOT)).toThrow(/^(?!.*secret)/s);
  });

  it('is resolved or refused, whatever it is', () => {
    const kinds = new Set<string>();
    // What chance may leave out.
    const examples: [string][] = [
      ['qemu+ext:///system?command=/x'],
      ['xen+ssh://h/system'],
      ['qemu+tls://h/system'],
    ];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map(rest => `qemu+unix:///${rest}`),
          fc
            .tuple(
              fc.constantFrom('qemu', 'test+unix', 'xen+ssh', 'qemu+tls', 'qemu+ext', 'http'),
              fc.oneof(fc.string(), fc.domain()),
              fc.oneof(fc.string(), fc.constantFrom('system', 'default')),
              fc.oneof(fc.string(), fc.constantFrom('', 'command=/x', 'no_verify=1')),
            )
            .map(([scheme, host, path, query]) => `${scheme}://${host}/${path}?${query}`),
        ),
        uri => {
          try {
            const { target } = resolveUri(uri, false, USER);
            kinds.add(target.kind);
            if (target.kind === 'ssh' || target.kind === 'tls') expect(target.host).toMatch(/^[\w.:-]+$/);
          } catch (error) {
            expect(isBallonetError(error, 'URI_INVALID')).toBe(true);
          }
        },
      ),
      { numRuns: 500, examples },
    );
    expect([...kinds].toSorted()).toEqual(['ext', 'ssh', 'tls', 'unix']);
  });

  it('is told from those of other drivers by its scheme', () => {
    expect(isLibvirtUri(new URL('lxc:///system'))).toBe(true);
    expect(isLibvirtUri(new URL('qemu+ssh://host/system'))).toBe(true);
    expect(isLibvirtUri(new URL('sim:///overcommitted'))).toBe(false);
  });
});
