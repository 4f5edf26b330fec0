import { z } from 'zod';

/**
 * Any keys, all values of one kind. As it was read: `z.record` leaves out a key `__proto__`, which a guest's tag may well be called,
 * and which does no harm in what `JSON.parse` gives.
 */
export function dictionaryOf<T>(
  isValue: (value: unknown) => value is T,
): z.ZodType<Readonly<Record<string, T>>> {
  return z.custom<Readonly<Record<string, T>>>(
    value =>
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every(isValue),
    'not an object of such values',
  );
}

export function isScalar(value: unknown): value is number | string | boolean {
  return typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean';
}
