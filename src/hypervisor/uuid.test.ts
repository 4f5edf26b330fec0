import fc from 'fast-check';
import { expect, it } from 'vitest';
import { uuidText } from './uuid.ts';

it('writes the digits of a uuid in the groups of RFC 9562, and none of them else', () => {
  fc.assert(
    fc.property(fc.uuid(), uuid => {
      expect(uuidText(uuid.replaceAll('-', ''))).toBe(uuid);
    }),
  );
});
