import { execFileSync } from 'node:child_process';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quoteForShell, sshArguments, sshFailure } from './ssh.ts';
import type { SshTarget } from './uri.ts';

const TARGET: SshTarget = {
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

describe('the command line of ssh', () => {
  it('asks for no terminal, no escapes, and virt-ssh-helper with the URI', () => {
    expect(sshArguments(TARGET)).toEqual(['-T', '-e', 'none', '--', 'h', 'virt-ssh-helper qemu:///system']);
  });

  it('has what the URI says', () => {
    const target = { ...TARGET, port: 22, user: 'u', keyFile: '/k', batch: true, verify: false };
    expect(sshArguments({ ...target, readOnly: true })).toEqual([
      ...['-p', '22', '-l', 'u', '-i', '/k', '-T', '-e', 'none'],
      ...['-o', 'BatchMode=yes', '-o', 'StrictHostKeyChecking=no'],
      ...['--', 'h', 'virt-ssh-helper -r qemu:///system'],
    ]);
  });

  it('gives every word to a shell as it is', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.string({ unit: fc.constantFrom("'", '"', '\\', '$', '`', ' ', ';', '\n', 'a', '*', 'ä') }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        words => {
          const script = `printf '%s\\0' ${words.map(quoteForShell).join(' ')}`;
          expect(execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' })).toBe(
            words.map(word => `${word}\0`).join(''),
          );
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('the end of ssh', () => {
  const explain = sshFailure(TARGET);
  const end = { command: 'ssh', how: 'exit status 255', status: 255, answered: false };

  it.each([
    ['root@h: Permission denied (publickey).', 'HYPERVISOR_DENIED'],
    ['Host key verification failed.', 'HYPERVISOR_DENIED'],
    ['Received disconnect from h port 22:2: Too many authentication failures', 'HYPERVISOR_DENIED'],
    ['ssh: connect to host h port 22: Connection refused', 'HYPERVISOR_UNREACHABLE'],
    ['', 'HYPERVISOR_UNREACHABLE'],
  ])('with %j before any answer means %s', (said, code) => {
    expect(explain({ ...end, said })).toMatchObject({ code, message: expect.stringContaining(said) });
  });

  it('after an answer is the loss of the connection', () => {
    expect(explain({ ...end, said: 'Permission denied', answered: true })?.code).toBe('HYPERVISOR_CLOSED');
  });

  it('says what is missing where virt-ssh-helper is not found', () => {
    expect(explain({ ...end, status: 127, said: 'not found' })).toMatchObject({
      code: 'HYPERVISOR_UNREACHABLE',
      message: expect.stringContaining('virt-ssh-helper'),
    });
  });
});
