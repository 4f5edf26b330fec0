import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { findCredentials, parseAuthFile, readCredentials } from './sasl-auth-file.ts';

const HINT = { host: 'h.example', user: undefined, authFile: undefined };

const FILE = `# who may log in
  # and where
[credentials-prod]\t
  authname = fred
password=first
password= with blanks = and #signs 

[credentials-escaped]
authname=fred
password=\\s a\\\\b\\tc\\q;\\

[credentials-acting]
authname=fred
username=boss
password=x

[credentials-nameless]
password=y

[credentials-empty]
authname=fred

[auth-libvirt-h.example]
credentials=prod

[auth-libvirt-escaped.example]
credentials=escaped
[auth-libvirt-acting.example]
credentials=acting
[auth-libvirt-nameless.example]
credentials=nameless
[auth-libvirt-empty.example]
credentials=empty
[auth-libvirt-lost.example]
credentials=nowhere
[auth-libvirt-bare.example]
`;

function credentialsOf(host: string, user?: string, text = FILE): unknown {
  return findCredentials(parseAuthFile(text, 'F'), 'F', { ...HINT, host, user });
}

describe('an auth file', () => {
  it('gives a host’s credentials with the last password, without the blanks before it only', () => {
    expect(credentialsOf('h.example')).toEqual({
      authName: 'fred',
      password: 'with blanks = and #signs ',
    });
  });

  it('takes the escapes of GLib, and a backslash before anything else as it stands', () => {
    expect(credentialsOf('escaped.example')).toMatchObject({ password: '  a\\b\tc\\q;\\' });
  });

  it('may have a group in two parts', () => {
    const text = `[credentials-a]\nauthname=u\n[auth-libvirt-default]\ncredentials=a\n[credentials-a]\npassword=x`;
    expect(credentialsOf('any.example', undefined, text)).toEqual({ authName: 'u', password: 'x' });
  });

  it('is read with either line end, and without one at its end', () => {
    for (const end of ['\n', '\r\n']) {
      const text = FILE.trimEnd().replaceAll('\n', end);
      expect(credentialsOf('h.example', undefined, text)).toEqual(credentialsOf('h.example'));
    }
  });

  it('gives the user name to act as where it is another', () => {
    expect(credentialsOf('acting.example')).toMatchObject({ authName: 'fred', actAs: 'boss' });
  });

  it('takes the user name for the one to log in with where there is no other', () => {
    const text = '[credentials-a]\nusername=fred\npassword=x\n[auth-libvirt-default]\ncredentials=a';
    expect(credentialsOf('any.example', undefined, text)).toEqual({ authName: 'fred', password: 'x' });
  });

  it('takes the name from the URI where the file has none, and none that differs', () => {
    expect(credentialsOf('nameless.example', 'fred')).toEqual({ authName: 'fred', password: 'y' });
    expect(credentialsOf('h.example', 'fred')).toMatchObject({ authName: 'fred' });
    expect(() => credentialsOf('h.example', 'anna')).toThrow(/'anna'.*'fred'/);
  });

  it.each([
    ['other.example', /auth-libvirt-other\.example/],
    ['bare.example', /'credentials'/],
    ['lost.example', /credentials-nowhere/],
    ['empty.example', /password/],
    ['nameless.example', /authname/],
  ])('has no credentials for %s, and says what is missing', (host, what) => {
    expect(() => credentialsOf(host)).toThrow(expect.objectContaining({ code: 'HYPERVISOR_DENIED' }));
    expect(() => credentialsOf(host)).toThrow(what);
  });

  it.each([
    ['password=secret', 1],
    ['[a]\npass word=secret', 2],
    ['[a]\n;secret', 2],
    ['[a]\n=secret', 2],
    ['[a]\npassword=\uFFFDsecret', 2],
    ['[a]\n[a] secret', 2],
    ['[secret', 1],
    ['secret', 1],
  ])('%j is refused with its line, which is not repeated', (text, line) => {
    const parse = (): unknown => parseAuthFile(text, 'F');
    expect(parse).toThrow(expect.objectContaining({ code: 'HYPERVISOR_DENIED' }));
    expect(parse).toThrow(new RegExp(`^(?!.*secret).*line ${line} `, 's'));
  });

  it('is read or refused, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('[', ']', '=', '\n', '#', 'a', ' ', 'ä', '\\') }),
        text => {
          try {
            parseAuthFile(text, 'F');
          } catch (error) {
            expect(isBallonetError(error, 'HYPERVISOR_DENIED')).toBe(true);
          }
        },
      ),
    );
  });
});

describe('the place of the auth file', () => {
  async function folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'ballonet-auth-'));
    onTestFinished(() => rm(path, { recursive: true }));
    return path;
  }

  function content(user: string): string {
    return `[credentials-a]\nauthname=${user}\npassword=x\n[auth-libvirt-default]\ncredentials=a\n`;
  }

  it('is that of the environment, then that of the URI, then the user’s', async () => {
    const configDir = await folder();
    const places = { configDir, authFile: join(configDir, 'environment') };
    const hint = { ...HINT, authFile: join(configDir, 'uri') };
    await mkdir(join(configDir, 'libvirt'));
    for (const name of ['environment', 'uri', 'libvirt/auth.conf'])
      await writeFile(join(configDir, name), content(name));

    expect(await readCredentials(hint, places)).toMatchObject({ authName: 'environment' });
    expect(await readCredentials(hint, { configDir })).toMatchObject({ authName: 'uri' });
    expect(await readCredentials(HINT, { configDir })).toMatchObject({ authName: 'libvirt/auth.conf' });
  });

  it('is named when it cannot be read', async () => {
    const configDir = await folder();
    const authFile = join(configDir, 'missing');
    for (const call of [
      () => readCredentials({ ...HINT, authFile }, { configDir }),
      () => readCredentials(HINT, { configDir, authFile }),
    ]) {
      await expect(call()).rejects.toMatchObject({
        code: 'HYPERVISOR_DENIED',
        message: expect.stringContaining(authFile),
        cause: expect.objectContaining({ code: 'ENOENT' }),
      });
    }
  });
});
