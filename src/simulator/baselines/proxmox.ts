/**
 * Proxmox VE's auto-ballooning (pve-manager, AutoBalloon): every ten seconds the host is brought nearer to four fifths in use, by at
 * most 100 MiB a guest, in proportion to shares above each guest's minimum.
 */
import { type Bytes, MiB, type Ratio } from '../../model/units.ts';
import type { Algorithm, Baseline } from './baseline.ts';

const HOST_TARGET: Ratio = 0.8;
const STEP: Bytes = 100 * MiB;
const DEAD_BAND: Bytes = 10 * MiB;
const SHARES = 1000;
/** A guest with more than this share of its minimum free can give. */
const FREE_SHARE: Ratio = 0.25;

export interface PveGuest {
  readonly id: string;
  readonly max: Bytes;
  readonly size: Bytes;
  readonly min: Bytes;
  readonly free: Bytes;
  readonly shares?: number;
}

/** @param goal bytes that guests may take up together; below zero: have to give */
export function pveTargets(guests: readonly PveGuest[], goal: Bytes): Map<string, Bytes> {
  const results = new Map<string, Bytes>();
  const withFree = guests.filter(({ free, min, size }) => free > FREE_SHARE * min && size >= min);
  const pressured = guests.filter(guest => !withFree.includes(guest));
  // The first choice goes first; when it brings nothing, all take part.
  if (goal > DEAD_BAND) {
    const rest = change(pressured, goal, results);
    if (rest >= goal) change(guests, rest, results);
  } else if (goal < -DEAD_BAND) {
    const rest = change(withFree, goal, results);
    if (rest <= goal) change(guests, rest, results);
  }
  return results;
}

/** Spreads `bytes` over the guests by shares; gives what could not be spread. */
function change(guests: readonly PveGuest[], bytes: Bytes, results: Map<string, Bytes>): Bytes {
  const done = new Set<string>();
  let rest = bytes;
  for (;;) {
    const open = guests.filter(({ id }) => !done.has(id));
    const above = open.reduce((sum, { id, size, min }) => sum + (results.get(id) ?? size) - min, 0);
    const shares = open.reduce((sum, guest) => sum + (guest.shares ?? SHARES), 0);
    const share = (above + rest) / shares;
    let changes = 0;
    let again = false;
    let progress = 0;
    for (const { id, max, size, min, shares: own = SHARES } of open) {
      const asked = min + Math.trunc(share * own);
      const desired = Math.min(max, Math.max(min, asked));
      if (desired !== asked) again = true;
      let target: Bytes;
      if (bytes > 0 && desired > size) target = Math.min(size + STEP, desired);
      // Also where there is memory to give: a guest above its share then loses some of it.
      else if (desired < size) target = Math.max(size - STEP, desired);
      else {
        done.add(id);
        continue;
      }
      const before = results.get(id) ?? size;
      if (target === size || target === before) continue;
      results.set(id, target);
      changes += target - before;
      progress += Math.abs(target - size);
      again = true;
    }
    rest -= changes;
    if (rest === 0 || !again || progress === 0) return rest;
  }
}

function start(): Algorithm {
  return ({ host, guests }) => {
    const eligible = guests.flatMap(({ id, max, size, min, report }) =>
      report === undefined ? [] : [{ id, max, size, min, free: report.free }],
    );
    const used = host.total - host.available;
    return pveTargets(eligible, Math.trunc(host.total * HOST_TARGET - used));
  };
}

export const proxmox: Baseline = { name: 'proxmox', intervalSeconds: 10, statsPeriod: 2, start };
