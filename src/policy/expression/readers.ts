/** How an expression reads a name. */
import type { GuestNames, Scope } from './expression.ts';
import type { NamePath } from './syntax.ts';

type Reader = (scope: Scope) => unknown;

/**
 * The names of a guest, each read by a function of its own. One function that takes the name as a value would meet all of them, and
 * V8 then looks for the property anew each time: half of what an expression costs.
 */
const GUEST: { readonly [K in keyof GuestNames]-?: (guest: GuestNames) => GuestNames[K] } = {
  name: guest => guest.name,
  uuid: guest => guest.uuid,
  title: guest => guest.title,
  tags: guest => guest.tags,
  os: guest => guest.os,
  max: guest => guest.max,
  current: guest => guest.current,
  target: guest => guest.target,
  total: guest => guest.total,
  used: guest => guest.used,
  available: guest => guest.available,
  free: guest => guest.free,
  cache: guest => guest.cache,
  need: guest => guest.need,
  demand: guest => guest.demand,
  used_rate: guest => guest.used_rate,
  rss: guest => guest.rss,
  swap_in_rate: guest => guest.swap_in_rate,
  swap_out_rate: guest => guest.swap_out_rate,
  major_fault_rate: guest => guest.major_fault_rate,
  oom_kills: guest => guest.oom_kills,
  alloc_stalls: guest => guest.alloc_stalls,
  psi_some: guest => guest.psi_some,
  psi_full: guest => guest.psi_full,
  uptime: guest => guest.uptime,
  stats_age: guest => guest.stats_age,
  boots: guest => guest.boots,
  distress: guest => guest.distress,
  level: guest => guest.level,
};

const GUEST_READERS: ReadonlyMap<string, (guest: GuestNames) => unknown> = new Map(Object.entries(GUEST));

/** What reads the value at a path; it gives undefined where there is none. */
export function readerOf(path: NamePath): Reader {
  const [root = '', leaf = '', ...more] = path;
  const ofGuest = root === 'guest' && more.length === 0 ? GUEST_READERS.get(leaf) : undefined;
  if (ofGuest !== undefined) return ({ guest }) => (guest === undefined ? undefined : ofGuest(guest));
  if (root === 'guarantees' && leaf === 'reserve') return ({ guarantees }) => guarantees?.reserve;
  if (root === 'vars' && more.length === 0) return ({ vars }) => vars?.[leaf];
  if (more.length > 0) {
    return scope => {
      let at: unknown = scope;
      for (const step of path) at = isRecord(at) ? at[step] : undefined;
      return at;
    };
  }
  return scope => {
    const whole: unknown = scope;
    const at = isRecord(whole) ? whole[root] : undefined;
    return isRecord(at) ? at[leaf] : undefined;
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
