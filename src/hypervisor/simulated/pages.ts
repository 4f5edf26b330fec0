import type { Bytes } from '../../model/units.ts';

export const PAGE: Bytes = 4096;

/** Whole pages in `bytes`, as bytes; never negative. */
export function wholePages(bytes: Bytes): Bytes {
  return bytes > 0 ? Math.floor(bytes / PAGE) * PAGE : 0;
}
