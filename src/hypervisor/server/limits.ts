/** How much of this process one client may use, and all of them together. */
import { KiB, MiB } from '../../model/units.ts';

export interface ServeLimits {
  /** Connections at once. One more takes the place of the oldest that has not opened yet, or is refused. */
  readonly clients: number;
  /** Longest call. A bulk call that names as many domains as the protocol allows has some 700 KiB. */
  readonly messageBytes: number;
  /** Calls of one client that are worked on at once; the client is not read while there are as many. */
  readonly calls: number;
  /** Time from the connection to CONNECT_OPEN. */
  readonly openMs: number;
  /** Time that the parts of one message may take to arrive. */
  readonly messageMs: number;
  /** Bytes of replies that a client may leave unread before its next call is begun. */
  readonly unreadBytes: number;
  /** Time that it may stay above that. */
  readonly unreadMs: number;
  /** Bytes that a client may leave unread at all, events included; it is dropped above. */
  readonly unreadMaxBytes: number;
  /** As `unreadMaxBytes`, for all clients together; the one with the most is dropped. */
  readonly unreadTotalBytes: number;
  /** A client that asked for keepalive is pinged after this silence, and dropped after `keepaliveCount` pings unanswered. */
  readonly keepaliveMs: number;
  readonly keepaliveCount: number;
}

/** `calls`, `keepaliveMs` and `keepaliveCount` are those of libvirtd (src/remote/libvirtd.conf.in). */
export const SERVE_LIMITS: ServeLimits = {
  clients: 64,
  messageBytes: MiB,
  calls: 5,
  openMs: 10_000,
  messageMs: 10_000,
  unreadBytes: 256 * KiB,
  unreadMs: 30_000,
  // A reply may have 32 MiB; one of them must fit, whatever lies before it.
  unreadMaxBytes: 40 * MiB,
  unreadTotalBytes: 256 * MiB,
  keepaliveMs: 5000,
  keepaliveCount: 5,
};
