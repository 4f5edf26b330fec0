/**
 * Over TLS. Inside it, before any RPC, libvirtd sends one byte: 1 says that it takes the client's certificate.
 * Source: libvirt 9.0.0, src/rpc/virnetserverclient.c, src/rpc/virnetclient.c.
 */
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { BallonetError, errorMessage, systemCode } from '../../model/errors.ts';
import type { Pki } from './pki.ts';
import type { TlsTarget } from './uri.ts';

const ACCEPTED = 1;

/**
 * Connects, verifies the server's certificate and that it is for this host, and waits for the byte.
 *
 * @throws BallonetError HYPERVISOR_DENIED when one side does not take the other's certificate, HYPERVISOR_UNREACHABLE,
 *   HYPERVISOR_TIMEOUT
 */
export function connectTls(target: TlsTarget, pki: Pki, timeoutMs: number): Promise<Duplex> {
  const { host, port, verify } = target;
  const where = `${host} port ${port}`;
  return new Promise((resolve, reject) => {
    let secure = false;
    const fail = (error: BallonetError): void => {
      clearTimeout(timer);
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    let socket: TLSSocket;
    try {
      socket = connect({
        host,
        port,
        // RFC 6066: a name, never an address; addresses are held against the certificate all the same.
        servername: isIP(host) === 0 ? host : '',
        rejectUnauthorized: verify,
        minVersion: 'TLSv1.2',
        ca: pki.authority,
        crl: pki.revoked,
        cert: pki.certificate,
        key: pki.key,
      });
    } catch (error) {
      // A certificate or key that OpenSSL cannot use.
      reject(
        new BallonetError('HYPERVISOR_DENIED', `the certificates cannot be used: ${errorMessage(error)}`, {
          cause: error,
        }),
      );
      return;
    }
    const timer = setTimeout(() => {
      fail(
        new BallonetError(
          'HYPERVISOR_TIMEOUT',
          `libvirt at ${where} did not finish the TLS handshake within ${timeoutMs / 1000} s`,
        ),
      );
    }, timeoutMs);
    socket.setNoDelay(true);
    socket.once('secureConnect', () => {
      secure = true;
    });
    const onError = (error: Error): void => fail(explain(error, where, secure, socket));
    const onClose = (): void => fail(closed(where, secure));
    socket.once('error', onError);
    socket.once('close', onClose);
    socket.once('end', onClose);
    socket.on('readable', function onReadable(): void {
      const verdict: unknown = socket.read(1);
      if (!Buffer.isBuffer(verdict)) return;
      if (verdict[0] !== ACCEPTED) {
        fail(denied(`libvirt at ${where} refused this client's certificate (it said ${verdict[0]})`));
        return;
      }
      clearTimeout(timer);
      socket.off('readable', onReadable).off('error', onError).off('close', onClose).off('end', onClose);
      writeEachMessageAlone(socket);
      resolve(socket);
    });
  });
}

/**
 * libvirtd takes one message from a TLS record and then waits for the socket, whatever else the record holds: the rest lies
 * in the memory of GnuTLS until more bytes come, such as the next ping. So Node must not gather waiting writes into one
 * record, as it does by the stream's `_writev`. Seen with libvirt 9.0.0: the pipelined calls of a login took 5 s.
 */
function writeEachMessageAlone(socket: TLSSocket): void {
  Object.assign(socket, { _writev: null });
}

function explain(error: Error, where: string, secure: boolean, socket: TLSSocket): BallonetError {
  const code = systemCode(error);
  const why = code === '' || error.message.includes(code) ? error.message : `${error.message} (${code})`;
  // Set before the handshake is given up because of the certificate; the types do not know the time before that.
  const distrust: unknown = socket.authorizationError;
  if (distrust !== undefined && distrust !== null)
    return denied(`the certificate of ${where} is not trusted: ${why}`, error);
  // With TLS 1.3 the server looks at the client's certificate after the client has finished.
  if (secure || code.includes('ALERT'))
    return denied(`libvirt at ${where} refused this client's certificate, or its lack: ${why}`, error);
  return new BallonetError('HYPERVISOR_UNREACHABLE', `no TLS connection to libvirt at ${where}: ${why}`, {
    cause: error,
  });
}

function closed(where: string, secure: boolean): BallonetError {
  return secure
    ? denied(`libvirt at ${where} closed the connection: it refused this client's certificate, or its lack`)
    : new BallonetError('HYPERVISOR_UNREACHABLE', `${where} closed the connection within the TLS handshake`);
}

function denied(message: string, cause?: unknown): BallonetError {
  return new BallonetError('HYPERVISOR_DENIED', message, { cause });
}
