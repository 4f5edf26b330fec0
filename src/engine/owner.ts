/** Who moves a guest's balloon, as said in the guest's own metadata. */
import { type Bytes, bytesToKib, kibToBytes, type Seconds } from '../model/units.ts';

/** Namespace of the element. The operator's tags have one of their own, for a namespace has one element in a domain. */
export const OWNER_NAMESPACE = 'urn:ballonet:owner:1';
export const OWNER_PREFIX = 'ballonet-owner';

export interface Owner {
  /** Of a state folder: a daemon that goes on with it is the same owner. */
  readonly id: string;
  /** For people who look for it. */
  readonly host: string;
  /** Unix time by the clock of its host. */
  readonly renewedAt: Seconds;
  /** Last size asked for; undefined when none was. */
  readonly targetBytes: Bytes | undefined;
}

/** The element without its namespace, which the hypervisor binds. */
export function ownerElement({ id, host, renewedAt, targetBytes }: Owner): string {
  const target = targetBytes === undefined ? '' : ` target-kib="${bytesToKib(targetBytes)}"`;
  const renewed = new Date(renewedAt * 1000).toISOString();
  return `<owner id="${id}" host="${host.replace(/[^\w.-]/g, '-')}" renewed="${renewed}"${target}/>`;
}

/** Reads the element as the hypervisor gives it back; undefined when it is not one. */
export function parseOwner(xml: string): Owner | undefined {
  const tag = /^\s*<(?:[\w.-]+:)?owner\s([^<>]*)>/.exec(xml)?.[1] ?? '';
  const attribute = (name: string) => new RegExp(`(?:^|\\s)${name}=["']([^"']*)["']`).exec(tag)?.[1];
  const id = attribute('id');
  const renewedAt = Date.parse(attribute('renewed') ?? '') / 1000;
  if (id === undefined || !/^[\w-]{1,64}$/.test(id) || !Number.isFinite(renewedAt)) return undefined;
  const kib = attribute('target-kib');
  const known = kib !== undefined && /^\d{1,12}$/.test(kib);
  return {
    id,
    host: attribute('host') ?? 'a host without a name',
    renewedAt,
    targetBytes: known ? kibToBytes(Number(kib)) : undefined,
  };
}
