/**
 * A libvirtd for tests: it speaks the wire protocol well enough for our client, virsh and python3-libvirt, and lets a test
 * take any call and any byte into its own hands.
 */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { FrameReader } from '../../src/hypervisor/libvirt/framing.ts';
import {
  HEADER_BYTES,
  KEEPALIVE,
  KEEPALIVE_PROGRAM,
  MESSAGE_STATUS,
  MESSAGE_TYPE,
  readHeader,
} from '../../src/hypervisor/libvirt/wire.ts';
import type { FakeCall, FakeManners } from './fake-answers.ts';
import { answer, errorPayload } from './fake-answers.ts';
import { FakeClient } from './fake-client.ts';
import { FakeHost } from './fake-host.ts';

export interface FakeOptions extends FakeManners {
  readonly path: string;
  readonly domains?: number;
}

export interface FakeDaemon {
  readonly host: FakeHost;
  /** Connections that are open, oldest first. */
  readonly clients: readonly FakeClient[];
  /** How many connections there have ever been. */
  readonly connections: number;
  /** Every call so far. */
  readonly calls: readonly FakeCall[];
  /** Sees each call first; true means that it has taken it. */
  intercept: (call: FakeCall) => boolean;
  /** Drops all clients and the socket. */
  close(): Promise<void>;
}

export async function startFakeDaemon(options: FakeOptions): Promise<FakeDaemon> {
  await rm(options.path, { force: true });
  const host = new FakeHost(options.domains ?? 1);
  const clients: FakeClient[] = [];
  const calls: FakeCall[] = [];
  let connections = 0;
  const server = createServer(socket => {
    const client = new FakeClient(socket);
    clients.push(client);
    connections += 1;
    const frames = new FrameReader();
    socket.on('error', () => {});
    socket.on('close', () => clients.splice(clients.indexOf(client), 1));
    socket.on('data', (chunk: Buffer) => frames.push(chunk, message => receive(client, message)));
  });

  function receive(client: FakeClient, message: Buffer): void {
    const { program, procedure, serial } = readHeader(message);
    if (program === KEEPALIVE_PROGRAM) {
      if (procedure === KEEPALIVE.pong) client.pongs += 1;
      else {
        client.pings += 1;
        if (client.answersPings) client.pong();
      }
      return;
    }
    client.unanswered += 1;
    client.mostUnanswered = Math.max(client.mostUnanswered, client.unanswered);
    const done = (status: number, payload: readonly Buffer[]): void => {
      client.unanswered -= 1;
      client.message(MESSAGE_TYPE.reply, procedure, serial, status, payload);
    };
    const call: FakeCall = {
      client,
      procedure,
      serial,
      payload: Buffer.from(message.subarray(HEADER_BYTES)),
      reply: (...payload) => done(MESSAGE_STATUS.ok, payload),
      refuse: (code, text) => done(MESSAGE_STATUS.error, [errorPayload(code, text)]),
      answer: () => answer(call, host, options),
    };
    calls.push(call);
    if (!daemon.intercept(call)) call.answer();
  }

  const daemon: FakeDaemon = {
    host,
    clients,
    calls,
    get connections() {
      return connections;
    },
    intercept: () => false,
    close: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const client of [...clients]) client.destroy();
      await closed;
    },
  };
  server.listen(options.path);
  await once(server, 'listening');
  return daemon;
}
