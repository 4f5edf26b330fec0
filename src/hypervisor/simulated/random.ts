/**
 * Randomness with random access: SplitMix (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014)
 * in 32 bits, with the finaliser of MurmurHash3 (Appleby, public domain). The n-th number of a stream costs the same as the
 * first, so a value that depends on time needs no state: the same (seed, index) gives the same number for ever. Integer
 * arithmetic only, hence equal on every machine.
 */
import type { Ratio } from '../../model/units.ts';
import { uuidText } from '../uuid.ts';

/** 2^32 divided by the golden ratio, made odd: SplitMix's increment. */
const GOLDEN = 0x9e3779b9;

/** The `index`-th number of the stream `seed`, 0 <= x < 1. `index` is a whole number and counts modulo 2^32. */
export function randomAt(seed: number, index: number): Ratio {
  return mix(seed + Math.imul(index + 1, GOLDEN)) / 2 ** 32;
}

/** A seed for one purpose, unrelated to that of any other label: what one guest draws does not move another's numbers. */
export function deriveSeed(seed: number, label: string): number {
  // FNV-1a (Fowler, Noll, Vo) over the UTF-16 units.
  let hash = 0x811c9dc5;
  for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
  return mix(mix(seed) ^ hash);
}

/** A version 4 UUID (RFC 9562) from the stream `seed`. */
export function randomUuid(seed: number): string {
  const hex = Array.from({ length: 32 }, (_, i) => Math.floor(randomAt(seed, i) * 16).toString(16)).join('');
  const variant = (8 + Math.floor(randomAt(seed, 32) * 4)).toString(16);
  return uuidText(`${hex.slice(0, 12)}4${hex.slice(13, 16)}${variant}${hex.slice(17)}`);
}

function mix(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
