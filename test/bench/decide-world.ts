/** The host that `decide()` is timed on: guests of three ranks whose use wanders, in the same way in every run. */
import { uuidText } from '../../src/hypervisor/uuid.ts';
import { guestReadings } from '../../src/model/guest-readings.ts';
import { ABSENT, type GuestSample, known, type Snapshot } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB } from '../../src/model/units.ts';
import type { Tick } from '../../src/policy/decide.ts';

interface Body {
  readonly uuid: string;
  /** Missing: of the rank that has no tag. */
  readonly tags: Readonly<Record<string, string>> | undefined;
  readonly max: Bytes;
  current: Bytes;
  used: Bytes;
}

export interface World {
  /** New reports of all guests. */
  next(): Snapshot;
  follow(tick: Tick): void;
}

/** One guest in five is gold and two are bronze, as policies/mixed-tiers.yaml tells them apart. */
const RANKS = [{ tier: 'gold' }, undefined, { tier: 'bronze' }, undefined, { tier: 'bronze' }];

export function createWorld(count: number): World {
  const random = randomOf(count);
  const bodies = Array.from({ length: count }, (_, i): Body => {
    const max = (1 + Math.floor(random() * 16)) * GiB;
    const uuid = uuidText(`00000000000040008000${String(i).padStart(12, '0')}`);
    return { uuid, tags: RANKS[i % RANKS.length], max, current: max, used: max * (0.1 + 0.5 * random()) };
  });
  const byUuid = new Map(bodies.map(body => [body.uuid, body]));
  const total = bodies.reduce((sum, { max }) => sum + max, 0) * 0.55;
  let sequence = 0;
  return {
    next() {
      sequence++;
      for (const body of bodies) {
        body.used *= 1 + 0.04 * (random() - 0.5);
        body.used = Math.min(body.current - 96 * MiB, Math.max(128 * MiB, body.used));
      }
      const guests = bodies.map(body => sampleOf(body, sequence));
      return { sequence, guests, host: hostOf(total) };
    },
    follow({ decisions }) {
      for (const { uuid, action, targetBytes } of decisions) {
        const body = byUuid.get(uuid);
        if (action !== 'hold' && body !== undefined && targetBytes !== undefined) body.current = targetBytes;
      }
    },
  };
}

function sampleOf({ uuid, tags, max, current, used }: Body, sequence: number): GuestSample {
  const total = current - 64 * MiB;
  return {
    uuid,
    name: `guest-${uuid.slice(-5)}`,
    id: 1,
    ...(tags && { tags }),
    balloon: { device: 'virtio', autodeflate: false },
    state: 'running',
    statsAgeSeconds: 0.2,
    epoch: 1,
    reportsInEpoch: sequence,
    uptimeSeconds: sequence,
    readings: guestReadings({
      max: known(max),
      current: known(current),
      rss: known(Math.min(current, 0.8 * max)),
      total: known(total, 0.2),
      available: known(Math.max(0, total - used), 0.2),
      free: known(Math.max(0, total - used) / 2, 0.2),
      cache: known(used / 4, 0.2),
      used: known(used, 0.2),
      swapInRate: known(0, 0.2),
      swapOutRate: known(0, 0.2),
      majorFaultRate: known(3, 0.2),
      oomKills: ABSENT,
      allocStalls: ABSENT,
      psiSome: ABSENT,
      psiFull: ABSENT,
    }),
  };
}

function hostOf(total: Bytes): Snapshot['host'] {
  const none = known(0);
  return {
    source: 'meminfo',
    readings: {
      total: known(total),
      available: known(0.15 * total),
      free: known(0.1 * total),
      swapUsed: none,
      swapInRate: none,
      swapOutRate: none,
      committed: known(total),
      psiSomeAvg10: none,
      psiSomeAvg60: none,
      psiSomeAvg300: none,
      psiFullAvg10: none,
      psiFullAvg60: none,
      psiFullAvg300: none,
    },
  };
}

/** Numbers in 0..1, the same for the same seed (a linear congruential generator with the constants of glibc's TYPE_0). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
