import { Environment } from '@marcbachmann/cel-js';
import { describe, expect, it } from 'vitest';
import { GiB, KiB } from '../../model/units.ts';
import type { Scope } from './expression.ts';
import { fastOf } from './fast.ts';
import { guestScope } from './names.ts';

const VISIBLE = guestScope(['headroom']);
const ENVIRONMENT = new Environment({ unlistedVariablesAreDyn: true });

function fast(text: string) {
  return fastOf(ENVIRONMENT.parse(text).ast, VISIBLE);
}

const SCOPE: Scope = {
  host: { guests: 2, psi: { some: {}, full: { avg10: 12 } }, level: 'soft', available: Number.NaN },
  guest: { name: 'web-1', uuid: 'u', tags: { tier: 'gold' }, demand: 2 * GiB, boots: 1, distress: false },
  guarantees: { min: GiB, max: 4 * GiB, reserve: GiB / 4 },
  vars: { headroom: 100 },
};

describe('the fast form of an expression', () => {
  it.each([
    ['guest.demand + max(guarantees.reserve, guest.demand * 0.25)', 2.5 * GiB],
    ['2 * guest.demand - 1 * GiB / -2', 4.5 * GiB],
    ['clamp(guest.demand, 1, 5) + abs(-vars.headroom) + min(7, 8.0, 9)', 112],
    ['has(guest.swap_out_rate) && guest.swap_out_rate > 64 * KiB', false],
    ['guest.boots > 1 || host.psi.full.avg10 >= 12', true],
    ['!guest.distress && host.level == "soft" && guest.name != "x"', true],
    ['guest.boots == 1 ? guest.demand : 1.0', 2 * GiB],
    ['has(host.available)', false],
    ['64 * KiB', 64 * KiB],
    ['max(KiB, 2.0 * KiB) - guest.boots / 2.0', 2047.5],
    ['1 - KiB < guest.boots', true],
  ])('gives of %s what CEL gives', (text, value) => {
    expect(fast(text)?.(SCOPE)).toBe(value);
  });

  it.each([
    'guest.used > 1.0',
    'guest.used > 1.0 || true',
    'guest.used * 1.0 + guest.demand',
    'max(guest.demand, guest.used)',
    'min(1.0, 2.0, guest.used)',
    'host.available > 1.0 ? 1.0 : 2.0',
    '-guest.used',
    '!(guest.used > 1.0)',
  ])('gives nothing for %s, of which a value is missing, so that CEL has the word', text => {
    const run = fast(text);
    expect(run).toBeDefined();
    expect(run?.(SCOPE)).toBeUndefined();
  });

  it.each([
    'guest.tags.tier == "gold"',
    'guest.name.startsWith("web")',
    'guest.name in ["web-1"]',
    '[1.0, 2.0].exists(x, x > 1.0)',
    '2 + 3 > 4',
    'size(guest.tags) == 1',
    'guest.demand > (2 + 3)',
    'guest.name + "x" == "web-1x"',
    'true == false',
  ])('is none for %s, which is not of the common part', text => {
    expect(fast(text)).toBeUndefined();
  });
});
