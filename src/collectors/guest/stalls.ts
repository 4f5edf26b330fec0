import { readdir } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { DomainRef } from '../../hypervisor/driver.ts';
import { ABSENT, type Reading } from '../../model/snapshot.ts';
import type { Seconds } from '../../model/units.ts';
import { findHierarchy } from '../host/cgroup.ts';
import { readPressure } from '../host/pressure.ts';

/** libvirt puts each QEMU into a scope below this slice (docs/cgroups.rst), named `machine-qemu\x2dID\x2dNAME.scope`. */
const SLICE = 'machine.slice';
const SCOPE = /^machine-qemu\\x2d(\d+)\\x2d/;
/** Guests read in one tick, by turns: a file each. */
const READ_PER_TICK = 64;
/** A guest whose scope was not found is looked for again this often. */
const LOOK_AGAIN: Seconds = 30;

/** A guest's stalls for want of the host's memory, in percent of the last 10 s. */
export interface Stalls {
  readonly psiSome: Reading;
  readonly psiFull: Reading;
}

const NONE: Stalls = { psiSome: ABSENT, psiFull: ABSENT };

/** Pressure on the guests' processes by their cgroups: v2, on this machine, under systemd. Elsewhere there is none. */
export interface GuestStalls {
  /** As last read, with its age. */
  of(domain: DomainRef, at: Seconds): Stalls;
  /** Reads those whose turn it is. Never fails: a file that is not there is no reading. */
  refresh(guests: readonly Grouped[], at: Seconds): Promise<void>;
  forget(uuid: string): void;
}

/** A guest as far as its cgroup is concerned. */
interface Grouped {
  readonly ref: DomainRef;
}

interface Entry {
  readonly id: number;
  readAt: Seconds;
  stalls: Stalls;
}

export function createGuestStalls(root: string, local: boolean): GuestStalls {
  const entries = new Map<string, Entry>();
  let scopes: ReadonlyMap<number, string> = new Map();
  let lookedAt = Number.NEGATIVE_INFINITY;

  function entryOf({ uuid, id }: DomainRef): Entry {
    const known = entries.get(uuid);
    if (known?.id === id) return known;
    const entry = { id, readAt: Number.NEGATIVE_INFINITY, stalls: NONE };
    entries.set(uuid, entry);
    return entry;
  }

  async function read(entry: Entry, at: Seconds): Promise<void> {
    entry.readAt = at;
    const folder = scopes.get(entry.id);
    entry.stalls = NONE;
    if (folder === undefined) return;
    try {
      const { psiSomeAvg10, psiFullAvg10 } = await readPressure(root, posix.join(folder, 'memory.pressure'));
      entry.stalls = { psiSome: psiSomeAvg10, psiFull: psiFullAvg10 };
    } catch {
      // It ended between two looks; the next one finds what is there.
      lookedAt = Number.NEGATIVE_INFINITY;
    }
  }

  return {
    of(domain, at) {
      if (!local) return NONE;
      const { readAt, stalls } = entryOf(domain);
      const age = at - readAt;
      return age === 0 || stalls === NONE
        ? stalls
        : {
            psiSome: { ...stalls.psiSome, ageSeconds: age },
            psiFull: { ...stalls.psiFull, ageSeconds: age },
          };
    },
    async refresh(guests, at) {
      if (!local) return;
      const all = guests.map(({ ref }) => entryOf(ref));
      if (all.some(({ id }) => !scopes.has(id)) && at - lookedAt >= LOOK_AGAIN) {
        lookedAt = at;
        scopes = await findScopes(root);
      }
      if (scopes.size === 0) return;
      const due =
        all.length <= READ_PER_TICK
          ? all
          : all.toSorted((a, b) => a.readAt - b.readAt).slice(0, READ_PER_TICK);
      await Promise.all(due.map(entry => read(entry, at)));
    },
    forget: uuid => entries.delete(uuid),
  };
}

/** The scopes of running QEMUs by their domains' ids; none where systemd, libvirt or cgroup v2 have it otherwise. */
async function findScopes(root: string): Promise<ReadonlyMap<number, string>> {
  try {
    const { version, mountPoint } = await findHierarchy(root);
    if (version !== 2) return new Map();
    const slice = posix.join(mountPoint, SLICE);
    const names = await readdir(join(root, slice));
    return new Map(
      names.flatMap(name => {
        const id = SCOPE.exec(name)?.[1];
        return id === undefined ? [] : [[Number(id), posix.join(slice, name)] as const];
      }),
    );
  } catch {
    return new Map();
  }
}
