/** Over ssh: virt-ssh-helper at the far end joins its standard input and output to libvirt's socket there. */
import { BallonetError } from '../../model/errors.ts';
import type { ExplainEnd } from './transport-process.ts';
import type { SshTarget } from './uri.ts';

/** A remote shell's words for a command that it does not find. */
const STATUS_NOT_FOUND = 127;

/** What ssh and sshd say when it is not the network that failed. Source: OpenSSH 9.2, sshconnect.c and sshconnect2.c. */
const REFUSALS =
  /permission denied|host key verification failed|identification has changed|authentication fail/i;

/**
 * The arguments of ssh, as libvirt has them, without its fallback to netcat. Keys, agents, known hosts and jump hosts are
 * those of ssh's own configuration. Source: libvirt 9.0.0, src/rpc/virnetsocket.c, `virNetSocketNewConnectSSH`.
 */
export function sshArguments(target: SshTarget): string[] {
  const { port, user, keyFile, verify, batch, host, remoteUri, readOnly } = target;
  const remote = ['virt-ssh-helper', ...(readOnly ? ['-r'] : []), remoteUri];
  return [
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(keyFile === undefined ? [] : ['-i', keyFile]),
    '-T',
    '-e',
    'none',
    ...(batch ? ['-o', 'BatchMode=yes'] : []),
    ...(verify ? [] : ['-o', 'StrictHostKeyChecking=no']),
    '--',
    host,
    remote.map(quoteForShell).join(' '),
  ];
}

/** sshd hands the command to the user's login shell; within single quotes, every shell takes a word as it is. */
export function quoteForShell(word: string): string {
  return /^[\w./:=+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Tells a login or host key that was refused from a host that was not reached, by what ssh says. */
export function sshFailure({ host }: SshTarget): ExplainEnd {
  return ({ how, status, said, answered }) => {
    const words = `ssh to ${host} ended with ${how}${said === '' ? '' : `: ${said}`}`;
    if (answered) return new BallonetError('HYPERVISOR_CLOSED', words);
    if (status === STATUS_NOT_FOUND) {
      const hint = 'the far end needs virt-ssh-helper, which comes with libvirt 6.8 and later';
      return new BallonetError('HYPERVISOR_UNREACHABLE', `${words} (${hint})`);
    }
    return new BallonetError(REFUSALS.test(said) ? 'HYPERVISOR_DENIED' : 'HYPERVISOR_UNREACHABLE', words);
  };
}
