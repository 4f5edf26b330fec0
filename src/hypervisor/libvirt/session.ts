/** From a connected stream to a connection that takes calls: login, keepalive, open, events. */
import type { Duplex } from 'node:stream';
import { BallonetError, isBallonetError } from '../../model/errors.ts';
import type { HypervisorEvent } from '../driver.ts';
import type { ConnectionOptions } from './connection.ts';
import { RpcConnection } from './connection.ts';
import { EVENTS, readEvent } from './events.ts';
import { AUTH, FEATURE, PROCEDURE } from './numbers.ts';
import * as procedures from './procedures.ts';
import { LIBVIRT_ERROR } from './remote-error.ts';
import { logInBySasl } from './sasl.ts';
import type { Credentials } from './sasl-auth-file.ts';
import type { XdrReader } from './xdr.ts';

/** Where events go. */
export interface EventSink {
  event(event: HypervisorEvent): void;
  /** A message that was well-formed and could not be used. */
  warning(error: BallonetError): void;
  /** This driver has no such event (`virDomainEventID`). */
  missing(eventId: number): void;
}

export interface SessionOptions extends ConnectionOptions {
  readonly openUri: string;
  readonly readOnly: boolean;
  /** Asked only when libvirt wants a password. */
  readonly credentials: () => Promise<Credentials>;
  /** For everything up to the first ordinary call. */
  readonly handshakeTimeoutMs: number;
  readonly keepaliveIntervalMs: number;
  readonly keepaliveCount: number;
  /** Left out: no events are registered. */
  readonly sink?: EventSink;
}

/**
 * Logs in on a connected stream, which it takes over; it is closed when that fails.
 *
 * @throws BallonetError HYPERVISOR_DENIED, HYPERVISOR_UNREACHABLE, HYPERVISOR_TIMEOUT, HYPERVISOR_CLOSED, PROTOCOL,
 *   OPERATION_UNSUPPORTED (a libvirt without callback events, before 1.3.3)
 */
export async function openSession(stream: Duplex, options: SessionOptions): Promise<RpcConnection> {
  const connection = new RpcConnection(stream, options);
  const timer = setTimeout(() => {
    const seconds = options.handshakeTimeoutMs / 1000;
    connection.fail(
      new BallonetError('HYPERVISOR_TIMEOUT', `libvirt did not finish the login within ${seconds} s`),
    );
  }, options.handshakeTimeoutMs);
  try {
    await logIn(connection, options.credentials);
    // The server answers the keepalive feature before CONNECT_OPEN, and begins to ping with it.
    if (await connection.call(procedures.supportsFeature(FEATURE.keepalive))) {
      connection.startKeepalive(options.keepaliveIntervalMs, options.keepaliveCount);
    }
    await connection.call(procedures.open(options.openUri, options.readOnly));
    if (options.sink) await registerEvents(connection, options.sink);
    return connection;
  } catch (error) {
    connection.fail(new BallonetError('HYPERVISOR_CLOSED', 'the login failed', { cause: error }));
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** AUTH_LIST comes first always: the server lets root pass polkit only in answering it. */
async function logIn(connection: RpcConnection, credentials: () => Promise<Credentials>): Promise<void> {
  const types = await connection.call(procedures.authList());
  if (types.length === 0 || types.includes(AUTH.none)) return;
  if (types.includes(AUTH.polkit)) {
    await connection.call(procedures.authPolkit());
    return;
  }
  if (types.includes(AUTH.sasl)) {
    await logInBySasl(connection, credentials);
    return;
  }
  throw new BallonetError(
    'HYPERVISOR_DENIED',
    `libvirt asks for a login of type ${types.join(', ')}, which is not known`,
  );
}

async function registerEvents(connection: RpcConnection, sink: EventSink): Promise<void> {
  if (!(await connection.call(procedures.supportsFeature(FEATURE.eventCallback)))) {
    throw new BallonetError(
      'OPERATION_UNSUPPORTED',
      'this libvirt has no callback events; it is older than 1.3.3',
    );
  }
  const callbackIds = new Set<number>();
  let registering = true;
  connection.onEvent((procedure, reader) => {
    if (procedure === PROCEDURE.eventConnectionClosed) {
      connection.fail(driverClosed(reader));
      return;
    }
    const read = readEvent(procedure, reader);
    // An event may overtake the reply that tells its callback's id.
    if (!read || (!registering && !callbackIds.has(read.callbackId))) return;
    if ('event' in read) sink.event(read.event);
    else sink.warning(read.problem);
  });
  await Promise.all([
    ...EVENTS.map(async ({ id }) => {
      const callbackId = await unlessUnsupported(connection.call(procedures.registerEvent(id)));
      if (callbackId === undefined) sink.missing(id);
      else callbackIds.add(callbackId);
    }),
    registerClose(connection),
  ]);
  registering = false;
}

/** A proxy daemon (virtproxyd) outlives the driver's daemon behind it and tells its end by this event only. */
async function registerClose(connection: RpcConnection): Promise<void> {
  if (await connection.call(procedures.supportsFeature(FEATURE.closeCallback))) {
    await unlessUnsupported(connection.call(procedures.registerCloseCallback()));
  }
}

function driverClosed(reader: XdrReader): BallonetError {
  const reason = reader.i32();
  reader.end();
  return new BallonetError(
    'HYPERVISOR_CLOSED',
    `libvirt lost its connection to the hypervisor's daemon (reason ${reason})`,
  );
}

/** Not every driver has every event. */
async function unlessUnsupported<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (isBallonetError(error, 'OPERATION_UNSUPPORTED') && error.hypervisorCode === LIBVIRT_ERROR.noSupport)
      return undefined;
    throw error;
  }
}
