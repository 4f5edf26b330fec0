/** Free memory that a guest's kernel keeps. */
import { type Bytes, GiB, KiB, MiB } from '../../model/units.ts';
import { wholePages } from './pages.ts';

/** Free memory that the kernel defends. */
export interface Watermarks {
  /** Allocations below this reclaim first; the balloon and the programs cannot go under it. */
  readonly min: Bytes;
  /** Below this kswapd wakes. */
  readonly low: Bytes;
  /** kswapd reclaims up to this. */
  readonly high: Bytes;
}

/** Below this much memory Linux leaves transparent huge pages off (mm/huge_memory.c, hugepage_init()). */
const HUGE_PAGES_FROM: Bytes = 512 * MiB;

/** True where the kernel of a guest of this MemTotal uses huge pages by itself. */
export function usesHugePages(total: Bytes): boolean {
  return total >= HUGE_PAGES_FROM;
}

/**
 * A guest's watermarks. Without huge pages min_free_kbytes is the root of 16 times the memory in KiB (mm/page_alloc.c,
 * calculate_min_free_kbytes()); with them khugepaged raises it to 11 pageblocks of 2 MiB a zone, at most 5 % of memory
 * (mm/khugepaged.c, set_recommended_min_free_kbytes()). Low and high lie a quarter and a half above (__setup_per_zone_wmarks()).
 * A guest above 3 GiB has a third zone.
 */
export function watermarksOf(maximum: Bytes, kernel: Bytes): Watermarks {
  const total = maximum - kernel;
  const zones = maximum > 3 * GiB ? 3 : 2;
  const root = Math.sqrt((16 * total) / KiB) * KiB;
  const min = wholePages(usesHugePages(total) ? Math.min(zones * 22 * MiB, 0.05 * total) : root);
  return { min, low: wholePages(min * 1.25), high: wholePages(min * 1.5) };
}
