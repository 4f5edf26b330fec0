/** The unix socket under an RPC connection. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { BallonetError, errorMessage, systemCode } from '../../model/errors.ts';

/**
 * Connects to the first of `paths` that answers. A socket file that is missing, or that nothing listens on, passes the turn
 * to the next.
 *
 * @throws BallonetError HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT
 */
export async function connectUnix(paths: readonly string[], timeoutMs: number): Promise<Duplex> {
  const failures: unknown[] = [];
  for (const path of paths) {
    try {
      return await connectOne(path, timeoutMs);
    } catch (error) {
      failures.push(error);
      if (!['ENOENT', 'ECONNREFUSED'].includes(systemCode(error))) throw explain(path, error);
    }
  }
  // A socket that refuses says more than one that is not there.
  const refused = failures.findIndex(error => systemCode(error) === 'ECONNREFUSED');
  if (refused >= 0) throw explain(paths[refused] ?? '', failures[refused]);
  throw new BallonetError(
    'HYPERVISOR_UNREACHABLE',
    `libvirt is not there: no socket at ${paths.join(' or ')}`,
    { cause: failures[0] },
  );
}

function connectOne(path: string, timeoutMs: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(
        new BallonetError(
          'HYPERVISOR_TIMEOUT',
          `libvirt did not accept a connection at ${path} within ${timeoutMs / 1000} s`,
        ),
      );
    }, timeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', error => {
      clearTimeout(timer);
      reject(error);
    });
  });
}

function explain(path: string, error: unknown): BallonetError {
  if (error instanceof BallonetError) return error;
  const code = systemCode(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return new BallonetError(
      'HYPERVISOR_DENIED',
      `no permission for libvirt's socket ${path}: run as root or as a member of the group libvirt`,
      { cause: error },
    );
  }
  const why = code === 'ECONNREFUSED' ? 'nothing listens on it (is libvirtd running?)' : errorMessage(error);
  return new BallonetError('HYPERVISOR_UNREACHABLE', `cannot connect to libvirt at ${path}: ${why}`, {
    cause: error,
  });
}
