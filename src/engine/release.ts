/** Gives guests their memory back outside any tick: at the end of a daemon, and when there is none. */
import { guard } from '../actuators/guard.ts';
import type { Domain, DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import type { Decision } from '../model/decision.ts';
import { errorMessage } from '../model/errors.ts';
import type { GuestSample } from '../model/snapshot.ts';
import { type Bytes, bytesToKib, kibToBytes, type Seconds } from '../model/units.ts';

/** What one guest was asked for. */
interface Given {
  readonly from: Bytes;
  readonly to: Bytes;
}

export interface Release {
  /** By uuid. */
  readonly given: ReadonlyMap<string, Given>;
  /** Why a guest was not asked, or did not answer, by uuid. */
  readonly failed: ReadonlyMap<string, string>;
}

/** A hung guest must not keep the daemon from its end, nor a unit from being started again. */
const PATIENCE: Seconds = 2;

interface Wish extends Given {
  readonly ref: DomainRef;
}

/** All at once. A guest that cannot be asked is told of, and does not keep the others waiting. */
async function giveAll(hypervisor: Hypervisor, wishes: readonly Wish[]): Promise<Release> {
  const given = new Map<string, Given>();
  const failed = new Map<string, string>();
  await Promise.all(
    wishes.map(async ({ ref, from, to }) => {
      try {
        await within(hypervisor.domain(ref).setMemory(bytesToKib(to), { live: true }));
        given.set(ref.uuid, { from, to });
      } catch (error) {
        failed.set(ref.uuid, errorMessage(error));
      }
    }),
  );
  return { given, failed };
}

/** Gives every managed guest its guaranteed maximum back: what `onExit: release` leaves behind. */
export function releaseBalloons(
  hypervisor: Hypervisor,
  decisions: readonly Decision[],
  samples: readonly GuestSample[],
): Promise<Release> {
  const byUuid = new Map(samples.map(sample => [sample.uuid, sample]));
  const wishes = decisions.flatMap((decision): Wish[] => {
    const ref = byUuid.get(decision.uuid);
    const from = ref?.readings.current.value;
    if (ref === undefined || from === undefined || decision.guarantees === undefined) return [];
    const verdict = guard({ ...decision, action: 'grow', targetBytes: decision.guarantees.maxBytes }, ref);
    return verdict.kind === 'refused' ? [] : [{ ref, from, to: verdict.targetBytes }];
  });
  return giveAll(hypervisor, wishes);
}

/** Gives these running guests all that they were made with back; `full` are those that have it, with their sizes by uuid. */
export async function releaseDomains(
  hypervisor: Hypervisor,
  domains: readonly Domain[],
): Promise<Release & { readonly full: ReadonlyMap<string, Bytes> }> {
  const unasked = new Map<string, string>();
  const full = new Map<string, Bytes>();
  const wishes: Wish[] = [];
  await Promise.all(
    domains.map(async ref => {
      try {
        const { maxMemKib, memoryKib } = await within(ref.info());
        const to = kibToBytes(maxMemKib);
        if (memoryKib >= maxMemKib) full.set(ref.uuid, to);
        else wishes.push({ ref, from: kibToBytes(memoryKib), to });
      } catch (error) {
        unasked.set(ref.uuid, errorMessage(error));
      }
    }),
  );
  const { given, failed } = await giveAll(hypervisor, wishes);
  return { given, full, failed: new Map([...unasked, ...failed]) };
}

async function within<T>(call: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${PATIENCE} s`)), PATIENCE * 1000);
  });
  try {
    return await Promise.race([call, expired]);
  } finally {
    clearTimeout(timer);
  }
}
