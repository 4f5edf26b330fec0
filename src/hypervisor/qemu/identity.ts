/** Who a QEMU is: the name and the uuid that it was given, or ones that are made for it. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { uuidText } from '../uuid.ts';
import { queryName, queryUuid } from './commands.ts';
import type { QmpSession } from './session.ts';
import { SOCKET_SUFFIX } from './uri.ts';

export interface Identity {
  readonly name: string;
  readonly uuid: string;
}

const NO_UUID = '00000000-0000-0000-0000-000000000000';

/** The namespace of uuids that are made from names (RFC 9562, 5.5); any will do that stays the same. */
const NAMESPACE = Buffer.from('5d0b7e1c9c4f4c3ab1a06a1f2f3e8d47', 'hex');

/**
 * Asks QEMU who it is. Without `-name` it goes by the file name of its socket; without `-uuid` its uuid is made from its name,
 * so that it stays the same over restarts.
 *
 * @throws BallonetError HYPERVISOR_*, PROTOCOL
 */
export async function identify(session: QmpSession, socketPath: string): Promise<Identity> {
  const [given, uuid] = await Promise.all([session.call(queryName()), session.call(queryUuid())]);
  // Neither a line of a log nor XML can hold control characters.
  const name = (given ?? '').replace(/\p{Cc}/gu, '').trim() || basename(socketPath, SOCKET_SUFFIX);
  return { name, uuid: uuid === NO_UUID ? uuidFromName(name) : uuid };
}

/** A uuid of version 5. */
export function uuidFromName(name: string): string {
  const hash = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return uuidText(hash.toString('hex'));
}
