import { describe, expect, it } from 'vitest';
import { filesOf } from '../../simulator/testing.ts';
import { loadConfig, requireConfig } from './load.ts';

const HEAD = 'apiVersion: ballonet/v1\nkind: Config\n';

function load(text: string) {
  return loadConfig('/etc/ballonet/ballonet.yaml', filesOf({ '/etc/ballonet/ballonet.yaml': text }));
}

function findings(text: string) {
  return load(text).diagnostics.map(({ code, line, column }) => [code, line, column]);
}

describe('a configuration file', () => {
  it('has its paths from the folder that it is in, and everything else as it is written', () => {
    const { config, diagnostics } = load(`${HEAD}spec:
  connect: qemu:///system
  policies: [policies, /srv/more.yaml]
  shadows: [../dense.yaml]
  listen: 127.0.0.1:9180
  tls: {cert: a.pem, read: ['*']}
`);
    expect(diagnostics).toEqual([]);
    expect(config).toEqual({
      connect: 'qemu:///system',
      policies: ['/etc/ballonet/policies', '/srv/more.yaml'],
      shadows: ['/etc/dense.yaml'],
      listen: '127.0.0.1:9180',
      tls: { cert: '/etc/ballonet/a.pem', read: ['*'] },
    });
  });

  it.each([
    ['a field that there is not', `${HEAD}spec: {polices: [a]}\n`, ['POLICY_UNKNOWN_FIELD', 3, 8]],
    ['a text for a list', `${HEAD}spec: {policies: a}\n`, ['POLICY_TYPE', 3, 18]],
    ['an address that is none', `${HEAD}spec: {listen: localhost}\n`, ['POLICY_RANGE', 3, 16]],
    ['a level that there is not', `${HEAD}spec: {logLevel: loud}\n`, ['POLICY_RANGE', 3, 18]],
    ['no spec', HEAD, ['POLICY_MISSING', 1, 1]],
    ['no document', '# nothing\n', ['POLICY_KIND', 1, 1]],
    ['two documents', `${HEAD}spec: {}\n---\n${HEAD}spec: {}\n`, ['POLICY_KIND', 5, 1]],
    ['what is no YAML', 'a: [', ['POLICY_YAML', 1, 5]],
  ] as const)('is refused for %s, with its place', (_, text, finding) => {
    expect(findings(text)).toEqual([finding]);
  });

  it.each([
    ['ballonet/v0', 'older', 'write ballonet/v1'],
    ['ballonet/v1beta1', 'older', 'write ballonet/v1'],
    ['ballonet/v2', 'newer', 'upgrade'],
    ['1', 'no version', 'write ballonet/v1'],
  ])('of version %s is refused by its version alone, with what to do', (version, why, hint) => {
    const { diagnostics } = load(`apiVersion: ${version}\nkind: Config\nsettings: {poll: 5}\n`);
    expect(diagnostics).toEqual([
      expect.objectContaining({
        code: 'POLICY_KIND',
        line: 1,
        message: expect.stringContaining(why),
        hint: expect.stringContaining(hint),
      }),
    ]);
  });

  it('that is not there is an error of the configuration', () => {
    expect(() => requireConfig(loadConfig('/gone.yaml', filesOf({})))).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', cause: expect.anything() }),
    );
  });
});
