/** The unix socket under a QMP connection. */
import { connect, type Socket } from 'node:net';
import { BallonetError, errorMessage } from '../../model/errors.ts';

/** Why a QMP socket may take a connection and then say nothing. */
const ONE_CLIENT_HINT =
  'a QMP socket serves one client at a time: libvirt or another program may be on it (give Ballonet a -qmp socket of its own), or QEMU hangs';

/**
 * Connects to a QMP socket.
 *
 * @throws BallonetError HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT
 */
export function openSocket(path: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(timedOut(path, `it took no connection within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      reject(explain(path, error));
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

/** @returns HYPERVISOR_TIMEOUT with the usual cause */
export function timedOut(path: string, what: string, cause?: unknown): BallonetError {
  return new BallonetError('HYPERVISOR_TIMEOUT', `QEMU at ${path}: ${what}; ${ONE_CLIENT_HINT}`, { cause });
}

function explain(path: string, error: Error): BallonetError {
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new BallonetError(
        'HYPERVISOR_DENIED',
        `no permission for the QMP socket ${path}: run as the user that QEMU runs as, or as root`,
        { cause: error },
      );
    // The queue of a unix socket whose owner accepts nobody is full (unix(7)).
    case 'EAGAIN':
      return timedOut(path, 'its queue of waiting clients is full', error);
    case 'ECONNREFUSED':
      return unreachable(path, 'no QEMU listens on it', error);
    case 'ENOENT':
      return unreachable(path, 'there is no such socket', error);
    default:
      return unreachable(path, errorMessage(error), error);
  }
}

function unreachable(path: string, why: string, cause: Error): BallonetError {
  return new BallonetError('HYPERVISOR_UNREACHABLE', `cannot connect to QEMU at ${path}: ${why}`, { cause });
}
