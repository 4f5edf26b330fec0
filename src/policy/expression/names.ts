/**
 * The names that expressions can use, with their types. One table: the type checker and the messages are made from it, and its
 * keys are held equal to the scope that `decide()` fills in and to the reference page.
 */
import type { NameUnit } from '../../model/explanation.ts';
import { GiB, KiB, MiB, TiB } from '../../model/units.ts';
import type { GuestNames, HostNames, PsiNames, Scope } from './expression.ts';

/** Tags are a map: any name may be below it, and is looked for when the expression runs. */
export const TAGS = 'map<string, string>';

type NameType = 'double' | 'string' | 'bool' | typeof TAGS;
type Names<T> = { readonly [K in keyof Required<T>]: NameType };

const PSI: Names<PsiNames> = { avg10: 'double', avg60: 'double', avg300: 'double' };

const HOST = {
  total: 'double',
  available: 'double',
  available_ratio: 'double',
  free: 'double',
  swap_used: 'double',
  swap_in_rate: 'double',
  swap_out_rate: 'double',
  committed: 'double',
  psi: { some: PSI, full: PSI },
  guests: 'double',
} as const satisfies Omit<Names<HostNames>, 'psi' | 'level'> & { psi: object };

const GUEST: Names<GuestNames> = {
  name: 'string',
  uuid: 'string',
  title: 'string',
  tags: TAGS,
  os: 'string',
  max: 'double',
  current: 'double',
  target: 'double',
  total: 'double',
  used: 'double',
  available: 'double',
  free: 'double',
  cache: 'double',
  need: 'double',
  demand: 'double',
  used_rate: 'double',
  rss: 'double',
  swap_in_rate: 'double',
  swap_out_rate: 'double',
  major_fault_rate: 'double',
  oom_kills: 'double',
  alloc_stalls: 'double',
  psi_some: 'double',
  psi_full: 'double',
  uptime: 'double',
  stats_age: 'double',
  boots: 'double',
  distress: 'bool',
  level: 'string',
};

const GUARANTEES: Names<NonNullable<Scope['guarantees']>> = {
  min: 'double',
  max: 'double',
  reserve: 'double',
};

/** Fields of a name: a type, or the fields below it. */
export interface Fields {
  readonly [name: string]: NameType | Fields;
}

/** The names that one expression sees. */
export type Visible = { readonly [K in keyof Scope]?: Fields };

/** Pressure levels are the host's: they see no guest, and not the level that they decide about. */
export const HOST_SCOPE: Visible = { host: HOST };

/** What `match.expression` sees: what does not change while the guest runs, so that no guest goes from policy to policy. */
export const MATCH_SCOPE: Visible = {
  guest: { name: 'string', uuid: 'string', title: 'string', tags: TAGS, os: 'string', max: 'double' },
};

/** What guest expressions see, given the variables defined above them. */
export function guestScope(variables: readonly string[]): Visible {
  return {
    host: { ...HOST, level: 'string' },
    guest: { ...GUEST },
    guarantees: { ...GUARANTEES },
    now: { hour: 'double', weekday: 'double' },
    vars: Object.fromEntries(variables.map(name => [name, 'double' as const])),
  };
}

const UNITS: Readonly<Record<string, NameUnit>> = {
  ...units('host', 'bytes', ['total', 'available', 'free', 'swap_used', 'committed']),
  ...units('host', 'bytes/s', ['swap_in_rate', 'swap_out_rate']),
  ...units('host', 'ratio', ['available_ratio']),
  ...units('host', 'number', ['guests']),
  ...units('host.psi.some', 'percent', ['avg10', 'avg60', 'avg300']),
  ...units('host.psi.full', 'percent', ['avg10', 'avg60', 'avg300']),
  ...units('guest', 'bytes', ['max', 'current', 'target', 'total', 'used', 'available', 'free', 'cache']),
  ...units('guest', 'bytes', ['need', 'demand', 'rss']),
  ...units('guest', 'bytes/s', ['used_rate', 'swap_in_rate', 'swap_out_rate']),
  ...units('guest', '1/s', ['major_fault_rate']),
  ...units('guest', 'seconds', ['uptime', 'stats_age']),
  ...units('guest', 'percent', ['psi_some', 'psi_full']),
  ...units('guest', 'number', ['boots', 'oom_kills', 'alloc_stalls']),
  ...units('guarantees', 'bytes', ['min', 'max', 'reserve']),
  ...units('now', 'number', ['hour', 'weekday']),
};

function units(above: string, unit: NameUnit, names: readonly string[]): Record<string, NameUnit> {
  return Object.fromEntries(names.map(name => [`${above}.${name}`, unit]));
}

/** What a name counts; undefined for one that is no number, and for variables, which may be anything. */
export function unitOf(path: readonly string[]): NameUnit | undefined {
  const name = path.join('.');
  return Object.hasOwn(UNITS, name) ? UNITS[name] : undefined;
}

/** Constants, all of type double. */
export const CONSTANTS = { KiB, MiB, GiB, TiB } as const;

/** Words that CEL keeps for itself; none can name a variable (CEL language definition, "RESERVED"). */
export const RESERVED_WORDS: ReadonlySet<string> = new Set([
  ...[
    'as',
    'break',
    'const',
    'continue',
    'else',
    'false',
    'for',
    'function',
    'if',
    'import',
    'in',
    'let',
    'loop',
  ],
  ...['namespace', 'null', 'package', 'prototype', 'return', 'true', 'var', 'void', 'while'],
]);
