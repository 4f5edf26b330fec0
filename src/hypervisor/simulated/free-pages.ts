/**
 * Free pages of a guest, as its allocator hands them out and its host sees them. The allocator's lists are last in, first out, and
 * freed pages stay resident on the host while pages out of the balloon are not: so what was freed or deflated last decides whether
 * new memory costs the host anything. The model knows the last two layers of that stack; below them resident pages come first.
 */
import type { Bytes, Ratio, Seconds } from '../../model/units.ts';
import { PAGE, wholePages } from './pages.ts';

export interface FreePages {
  free: Bytes;
  /** The part of `free` that the host still backs with pages, because the guest has touched it before. */
  freeResident: Bytes;
  /** Top of the stack: resident pages that were freed after the last deflation. Part of `freeResident`. */
  freed: Bytes;
  /** Below it: pages of the last deflations, which the host does not back. Part of `free` less `freeResident`. */
  returned: Bytes;
  /**
   * Part of `free` that lies on a processor's own list, where pages go that are freed one by one and are taken from first. The kernel
   * does not count it as free (NR_FREE_PAGES; free_unref_page() in mm/page_alloc.c).
   */
  listed: Bytes;
  /** Time until the guest reports free pages; negative while there is nothing to report. */
  reportIn: Seconds;
}

/** Free pages that are taken when there are no others: of those that the host backs, and of those that it does not. */
export interface LastPages {
  readonly resident: Bytes;
  readonly bare: Bytes;
}

/** PAGE_REPORTING_DELAY of mm/page_reporting.c: pages are reported so long after the first of them was freed. */
const REPORTING_DELAY: Seconds = 2;

/** Takes free pages from the top of the stack. */
export function takeFree(pages: FreePages, bytes: Bytes, last: LastPages): void {
  const freed = Math.min(bytes, pages.freed);
  const returned = Math.min(bytes - freed, pages.returned);
  const rest = bytes - freed - returned;
  const fresh = pages.free - pages.freeResident - pages.returned;
  const resident = pages.freeResident - pages.freed;
  const near = Math.min(rest, Math.max(0, resident - last.resident));
  const far = Math.min(rest - near, Math.max(0, fresh - last.bare));
  const below = near + ofLast(resident - near, fresh - far, rest - near - far);
  pages.free -= bytes;
  pages.listed = Math.max(0, pages.listed - bytes);
  pages.freed -= freed;
  pages.returned -= returned;
  pages.freeResident -= freed + below;
}

/**
 * Takes free pages in whole blocks of 2 MiB. Where the balloon had its pages scattered among others, the blocks that it completes are
 * resident in part.
 *
 * @param mixed share of them that is taken from all free pages alike, and not from the top of the stack
 */
export function takeBlocks(pages: FreePages, bytes: Bytes, last: LastPages, mixed: Ratio): void {
  const below = Math.max(0, pages.freeResident - pages.freed - last.resident);
  const resident = Math.min(below, wholePages((bytes * mixed * below) / pages.free));
  pages.free -= resident;
  pages.freeResident -= resident;
  pages.listed = Math.min(pages.listed, pages.free);
  takeFree(pages, bytes - resident, last);
}

/** How many of `bytes` are resident where pages are taken from all that there are, in equal shares. */
function ofLast(resident: Bytes, bare: Bytes, bytes: Bytes): Bytes {
  if (bytes <= 0) return 0;
  return Math.min(resident, Math.max(bytes - bare, wholePages((bytes * resident) / (resident + bare))));
}

/** Gives pages back to the guest's allocator, up to `list` on the processor's list; for the host they stay resident. */
export function release(pages: FreePages, bytes: Bytes, list: Bytes): void {
  pages.free += bytes;
  pages.listed = Math.max(pages.listed, Math.min(list, pages.listed + bytes));
  pages.freeResident += bytes;
  pages.freed += bytes;
}

/** Pages come out of the balloon one by one, up to `list` to the processor's list, and cost the host nothing until they are touched. */
export function giveBack(pages: FreePages, bytes: Bytes, list: Bytes): void {
  pages.free += bytes;
  pages.listed = Math.max(pages.listed, Math.min(list, pages.listed + bytes));
  pages.returned += bytes;
  pages.freed = 0;
}

/**
 * Lets the guest tell its host of free pages, which then leave the host's memory. Only whole blocks of 2 MiB are reported
 * (mm/page_reporting.c, pageblock_order), so some pages between used ones stay.
 *
 * @param unreported what stays
 */
export function reportFreePages(pages: FreePages, unreported: Bytes, dt: Seconds): void {
  const kept = wholePages(Math.min(pages.freeResident, unreported));
  if (pages.freeResident - kept < PAGE) {
    pages.reportIn = -1;
    return;
  }
  if (pages.reportIn < 0) pages.reportIn = REPORTING_DELAY;
  pages.reportIn -= dt;
  if (pages.reportIn > 0) return;
  pages.returned += pages.freed;
  pages.freed = 0;
  pages.freeResident = kept;
  pages.returned = Math.min(pages.returned, pages.free - kept);
  pages.reportIn = -1;
}
