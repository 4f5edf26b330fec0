import type { Bytes, Seconds } from '../model/units.ts';
import type { JournalFolder, Segment } from './folder.ts';

/**
 * Removes the oldest segments until the rest is within the limits. The open one is counted and stays.
 *
 * @param wall Unix time
 */
export async function removeOld(
  folder: JournalFolder,
  open: Segment,
  limits: { readonly totalBytes: Bytes; readonly keepSeconds: Seconds },
  wall: Seconds,
): Promise<void> {
  const segments = await folder.list();
  const sizes = await Promise.all(segments.map(segment => folder.bytesOf(segment)));
  let total = sizes.reduce((sum, bytes) => sum + bytes, 0);
  for (const [i, segment] of segments.entries()) {
    if (segment.number >= open.number) return;
    // A segment ends where the next one begins.
    const ended = segments[i + 1]?.began ?? wall;
    if (total <= limits.totalBytes && wall - ended < limits.keepSeconds) return;
    await folder.remove(segment);
    total -= sizes[i] ?? 0;
  }
}
