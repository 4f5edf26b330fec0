/** Where the API is to be reached: its socket, and an address in the clear or behind TLS. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Tokens } from '../../api/access.ts';
import { type Address, formatAddress, isLoopback } from '../../api/address.ts';
import type { Api, ApiServer } from '../../api/server.ts';
import { listenAt } from '../../hypervisor/server/socket.ts';
import { BallonetError, errorMessage } from '../../model/errors.ts';
import type { ApiOptions, TlsFiles } from './api-options.ts';
import type { Daemon } from './context.ts';
import { type Expiries, readTls } from './tls.ts';
import { readTokens } from './tokens.ts';

type Told = Pick<Daemon, 'log' | 'notices'> & {
  /** Of the certificates in use, at the start and whenever others are taken up. */
  readonly onCertificates: (expiries: Expiries) => void;
};

/**
 * @returns what is to be called at the end
 * @throws BallonetError CONFIG_INVALID, SOCKET_UNAVAILABLE
 */
export async function openDoors(
  api: Api,
  { socket, isDefault, listen, tokens, tls }: ApiOptions,
  told: Told,
): Promise<() => void> {
  const { log } = told;
  if (socket === undefined) {
    log.warn('there is no folder for the socket of the API: give --socket PATH');
  } else {
    if (isDefault) makeFolder(dirname(socket));
    await api.openSocket(server => listenAt(server, socket, 'group'));
    log.info({ socket }, 'the API listens');
  }
  if (listen === undefined) {
    const [flag] = Object.entries(flagsOf(tls)).flatMap(([flag, given]) => (given ? [flag] : []));
    if (flag === undefined) return () => {};
    throw new BallonetError('CONFIG_INVALID', `${flag} is for a TCP address: give --listen too`);
  }
  return openAddress(api, listen, readTokens(tokens), tls, told);
}

async function openAddress(
  api: Api,
  listen: Address,
  tokens: Tokens,
  files: TlsFiles,
  { log, notices, onCertificates }: Told,
): Promise<() => void> {
  const address = formatAddress(listen);
  const tls = readTls(files);
  requireSafe(listen, tokens, tls);
  const bind = (server: ApiServer): Promise<void> => listenTcp(server, listen);
  if (tls === undefined) {
    await api.openTcp(listen, tokens, bind);
    log.info({ listen: address }, 'the API listens');
    return () => {};
  }
  const renew = await api.openTls(listen, tokens, tls, bind);
  onCertificates(tls.expiries);
  log.info({ listen: address, tls: true, until: tls.until }, 'the API listens');
  const onSignal = (): void => {
    try {
      const next = readTls(files);
      if (next === undefined) return;
      renew(next.context);
      onCertificates(next.expiries);
      notices.next({ type: 'CERTIFICATE_RELOADED', fields: { listen: address, until: next.until } });
    } catch (error) {
      const fields = { listen: address, problem: errorMessage(error) };
      notices.next({ type: 'CERTIFICATE_REFUSED', fields });
    }
  };
  process.on('SIGHUP', onSignal);
  return () => process.off('SIGHUP', onSignal);
}

/** @throws BallonetError CONFIG_INVALID for an address that other machines reach, without TLS or without a way to tell who comes */
function requireSafe(listen: Address, tokens: Tokens, tls: ReturnType<typeof readTls>): void {
  if (isLoopback(listen.host)) return;
  const isKnown = tokens.read !== undefined || tokens.write !== undefined || tls?.clients !== undefined;
  const wants = [
    ...(tls === undefined ? ['--tls-cert and --tls-key'] : []),
    ...(isKnown ? [] : ['--tls-client-ca, --token-file or --read-token-file']),
  ];
  if (wants.length === 0) return;
  throw new BallonetError(
    'CONFIG_INVALID',
    `--listen ${formatAddress(listen)} can be reached from other machines: give ${wants.join(', and ')} too, or listen at 127.0.0.1`,
  );
}

function flagsOf({ certificate, key, clientAuthority, readers, writers }: TlsFiles) {
  return {
    '--tls-cert': certificate !== undefined,
    '--tls-key': key !== undefined,
    '--tls-client-ca': clientAuthority !== undefined,
    '--tls-read': readers.length > 0,
    '--tls-write': writers.length > 0,
  };
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (cause) {
    const message = `cannot make the folder for the socket of the API: ${errorMessage(cause)}; give --socket PATH`;
    throw new BallonetError('SOCKET_UNAVAILABLE', message, { cause });
  }
}

async function listenTcp(server: ApiServer, address: Address): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const fail = (cause: Error): void =>
      reject(
        new BallonetError(
          'SOCKET_UNAVAILABLE',
          `cannot listen at ${formatAddress(address)}: ${cause.message}`,
          { cause },
        ),
      );
    server.once('error', fail);
    server.listen(address.port, address.host, () => {
      server.off('error', fail);
      resolve();
    });
  });
}
