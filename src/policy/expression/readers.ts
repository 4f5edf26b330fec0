/**
 * How an expression reads a name. The names of a guest are each read by a function of its own. One function that takes the name as a
 * value would meet all of them, and V8 then looks for the property anew each time: half of what an expression costs.
 */
import type { GuestNames, Scope } from './expression.ts';
import type { NamePath } from './syntax.ts';

type Reader = (scope: Scope) => unknown;

type NumberName = {
  [K in keyof GuestNames]-?: Exclude<GuestNames[K], undefined> extends number ? K : never;
}[keyof GuestNames];

const NUMBERS: { readonly [K in NumberName]: (scope: Scope) => number } = {
  max: ({ guest }) => finite(guest?.max),
  current: ({ guest }) => finite(guest?.current),
  target: ({ guest }) => finite(guest?.target),
  total: ({ guest }) => finite(guest?.total),
  used: ({ guest }) => finite(guest?.used),
  available: ({ guest }) => finite(guest?.available),
  free: ({ guest }) => finite(guest?.free),
  cache: ({ guest }) => finite(guest?.cache),
  need: ({ guest }) => finite(guest?.need),
  demand: ({ guest }) => finite(guest?.demand),
  used_rate: ({ guest }) => finite(guest?.used_rate),
  rss: ({ guest }) => finite(guest?.rss),
  swap_in_rate: ({ guest }) => finite(guest?.swap_in_rate),
  swap_out_rate: ({ guest }) => finite(guest?.swap_out_rate),
  major_fault_rate: ({ guest }) => finite(guest?.major_fault_rate),
  oom_kills: ({ guest }) => finite(guest?.oom_kills),
  alloc_stalls: ({ guest }) => finite(guest?.alloc_stalls),
  psi_some: ({ guest }) => finite(guest?.psi_some),
  psi_full: ({ guest }) => finite(guest?.psi_full),
  uptime: ({ guest }) => finite(guest?.uptime),
  stats_age: ({ guest }) => finite(guest?.stats_age),
  boots: ({ guest }) => finite(guest?.boots),
};

const OTHERS: { readonly [K in Exclude<keyof GuestNames, NumberName>]: Reader } = {
  name: ({ guest }) => guest?.name,
  uuid: ({ guest }) => guest?.uuid,
  title: ({ guest }) => guest?.title,
  tags: ({ guest }) => guest?.tags,
  os: ({ guest }) => guest?.os,
  distress: ({ guest }) => guest?.distress,
  level: ({ guest }) => guest?.level,
};

const NUMBER_READERS: ReadonlyMap<string, (scope: Scope) => number> = new Map(Object.entries(NUMBERS));
const READERS: ReadonlyMap<string, Reader> = new Map([...Object.entries(OTHERS), ...NUMBER_READERS]);

/** What reads the number at a path; it gives NaN where there is none, or none that is finite. */
export function numberReaderOf(path: NamePath): (scope: Scope) => number {
  const [root = '', leaf = '', ...more] = path;
  const ofGuest = root === 'guest' && more.length === 0 ? NUMBER_READERS.get(leaf) : undefined;
  if (ofGuest !== undefined) return ofGuest;
  if (root === 'guarantees' && leaf === 'reserve') return ({ guarantees }) => finite(guarantees?.reserve);
  if (root === 'vars' && more.length === 0) return ({ vars }) => finite(vars?.[leaf]);
  const read = readerOf(path);
  return scope => finite(read(scope));
}

function finite(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : Number.NaN;
}

/** What reads the value at a path; it gives undefined where there is none. */
export function readerOf(path: NamePath): Reader {
  const [root = '', leaf = '', ...more] = path;
  const ofGuest = root === 'guest' && more.length === 0 ? READERS.get(leaf) : undefined;
  if (ofGuest !== undefined) return ofGuest;
  return scope => {
    let at: unknown = scope;
    for (const step of path) at = isRecord(at) ? at[step] : undefined;
    return at;
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
