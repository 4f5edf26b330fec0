import { BlockList, isIP, isIPv6 } from 'node:net';
import type { Parsed } from '../model/units.ts';

/** A TCP address to listen at. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Reads `127.0.0.1:9180` or `[::1]:9180`. Names are refused: what they stand for may change. */
export function parseAddress(text: string): Parsed<Address> {
  const match = /^(?:\[([0-9a-f:.]+)\]|(\d+\.\d+\.\d+\.\d+)):(\d{1,5})$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || isIP(host) === 0 || port > 65_535)
    return { problem: `'${text}' is not an address and port, such as 127.0.0.1:9180 or [::1]:9180` };
  return { value: { host, port } };
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** True when only this machine can reach the address. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

/** As it stands in a URL or in a Host header. */
export function formatAddress({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
