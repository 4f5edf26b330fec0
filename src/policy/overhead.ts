/** What a guest's process holds on the host beyond the guest's own memory: QEMU's buffers, code and page tables. */
import { type GuestSample, trusted } from '../model/snapshot.ts';
import { type Bytes, MiB, type Ratio } from '../model/units.ts';

/** What QEMU holds for itself where it cannot be seen yet: 60 to 125 MiB in the lab, half of it program text. */
export const ORDINARY_OVERHEAD: Bytes = 128 * MiB;

/**
 * Most that a process can hold beyond its guest: page tables of 8 bytes per 4 KiB, with the host's own mirrored in them, and
 * QEMU's own buffers. What it holds above that is memory of the guest that ballooning has not freed, and passes when it does.
 */
function limitOf(current: Bytes): Bytes {
  return 256 * MiB + current / 256;
}

/** With so little free, a guest has had nearly all of its pages in use at some time: this is what its kernel keeps free for itself. */
const KEPT_FREE: Bytes = 128 * MiB;
const KEPT_SHARE: Ratio = 0.2;
/** Of those pages, what it has never touched: 0 to 77 MiB in the recordings of test/fixtures/calibration, 11 on average. */
const HIDDEN: Bytes = 16 * MiB;

/**
 * The overhead as two bounds leave it, seen while the balloon stands still. The process holds at least what exceeds the size of
 * the guest. A guest that has not touched all of its size hides its overhead from that bound, and would turn out larger than
 * planned on the day that it does: it is taken to have an ordinary one, unless what is left, when every page that the guest does
 * not have free is taken for the guest's, is less; or unless its memory is full, when little is hidden.
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
  const seen = Math.min(beyond, limitOf(current));
  const free = reportIsOfNow ? readings.trusted.free : Number.NaN;
  if (!(free <= current) || (before === 0 && beyond >= 0)) return Math.max(before, seen);
  const full = beyond >= 0 && free <= Math.min(KEPT_FREE, KEPT_SHARE * current);
  const hidden = full ? Math.min(free, HIDDEN) : free;
  const most = Math.max(0, beyond + hidden);
  return Math.max(seen, Math.min(before === 0 ? ORDINARY_OVERHEAD : before, most));
}
