/**
 * Guests that boot (H9, R8). QEMU keeps the target over a reset and a new driver fills the balloon up to it (measured), so a
 * guest would be squeezed in the middle of its boot, when it needs most and nothing is known of it.
 */
import type { Bytes, Seconds } from '../model/units.ts';
import type { Boot } from './lessons.ts';
import type { GuestMemory } from './state.ts';

/** A guest that has just booted is not shrunk for so long, nor before so many reports. */
const GRACE_SECONDS: Seconds = 60;
const GRACE_REPORTS = 5;

/** Boots are counted as long as no longer than this lies between two. */
const LOOP_SECONDS: Seconds = 600;
/** More boots than this in a row are a crash loop: it must not hold memory against the others by booting. */
const LOOP_BOOTS = 3;

export function nextBoot(before: GuestMemory | undefined, now: Seconds): Boot {
  const last = before?.boot;
  const looping = last !== undefined && now - last.at < LOOP_SECONDS;
  return { at: now, count: looping ? last.count + 1 : 1, asked: before?.target ?? last?.asked };
}

function isLooping({ count }: Boot): boolean {
  return count > LOOP_BOOTS;
}

/** Seconds of grace left, at least one while reports are missing; undefined when there is none. */
export function graceLeft(boot: Boot | undefined, reports: number, now: Seconds): Seconds | undefined {
  if (boot === undefined || isLooping(boot)) return undefined;
  const left = boot.at + GRACE_SECONDS - now;
  return left <= 0 && reports >= GRACE_REPORTS ? undefined : Math.max(1, left);
}

/** True while a booting guest is to be given all that it may have, because it is held to less. */
export function isOwed({ boot, target }: GuestMemory, size: Bytes, ceiling: Bytes): boolean {
  if (boot === undefined || isLooping(boot) || (target ?? 0) >= ceiling) return false;
  return size < ceiling || (boot.asked !== undefined && boot.asked < ceiling);
}
