/** The table of guests: what is searched for, what is left out, in which order. */
import type { GuestRow } from './store.ts';

export type SortKey = 'name' | 'state' | 'current' | 'target' | 'used' | 'taken' | 'policy';

export interface View {
  readonly search: string;
  readonly filter: Filter;
  readonly sort: SortKey;
  readonly descending: boolean;
}

export type Filter = keyof typeof FILTERS;

export const FILTERS = {
  all: { label: 'All', holds: () => true },
  moving: { label: 'Moving', holds: ({ action }) => action !== 'hold' },
  small: { label: 'Ballooned', holds: ({ currentBytes, maxBytes }) => (currentBytes ?? 0) < (maxBytes ?? 0) },
  held: {
    label: 'Cannot be moved',
    holds: ({ targetBytes, reason }) => targetBytes === undefined || isHeld(reason),
  },
  paused: { label: 'Paused', holds: ({ pause }) => pause !== undefined },
  unmanaged: { label: 'Unmanaged', holds: ({ policy }) => policy === undefined },
} as const satisfies Readonly<Record<string, { label: string; holds: (guest: GuestRow) => boolean }>>;

/** Codes that say that something about the guest keeps it from being moved, and not that there is no reason to. */
const HELD: ReadonlySet<string> = new Set([
  'NOT_RUNNING',
  'STATS_ABSENT',
  'STATS_STALE',
  'STATS_IMPLAUSIBLE',
  'NO_BALLOON',
  'PASSTHROUGH',
  'HUGEPAGES',
  'LOCKED_MEMORY',
  'LAUNCH_SECURITY',
  'VIRTIO_MEM',
  'JOB_RUNNING',
  'EXPRESSION_FAILED',
  'BACKING_OFF',
  'CIRCUIT_OPEN',
  'INEFFECTIVE',
  'OWNED_BY_ANOTHER',
  'FOREIGN_CHANGE',
]);

function isHeld(reason: string): boolean {
  return HELD.has(reason);
}

export function taken({ maxBytes, currentBytes }: GuestRow): number | undefined {
  return maxBytes === undefined || currentBytes === undefined
    ? undefined
    : Math.max(0, maxBytes - currentBytes);
}

const KEYS: Readonly<Record<SortKey, (guest: GuestRow) => string | number | undefined>> = {
  name: ({ name }) => name,
  state: ({ action, reason }) => `${action} ${reason}`,
  current: ({ currentBytes }) => currentBytes,
  target: ({ targetBytes }) => targetBytes,
  used: ({ usedBytes }) => usedBytes,
  taken,
  policy: ({ policy }) => policy,
};

const BY_NAME = new Intl.Collator(undefined, { numeric: true });

/** What is not known comes last, in either order. */
export function rowsOf(guests: readonly GuestRow[], { search, filter, sort, descending }: View): GuestRow[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const key = KEYS[sort];
  const sign = descending ? -1 : 1;
  return guests
    .filter(FILTERS[filter].holds)
    .filter(guest => {
      const text =
        `${guest.name} ${guest.uuid} ${guest.policy ?? ''} ${guest.reason} ${guest.state}`.toLowerCase();
      return words.every(word => text.includes(word));
    })
    .toSorted((a, b) => {
      const [x, y] = [key(a), key(b)];
      if (x === undefined || y === undefined)
        return x === y ? BY_NAME.compare(a.name, b.name) : x === undefined ? 1 : -1;
      const order =
        typeof x === 'number' && typeof y === 'number' ? x - y : BY_NAME.compare(String(x), String(y));
      return order === 0 ? BY_NAME.compare(a.name, b.name) : sign * order;
    });
}
