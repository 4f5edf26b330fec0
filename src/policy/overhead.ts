/** What a guest's process holds on the host beyond the guest's own memory: QEMU's buffers, code and page tables. */
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, MiB } from '../model/units.ts';

/** What QEMU holds for itself where it cannot be seen yet: 60 to 125 MiB in the lab, half of it program text. */
export const ORDINARY_OVERHEAD: Bytes = 128 * MiB;

/**
 * Most that a process can hold beyond its guest: page tables of 8 bytes per 4 KiB, with the host's own mirrored in them, and
 * QEMU's own buffers. What it holds above that is memory of the guest that ballooning has not freed, and passes when it does.
 */
function limitOf(current: Bytes): Bytes {
  return 256 * MiB + current / 256;
}

/**
 * The overhead as two bounds leave it, seen while the balloon stands still. The process holds at least what exceeds the size of
 * the guest. A guest that has not touched all of its size hides its overhead from that bound, and would turn out larger than
 * planned on the day that it does: it is taken to have an ordinary one, unless what is left, when every page that the guest does
 * not have free is taken for the guest's, is less.
 */
export function learnOverhead(
  before: Bytes,
  { readings }: GuestSample,
  current: Bytes,
  reportIsOfNow: boolean,
): Bytes {
  const rss = trusted(readings.rss);
  if (rss === undefined) return before;
  const beyond = rss - current;
  if (beyond >= 0) return Math.max(before, Math.min(beyond, limitOf(current)));
  const free = reportIsOfNow ? trusted(readings.free) : undefined;
  if (free === undefined || free > current) return before;
  const most = Math.max(0, beyond + free);
  return before === 0 ? Math.min(ORDINARY_OVERHEAD, most) : Math.min(before, most);
}
