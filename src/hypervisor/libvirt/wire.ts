/**
 * Numbers of libvirt's RPC protocol, and the header that every message begins with. All integers are big endian.
 * Source: libvirt 9.0.0, docs/kbase/internals/rpc.rst and src/rpc/virnetprotocol.x, src/rpc/virkeepaliveprotocol.x.
 */
import { MiB } from '../../model/units.ts';

export const REMOTE_PROGRAM = 0x2000_8086;
export const KEEPALIVE_PROGRAM = 0x6b65_6570;
/** Both programs are at version 1. */
export const PROGRAM_VERSION = 1;

export const MESSAGE_TYPE = { call: 0, reply: 1, message: 2 } as const;
export const MESSAGE_STATUS = { ok: 0, error: 1, continue: 2 } as const;
export const KEEPALIVE = { ping: 1, pong: 2 } as const;

/** Length word plus six header words. */
export const HEADER_BYTES = 28;
/** `VIR_NET_MESSAGE_MAX` and the length word, which counts itself. */
export const MESSAGE_MAX_BYTES = 32 * MiB + 4;

export interface MessageHeader {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
  readonly type: number;
  readonly serial: number;
  readonly status: number;
}

/** Reads the header of a whole message; the length word has been checked by the framing. */
export function readHeader(message: Buffer): MessageHeader {
  return {
    program: message.readUInt32BE(4),
    version: message.readUInt32BE(8),
    procedure: message.readInt32BE(12),
    type: message.readUInt32BE(16),
    serial: message.readUInt32BE(20),
    status: message.readUInt32BE(24),
  };
}

/** Fills the first `HEADER_BYTES` of a message whose payload is already in place. */
export function writeHeader(message: Buffer, header: MessageHeader): void {
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(header.program, 4);
  message.writeUInt32BE(header.version, 8);
  message.writeInt32BE(header.procedure, 12);
  message.writeUInt32BE(header.type, 16);
  message.writeUInt32BE(header.serial, 20);
  message.writeUInt32BE(header.status, 24);
}
