/** From where a URI leads to a byte stream that an RPC connection can begin on. */
import type { Duplex } from 'node:stream';
import { locatePki, readPki } from './pki.ts';
import type { Places } from './places.ts';
import { sshArguments, sshFailure } from './ssh.ts';
import { connectTls } from './tls.ts';
import { connectProcess } from './transport-process.ts';
import { connectUnix } from './transport-unix.ts';
import type { Target } from './uri.ts';

/**
 * Connects. What only shows once bytes flow, such as a login that ssh refuses, comes as the stream's error, a BallonetError too.
 *
 * @throws BallonetError HYPERVISOR_UNREACHABLE, HYPERVISOR_DENIED, HYPERVISOR_TIMEOUT
 */
export async function openTransport(target: Target, places: Places, timeoutMs: number): Promise<Duplex> {
  switch (target.kind) {
    case 'unix':
      return connectUnix(target.sockets, timeoutMs);
    case 'tls':
      return connectTls(target, await readPki(locatePki(target.pkiPath, places), target.verify), timeoutMs);
    case 'ssh':
      return connectProcess(target.command, sshArguments(target), sshFailure(target));
    case 'ext':
      break;
  }
  return connectProcess(target.command, [], () => undefined);
}
