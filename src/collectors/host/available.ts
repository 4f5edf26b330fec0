/** What a host's available memory is made of: named terms and their sum (H19). */
import type { NodeMemory } from '../../hypervisor/driver.ts';
import { ABSENT, type AvailableTerm, known, type Reading } from '../../model/snapshot.ts';
import { type Bytes, formatSize, type Kib, kibToBytes } from '../../model/units.ts';

/** A reading with the terms that make it up. */
interface Explained {
  readonly available: Reading;
  readonly terms?: readonly AvailableTerm[];
}

const UNEXPLAINED: Explained = { available: ABSENT };

/** The sum of the terms, cut at 0 and at `total`: corrections are estimates, and together they must not pass what there is. */
function sumOf(terms: readonly AvailableTerm[], total: Reading): Explained {
  const sum = terms.reduce((bytes, term) => bytes + term.bytes, 0);
  return { available: known(Math.max(0, Math.min(sum, total.value ?? sum))), terms };
}

/** MemAvailable and what corrects it. It has the watermarks off already (mm/show_mem.c), so they are no term of their own. */
export function machineAvailable(
  memAvailable: Reading,
  total: Reading,
  { hugetlb, anonHuge }: { readonly hugetlb: Bytes; readonly anonHuge: Bytes },
  corrections: readonly AvailableTerm[],
): Explained {
  if (memAvailable.value === undefined) return { available: memAvailable };
  return sumOf(
    [
      {
        name: 'MemAvailable',
        bytes: memAvailable.value,
        explanation: "/proc/meminfo: the kernel's own estimate, less its watermarks",
      },
      ...corrections,
      // H39 (R28): a balloon's pages are small and scattered, so each one taken splits a huge page of the host.
      ...(anonHuge > 0
        ? [
            {
              name: 'AnonHugePages',
              bytes: 0,
              explanation: `${formatSize(anonHuge)} of programs' memory is in huge pages, which shrinking guests splits`,
            },
          ]
        : []),
      ...(hugetlb > 0
        ? [
            {
              name: 'hugetlb',
              bytes: 0,
              explanation: `${formatSize(hugetlb)} of huge pages are set aside: in neither the total nor what is available`,
            },
          ]
        : []),
    ],
    total,
  );
}

/**
 * A remote host's. Without a figure for what is available it is taken at free + buffers + cached less the watermarks. That is too
 * much by its tmpfs pages, which libvirt's node memory stats do not tell apart.
 */
export function driverAvailable(memory: NodeMemory, total: Reading): Explained {
  const { totalKib, availableKib, freeKib, buffersKib, cachedKib } = memory;
  const parts: readonly (readonly [string, Kib | undefined, string])[] =
    availableKib === undefined
      ? [
          ['free', freeKib, 'by the driver'],
          ['buffers', buffersKib, 'by the driver'],
          ['cached', cachedKib, 'by the driver; tmpfs pages are among them and cannot be told apart'],
          ['watermarks', -watermarksKib(totalKib), 'what the kernel keeps free, estimated from the total'],
        ]
      : [['driver', availableKib, "the driver's own figure"]];
  const terms: AvailableTerm[] = [];
  for (const [name, kib, explanation] of parts) {
    if (kib === undefined) return UNEXPLAINED;
    if (name !== 'watermarks' && (kib < 0 || kib > totalKib))
      return { available: { ageSeconds: 0, quality: 'implausible' } };
    terms.push({ name, bytes: kibToBytes(kib), explanation });
  }
  return sumOf(terms, total);
}

/**
 * The high watermarks of all zones by the kernel's defaults (mm/page_alloc.c): min_free_kbytes is 4 √KiB, 256 MiB at most, and high is
 * above it by twice a quarter of it, or by twice a thousandth of memory where that is more.
 */
function watermarksKib(totalKib: Kib): Kib {
  const least = Math.min(262_144, Math.max(128, Math.floor(4 * Math.sqrt(totalKib))));
  return least + 2 * Math.floor(Math.max(least / 4, totalKib / 1000));
}

/** What guests leave of a pool of fixed size. */
export function poolAvailable(total: Bytes, guestsHeld: Bytes | undefined): Explained {
  if (guestsHeld === undefined) return UNEXPLAINED;
  return sumOf(
    [
      { name: 'size', bytes: total, explanation: 'what the policy gives to guests' },
      {
        name: 'guests',
        bytes: -guestsHeld,
        explanation: 'resident memory of the guests, each at most its size; QEMU itself is not counted',
      },
    ],
    known(total),
  );
}
