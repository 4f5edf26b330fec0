import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkConfig, checkPolicies } from './check.ts';
import type { Streams } from './output.ts';
import { hostPolicyFiles } from './policy-files.ts';

const HOST = 'apiVersion: ballonet/v1\nkind: HostPolicy\nmetadata: {name: host}\nspec: {}\n';
const GUEST = 'apiVersion: ballonet/v1\nkind: GuestPolicy\nmetadata: {name: guest}\nspec: {match: {}}\n';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ballonet-check-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function check(...paths: string[]) {
  return checkWith(false, ...paths);
}

function checkWith(lintFatal: boolean, ...paths: string[]) {
  return told(streams => checkPolicies(paths, hostPolicyFiles, streams, { now: 1.7e9, lintFatal }));
}

function told(verb: (streams: Streams) => number) {
  const printed = { out: '', err: '' };
  const code = verb({
    out: text => {
      printed.out += text.replaceAll(folder, 'DIR');
    },
    err: text => {
      printed.err += text.replaceAll(folder, 'DIR');
    },
  });
  return { code, ...printed };
}

describe('checkConfig', () => {
  const checkIt = (spec: string, host = HOST) => {
    const file = join(folder, 'ballonet.yaml');
    writeFileSync(file, `apiVersion: ballonet/v1\nkind: Config\nspec: ${spec}\n`);
    writeFileSync(join(folder, 'host.yaml'), host);
    return told(streams => checkConfig(file, hostPolicyFiles, streams, { now: 1.7e9, lintFatal: false }));
  };

  it('checks the policies that a configuration names, from the folder that it is in', () => {
    expect(checkIt('{policies: [host.yaml]}')).toEqual({
      code: 0,
      out: 'DIR/ballonet.yaml: ok\nDIR/host.yaml: ok (1 host policy, 0 guest policies)\n',
      err: '',
    });
    expect(checkIt('{policies: [host.yaml]}', HOST.replace('v1', 'v0')).code).toBe(1);
  });

  it('says what is wrong with a configuration, and leaves its policies until that is mended', () => {
    const { code, out, err } = checkIt('{polices: [host.yaml]}');
    expect([code, out]).toEqual([1, 'DIR/ballonet.yaml: 1 error\n']);
    expect(err).toMatch(/^DIR\/ballonet\.yaml:3:8: error POLICY_UNKNOWN_FIELD/);
  });
});

describe('checkPolicies', () => {
  it('says of each file what it holds', () => {
    writeFileSync(join(folder, '1.yaml'), HOST);
    writeFileSync(
      join(folder, '2.yaml'),
      `${GUEST}---\n${GUEST.replace('name: guest', 'name: b').replace('{match', '{precedence: 200, exclude: {name: [a]}, match')}`,
    );

    expect(check(folder)).toEqual({
      code: 0,
      out: 'DIR/1.yaml: ok (1 host policy, 0 guest policies)\nDIR/2.yaml: ok (0 host policies, 2 guest policies)\n',
      err: '',
    });
  });

  it('prints what is wrong on stderr and returns 1', () => {
    writeFileSync(join(folder, '1.yaml'), HOST.replace('{}', '{intervall: 1s}'));
    writeFileSync(join(folder, '2.yaml'), GUEST);

    expect(check(folder)).toEqual({
      code: 1,
      out: 'DIR/1.yaml: 1 error\nDIR/2.yaml: ok by itself, but the set is refused\n',
      err: [
        "DIR/1.yaml:4:8: error POLICY_UNKNOWN_FIELD: spec has no field 'intervall'",
        '  spec: {intervall: 1s}',
        '         ^~~~~~~~~',
        "  hint: did you mean 'interval'?",
        '',
      ].join('\n'),
    });
  });

  it('returns 1 for a path that does not exist', () => {
    const { code, err } = check(join(folder, 'none.yaml'));

    expect(code).toBe(1);
    expect(err).toContain('DIR/none.yaml:1:1: error POLICY_UNREADABLE');
  });

  it('checks test files that are named, with the policies that they name, and leaves those of a folder out', () => {
    const test = `apiVersion: ballonet/v1\nkind: PolicyTest\nmetadata: {name: test}\npolicies: [1.yaml]\nhost: {memory: 64GiB}\nexpect: [{at: 0s, level: none}]\n`;
    writeFileSync(join(folder, '1.yaml'), HOST);
    writeFileSync(join(folder, '1.test.yaml'), test);
    writeFileSync(join(folder, '2.test.yaml'), test.replace('level: none', 'level: nne'));

    expect(check(folder)).toMatchObject({ code: 0, err: '' });
    expect(check(join(folder, '1.test.yaml'))).toEqual({
      code: 0,
      out: 'DIR/1.test.yaml: ok (1 test)\n',
      err: '',
    });
    expect(check(folder, join(folder, '2.test.yaml'))).toEqual({
      code: 1,
      out: 'DIR/1.yaml: ok (1 host policy, 0 guest policies)\nDIR/2.test.yaml: 1 error\n',
      err: [
        "DIR/2.test.yaml:6:26: error POLICY_LEVEL: the host policy has no pressure level 'nne'",
        '  expect: [{at: 0s, level: nne}]',
        '                           ^~~',
        "  hint: did you mean 'none'?",
        '',
      ].join('\n'),
    });

    writeFileSync(join(folder, '1.yaml'), HOST.replace('{}', '{mode: enforced}'));

    expect(check(join(folder, '1.test.yaml'))).toMatchObject({
      code: 1,
      out: 'DIR/1.test.yaml: ok by itself, but its policies are refused\n',
    });
  });

  it('does not wait for a pipe, and does not read a large file to its end', () => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe.yaml')]);
    writeFileSync(join(folder, 'large.yaml'), Buffer.alloc(10 * 1024 ** 2, 'a'));
    mkdirSync(join(folder, 'folder.yaml'));
    const start = performance.now();

    const { err } = check(folder);

    expect(err).toContain('large.yaml:1:1: error POLICY_LIMIT');
    expect(err).toContain('pipe.yaml:1:1: error POLICY_UNREADABLE');
    expect(err).not.toContain('folder.yaml');
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('warns of what is probably not meant, and fails for it only when asked to', () => {
    const level = 'pressure: [{name: soft, when: host.available_ratio < 0.2}]';
    writeFileSync(join(folder, '1.yaml'), `${HOST.replace('{}', `{${level}}`)}---\n${GUEST}`);

    const lenient = check(folder);
    expect(lenient).toMatchObject({ code: 0, out: 'DIR/1.yaml: ok (1 host policy, 1 guest policy)\n' });
    expect(lenient.err).toContain('DIR/1.yaml:8:12: warning LINT_NO_VETO');
    expect(checkWith(true, folder).code).toBe(3);
  });

  it('does not fail for warnings where there are none, and fails for errors first', () => {
    writeFileSync(join(folder, '1.yaml'), `${HOST}---\n${GUEST}`);
    expect(checkWith(true, folder).code).toBe(0);

    writeFileSync(join(folder, '2.yaml'), 'nothing');
    expect(checkWith(true, folder).code).toBe(1);
  });
});
