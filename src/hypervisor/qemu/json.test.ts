import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { type Json, parseJson } from './json.ts';

/** As JSON.parse gives it; big integers rounded as it does. */
function plain(value: Json): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Map) {
    // Own properties whatever the key, as JSON.parse makes them.
    return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}

function outcome(text: string): { value: unknown } | 'PROTOCOL' {
  try {
    return { value: plain(parseJson(text)) };
  } catch (error) {
    if (isBallonetError(error, 'PROTOCOL')) return 'PROTOCOL';
    throw error;
  }
}

describe('exact JSON', () => {
  it.each([
    ['18446744073709551615', 18446744073709551615n],
    ['9007199254740993', 9007199254740993n],
    ['-9223372036854775808', -9223372036854775808n],
    ['9007199254740991', 9007199254740991],
    ['-1', -1],
    ['-0', 0],
    ['1.5e3', 1500],
    ['"a\\u00e9\\n\\"b"', 'aé\n"b'],
  ])('reads %s as it is', (text, value) => {
    expect(parseJson(text)).toBe(value);
  });

  it('keeps keys that mean something to JavaScript as mere keys', () => {
    expect(parseJson('{"__proto__": 1, "constructor": 2}')).toEqual(
      new Map([
        ['__proto__', 1],
        ['constructor', 2],
      ]),
    );
  });

  it.each([
    '',
    '{',
    '{}}',
    '{"a":1,}',
    '[1,]',
    '[,1]',
    '{"a" 1}',
    '{a:1}',
    "'a'",
    '01',
    '1.',
    '.5',
    '+1',
    'NaN',
    'nul',
    'truex',
    '"\\x"',
    '"\\u12g4"',
    '"a',
    '"a\\',
    '"\u0001"',
    '1 2',
    '\u00a01',
    '{"a":1,"a":2}',
    '1e999',
    '123456789012345678901',
    `${'['.repeat(66)}${']'.repeat(66)}`,
  ])('refuses %j', text => {
    expect(outcome(text)).toBe('PROTOCOL');
  });

  it('does not use up the stack on a megabyte of brackets, nor the time on a megabyte of digits', () => {
    expect(outcome('['.repeat(2 ** 20))).toBe('PROTOCOL');
    expect(outcome('{"a":'.repeat(2 ** 18))).toBe('PROTOCOL');
    expect(outcome('9'.repeat(2 ** 20))).toBe('PROTOCOL');
  });

  it('reads every document without larger integers as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), text => {
        fc.pre(!/\d{21}/.test(text));
        expect(outcome(text)).toEqual({ value: JSON.parse(text) });
      }),
      { numRuns: 500 },
    );
  });

  it('reads every 64-bit integer exactly', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), integer => {
        const value = parseJson(String(integer));
        expect(typeof value === 'number' || typeof value === 'bigint').toBe(true);
        expect(typeof value === 'number' ? BigInt(value) : value).toBe(integer);
      }),
      { numRuns: 500 },
    );
  });

  it('takes no mutated document that JSON.parse refuses, and refuses only by PROTOCOL', () => {
    const seeds = [
      '{"return": {"stats": {"stat-swap-in": 0, "stat-total-memory": 18446744073709551615}, "last-update": 1700000000}, "id": 7}',
      '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "BALLOON_CHANGE", "data": {"actual": 1073741824}}',
      '{"error": {"class": "GenericError", "desc": "a \\"b\\" \\u00e9"}, "id": 7}',
      '[{"name": "device[0]", "type": "child<virtio-balloon-pci>"}, null, true, -1.5e-3]',
    ];
    const alphabet = '{}[]",:\\/0123456789-+.eEtrufalsn \t\u0000\u00e9'.split('');
    const mutation = fc.record({
      at: fc.nat(200),
      cut: fc.nat(4),
      put: fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 4 }),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (seed, mutations) => {
          const text = mutations.reduce(
            (text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut),
            seed,
          );
          const ours = outcome(text);
          if (ours !== 'PROTOCOL') expect(ours).toEqual({ value: JSON.parse(text) });
        },
      ),
      { numRuns: 20_000 },
    );
  }, 60_000);
});
