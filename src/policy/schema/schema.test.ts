import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GiB, MiB } from '../../model/units.ts';
import { GuestPolicyDocument } from './guest-policy.ts';
import { HostPolicyDocument } from './host-policy.ts';
import { amount, duration, pool, rate, size } from './quantities.ts';

/** Code of the first thing wrong with the input; undefined if nothing is. */
function faultOf(schema: z.ZodType, input: unknown): unknown {
  const issue = schema.safeParse(input).error?.issues[0];
  return issue?.code === 'custom' ? issue.params?.code : issue?.code;
}

describe('quantities', () => {
  it('are read into bytes, seconds, ratios and bytes per second', () => {
    expect(size().parse('1.5GiB')).toBe(1.5 * GiB);
    expect(duration().parse('2m')).toBe(120);
    expect(rate().parse('60MiB/min')).toBe(MiB);
    expect(amount({ ratio: {}, bytes: {} }).parse('25%')).toEqual({ ratio: 0.25 });
    expect(amount({ ratio: {}, bytes: {} }).parse('1GiB')).toEqual({ bytes: GiB });
  });

  it.each([
    [size(), 512, 'POLICY_UNIT'],
    [size(), '512', 'POLICY_UNIT'],
    [size(), '512M', 'POLICY_UNIT'],
    [size(), '25%', 'POLICY_UNIT'],
    [size(), '-1GiB', 'POLICY_UNIT'],
    [size(), '9007199254740992B', 'POLICY_UNIT'],
    [size({ min: 2 * MiB }), '1MiB', 'POLICY_RANGE'],
    [size({ max: MiB }), '2MiB', 'POLICY_RANGE'],
    [size(), ['1GiB'], 'POLICY_TYPE'],
    [size(), null, 'POLICY_TYPE'],
    [duration(), 5, 'POLICY_UNIT'],
    [duration(), '5', 'POLICY_UNIT'],
    [duration(), '5 minutes', 'POLICY_UNIT'],
    [rate(), '1GiB', 'POLICY_UNIT'],
    [rate(), '1GiB/day', 'POLICY_UNIT'],
    [rate(), '0B/s', 'POLICY_RANGE'],
    [amount({ ratio: { max: 1 }, bytes: {} }), '101%', 'POLICY_RANGE'],
    [amount({ ratio: {}, bytes: {} }), 0.25, 'POLICY_UNIT'],
    [pool(), 'all', 'POLICY_UNIT'],
    [pool(), '1MiB', 'POLICY_RANGE'],
    [pool(), 'cgroup:machine.slice', 'POLICY_RANGE'],
    [pool(), 'cgroup:/a/../b', 'POLICY_RANGE'],
  ])('refuse what they cannot take: %#', (schema, input, code) => {
    expect(faultOf(schema, input)).toBe(code);
  });

  it('tell editors exactly the form that the parser takes', () => {
    const digits = fc.constantFrom('1', '64', '0.5', '1.', '', '-1');
    const units = [
      '',
      'B',
      'KiB',
      'MiB',
      'GiB',
      'TiB',
      'kB',
      'MB',
      'GB',
      'TB',
      'KB',
      'Mi',
      'ms',
      's',
      'm',
      'h',
      'd',
      'min',
      '%',
    ];
    const text = fc
      .tuple(
        digits,
        fc.constantFrom('', ' '),
        fc.constantFrom(...units),
        fc.constantFrom('', '/s', '/min', '/m', '/h', '/d'),
      )
      .map(parts => parts.join(''));
    for (const schema of [size(), duration(), rate(), amount({ ratio: {}, bytes: {} }), pool()]) {
      const { pattern = '' } = z.toJSONSchema(schema, { io: 'input' });
      fc.assert(
        fc.property(text, written => {
          const fault = faultOf(schema, written);

          expect(new RegExp(pattern).test(written)).toBe(fault === undefined || fault === 'POLICY_RANGE');
        }),
        { numRuns: 600 },
      );
    }
  });

  it('name the pool in three ways', () => {
    expect(pool().parse('auto')).toEqual({ kind: 'auto' });
    expect(pool().parse('64GiB')).toEqual({ kind: 'size', bytes: 64 * GiB });
    expect(pool().parse('cgroup:/machine.slice')).toEqual({ kind: 'cgroup', path: '/machine.slice' });
  });
});

describe.each([
  ['HostPolicy', HostPolicyDocument],
  ['GuestPolicy', GuestPolicyDocument],
])('the schema of %s', (_, schema) => {
  const json: unknown = z.toJSONSchema(schema, { io: 'input' });

  it('describes every field', () => {
    expect(fieldsWithoutDescription(json, '')).toEqual([]);
  });

  it('allows no field that it does not name', () => {
    expect(openObjects(json, '')).toEqual([]);
  });
});

function entries(node: unknown): [string, unknown][] {
  return typeof node === 'object' && node !== null ? Object.entries(node) : [];
}

function fieldsWithoutDescription(node: unknown, path: string): string[] {
  return entries(node).flatMap(([key, child]) => {
    const below = fieldsWithoutDescription(child, `${path}/${key}`);
    if (key !== 'properties') return below;
    const bare = entries(child).filter(
      ([, field]) => !entries(field).some(([name]) => name === 'description'),
    );
    return [...bare.map(([name]) => `${path}/${name}`), ...below];
  });
}

function openObjects(node: unknown, path: string): string[] {
  const own = Object.fromEntries(entries(node));
  const open =
    own.type === 'object' && own.additionalProperties !== false && own.propertyNames === undefined
      ? [path]
      : [];
  return [...open, ...entries(node).flatMap(([key, child]) => openObjects(child, `${path}/${key}`))];
}
