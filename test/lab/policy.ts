import { stringify } from 'yaml';

type Fields = Readonly<Record<string, unknown>>;

/** What a lab's policy says beside what all of them say; a field that is given takes the place of the common one, whole. */
interface LabPolicy {
  /** Of the host policy's `spec`. */
  readonly host?: Fields;
  /** Of the guest policy's `spec`. */
  readonly guest?: Fields;
}

/**
 * The policy file of a lab: a host of 1 GiB that is looked at every second and keeps 64 MiB, and guests that are sure of a fifth of
 * their maximum and are to have what they use and a reserve.
 */
export function labPolicy({ host, guest }: LabPolicy): string {
  const documents = [
    {
      kind: 'HostPolicy',
      spec: {
        interval: '1s',
        memory: '1GiB',
        reserve: { bytes: '64MiB', percent: 0, select: 'max' },
        ...host,
      },
    },
    {
      kind: 'GuestPolicy',
      spec: {
        match: {},
        guarantees: { min: '20%', max: '100%', reserve: '128MiB' },
        target: 'guest.demand + guarantees.reserve',
        ...guest,
      },
    },
  ];
  return documents
    .map(({ kind, spec }) => stringify({ apiVersion: 'ballonet/v1', kind, metadata: { name: 'lab' }, spec }))
    .join('---\n');
}

/** A pressure level that the host is always at. */
export const ALWAYS = { name: 'always', when: 'true', for: '0s', keepFor: '0s' };

/** Shrinks every guest to what it uses and its reserve of 128 MiB, as soon as it may. */
export function squeezing(host: Fields, guest?: Fields): string {
  return labPolicy({
    host: { pressure: [ALWAYS], ...host },
    guest: {
      estimate: { signal: 'used', window: '10s', quantile: 0.95, growth: '2s' },
      behavior: {
        shrink: { at: ['always'], step: { max: '20%', min: '16MiB' }, cooldown: '2s' },
        grow: { at: ['none', 'always'], step: { max: '100%' }, cooldown: '0s' },
      },
      ...guest,
    },
  });
}
