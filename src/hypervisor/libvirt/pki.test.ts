import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { locatePki, readPki } from './pki.ts';

const USER = { uid: 1000, home: '/home/u' };
const OWN = '/home/u/.pki/libvirt';
const SYSTEM = {
  authority: '/etc/pki/CA/cacert.pem',
  revoked: '/etc/pki/CA/cacrl.pem',
  certificate: '/etc/pki/libvirt/clientcert.pem',
  key: '/etc/pki/libvirt/private/clientkey.pem',
};

function among(...names: string[]): (path: string) => boolean {
  return path => names.some(name => path === `${OWN}/${name}`);
}

describe('the places of certificates', () => {
  it('are one folder where the URI names it', () => {
    expect(locatePki('/p', USER, () => false)).toEqual({
      authority: '/p/cacert.pem',
      revoked: '/p/cacrl.pem',
      certificate: '/p/clientcert.pem',
      key: '/p/clientkey.pem',
    });
  });

  it('are the system’s for root, and for a user who has none', () => {
    expect(locatePki(undefined, { uid: 0, home: '/root' }, () => true)).toEqual(SYSTEM);
    expect(locatePki(undefined, USER, () => false)).toEqual(SYSTEM);
  });

  it('are the user’s for each that is there, but certificate and key only as a pair', () => {
    expect(locatePki(undefined, USER, among('cacert.pem', 'clientcert.pem'))).toEqual({
      ...SYSTEM,
      authority: `${OWN}/cacert.pem`,
    });
    expect(locatePki(undefined, USER, among('cacrl.pem', 'clientcert.pem', 'clientkey.pem'))).toEqual({
      authority: SYSTEM.authority,
      revoked: `${OWN}/cacrl.pem`,
      certificate: `${OWN}/clientcert.pem`,
      key: `${OWN}/clientkey.pem`,
    });
  });
});

describe('reading certificates', () => {
  const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
  const KEY = CERTIFICATE.replaceAll('CERTIFICATE', 'EC PRIVATE KEY');

  async function pki(files: Readonly<Record<string, string>>): Promise<ReturnType<typeof locatePki>> {
    const folder = await mkdtemp(join(tmpdir(), 'ballonet-pki-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
    return locatePki(folder, USER);
  }

  it('gives what is there', async () => {
    const files = { 'cacert.pem': `Subject: x\n${CERTIFICATE}`, 'clientcert.pem': CERTIFICATE };
    expect(Object.keys(await readPki(await pki({ ...files, 'clientkey.pem': KEY }), true))).toEqual([
      'authority',
      'certificate',
      'key',
    ]);
    expect(Object.keys(await readPki(await pki(files), true))).toEqual(['authority']);
  });

  it('needs an authority to verify the server by, and none where it does not', async () => {
    await expect(readPki(await pki({}), true)).rejects.toMatchObject({ code: 'HYPERVISOR_DENIED' });
    expect(await readPki(await pki({}), false)).toEqual({});
  });

  it.each(['', 'not PEM', KEY])(
    'refuses %j for an authority, which Node would take for none',
    async content => {
      await expect(readPki(await pki({ 'cacert.pem': content }), true)).rejects.toMatchObject({
        code: 'HYPERVISOR_DENIED',
        message: expect.stringContaining('cacert.pem'),
      });
    },
  );

  it('names a file that cannot be read', async () => {
    const paths = await pki({});
    await mkdir(paths.authority);
    await expect(readPki(paths, true)).rejects.toMatchObject({
      code: 'HYPERVISOR_DENIED',
      message: expect.stringContaining(paths.authority),
    });
  });
});
