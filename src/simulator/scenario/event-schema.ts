/** What befalls guests and host, as it is written in a scenario. */
import { z } from 'zod';
import type { HostMishap, Mishap } from '../../hypervisor/simulated/faults.ts';
import { MEMORY_STAT_TAG, type MemoryStatName } from '../../model/memory-stats.ts';
import { size } from '../../policy/schema/quantities.ts';
import { time } from './amounts.ts';

const STATS = Object.keys(MEMORY_STAT_TAG).filter((name): name is MemoryStatName => name !== 'last_update');

/** Conditions last, for ever or for a time; the others happen once. */
const CONDITIONS = {
  pause: 'somebody stops its processors',
  'no-driver': 'its kernel has no balloon driver',
  'stats-stop': 'its statistics stay as they are',
  'no-stats': 'it has none, as FreeBSD’s',
  empty: 'it reports on time and nothing, as Windows without its balloon service',
  garbage: 'its figures are those of `values`, or cannot be',
  lies: 'it says that it uses nothing, or that it has nothing left',
  zswap: 'its swap counters do not move',
  stuck: 'its balloon does not move',
  pinned: 'the host gets nothing of what its balloon takes',
  hang: 'its QEMU answers nobody',
  job: 'a migration or save is under way: changes are refused',
  missing: 'the bulk answers of the hypervisor are without it',
  hotplug: 'memory of `bytes` is plugged in, and out again at the end',
} as const;

const HAPPENINGS = {
  reboot: 'it resets',
  start: 'somebody starts it',
  shutdown: 'it shuts itself down',
  crash: 'its kernel panics',
  vanish: 'its QEMU dies, and its domain is no more',
} as const;

/** Keys that one kind of event has of its own. */
const OWN = { values: 'garbage', says: 'lies', bytes: 'hotplug', locked: 'job', events: 'reboot' } as const;

function keysOf<K extends string>(words: Readonly<Record<K, string>>): K[] {
  const keys: K[] = [];
  for (const key in words) keys.push(key);
  return keys;
}

const list = (words: Readonly<Record<string, string>>): string =>
  Object.entries(words)
    .map(([word, meaning]) => `${word} (${meaning})`)
    .join(', ');

const moments = {
  at: time().describe('When it happens, by the time of the scenario, which begins with the warm-up.'),
  for: time().optional().describe('How long a condition lasts; for ever when it is left out.'),
  every: time(1).optional().describe('It happens again and again, so long after each other.'),
};

export const GuestEvent = z
  .strictObject({
    ...moments,
    guest: z
      .int()
      .min(1)
      .optional()
      .describe('To which guest of the class, counted from 1; to all of them when it is left out.'),
    what: z
      .enum([...keysOf(HAPPENINGS), ...keysOf(CONDITIONS)])
      .describe(`Once: ${list(HAPPENINGS)}. For a time: ${list(CONDITIONS)}.`),
    values: z
      .partialRecord(z.enum(STATS), z.number())
      .optional()
      .describe('Figures that a guest with garbage reports, by libvirt’s names and in its units (KiB).')
      .meta({ examples: [{ usable: 0 }] }),
    says: z
      .enum(['idle', 'starved', 'both'])
      .optional()
      .describe('What a guest that lies says; both: by turns, which is the default.'),
    bytes: size().optional().describe('How much memory is plugged in.'),
    locked: z
      .boolean()
      .optional()
      .describe(
        'The job takes the domain for itself, as an incoming migration does: bulk answers pass over it.',
      ),
    events: z
      .int()
      .min(1)
      .max(10)
      .optional()
      .describe('How many reboot events tell of one reboot; real resets bring up to three.'),
  })
  .superRefine((event, context) => {
    const { what } = event;
    const refuse = (key: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [key], message, params: { code: 'POLICY_RANGE' } });
    for (const [key, owner] of Object.entries(OWN)) {
      if (key in event && what !== owner) refuse(key, `only ${owner} has ${key}, and this is ${what}`);
    }
    if (what === 'hotplug' && event.bytes === undefined) refuse('what', 'hotplug needs bytes');
    if (what in HAPPENINGS && event.for !== undefined)
      refuse('for', `${what} happens once and does not last`);
  });

type GuestEvent = z.output<typeof GuestEvent>;

/** What an event does to a guest. */
export function mishapOf({ what, values, says, bytes, locked, events }: GuestEvent): Mishap {
  if (what === 'garbage') return { kind: what, ...(values && { values: definite(values) }) };
  if (what === 'lies') return { kind: what, says: says ?? 'both' };
  if (what === 'hotplug') return { kind: what, bytes: bytes ?? 0 };
  if (what === 'job') return { kind: what, ...(locked !== undefined && { locked }) };
  if (what === 'reboot') return { kind: what, ...(events !== undefined && { events }) };
  return { kind: what };
}

export const HostEvent = z
  .strictObject({
    ...moments,
    what: z
      .enum(['unreachable', 'offline'])
      .describe(
        'unreachable: the hypervisor’s daemon answers nobody, while guests run on; offline: memory of `bytes` leaves the host.',
      ),
    bytes: size().optional().describe('How much memory leaves the host.'),
  })
  .superRefine(({ what, bytes }, context) => {
    if ((what === 'offline') === (bytes !== undefined)) return;
    const message = what === 'offline' ? 'offline needs bytes' : 'only offline has bytes';
    context.addIssue({ code: 'custom', path: ['what'], message, params: { code: 'POLICY_RANGE' } });
  });

/** What an event does to the host. */
export function hostMishapOf({ what, bytes }: z.output<typeof HostEvent>): HostMishap {
  return what === 'offline' ? { kind: what, bytes: bytes ?? 0 } : { kind: what };
}

function definite<K extends string>(
  values: { readonly [key in K]?: number | undefined },
): {
  [key in K]?: number;
} {
  const result: { [key in K]?: number } = {};
  for (const key in values) {
    const value = values[key];
    if (value !== undefined) result[key] = value;
  }
  return result;
}
