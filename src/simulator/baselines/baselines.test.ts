import { describe, expect, it } from 'vitest';
import { GiB, KiB, MiB } from '../../model/units.ts';
import { leastFree, minFunding, pricePerPage } from './esx.ts';
import { hypervTargets } from './hyperv.ts';
import { momTarget } from './mom.ts';
import { piStep } from './pi.ts';
import { type PveGuest, pveTargets } from './proxmox.ts';
import { type QubesGuest, qubesTargets } from './qmemman.ts';
import { squeezedTargets } from './squeezed.ts';

// Vectors that were had by running the peers' own code, where it is said so.

describe('mom', () => {
  const max = 8_388_608;
  it.each([
    [0.3, 2_000_000, 4_404_019.2],
    [0.3, 10_000, 5_023_164.8],
    [0.19, 2_000_000, 3_984_588.8],
    [0.1, 2_000_000, 3_984_588.8],
    [0.1, 100_000, undefined],
    [0.04, 2_000_000, 3_984_588.8],
    [0.04, 100_000, 4_052_360.96],
    [0.04, 0, 4_152_360.96],
  ])(
    'asks at %f of the host free and %i KiB of the guest free for what MOM itself asks for',
    (free, unused, target) => {
      const size = 4_194_304;
      const asked = momTarget(free, { size, max, meanSize: size, meanFree: unused });
      if (target === undefined) expect(asked).toBeUndefined();
      else expect(asked).toBeCloseTo(target, 1);
    },
  );

  it('asks for nothing where a guest has its maximum', () => {
    expect(momTarget(0.5, { size: max, max, meanSize: max, meanFree: 0 })).toBeUndefined();
  });
});

describe('proxmox', () => {
  const guest = (id: string, [max, size, min, free]: readonly number[], shares = 1000): PveGuest => ({
    id,
    max: (max ?? 0) * MiB,
    size: (size ?? 0) * MiB,
    min: (min ?? 0) * MiB,
    free: (free ?? 0) * MiB,
    shares,
  });
  it.each([
    [
      'a guest with free memory gives',
      -500,
      [guest('1', [8192, 8192, 2048, 5000]), guest('2', [8192, 8192, 2048, 100])],
      { 1: 8092 },
    ],
    [
      'all give when none has',
      -500,
      [guest('1', [8192, 8192, 2048, 100]), guest('2', [8192, 8192, 2048, 100])],
      { 1: 8092, 2: 8092 },
    ],
    [
      'it shrinks one in order to grow the other',
      50,
      [guest('1', [8192, 7000, 1024, 0]), guest('2', [8192, 1100, 1024, 0])],
      { 1: 6900, 2: 1200 },
    ],
    [
      'it takes from a guest without memory, for the shares’ sake',
      300,
      [guest('1', [8192, 3000, 2048, 0], 2000), guest('2', [8192, 3000, 2048, 0], 1000)],
      { 1: 3100, 2: 2900 },
    ],
    ['a little is nothing', 9, [guest('1', [8192, 3000, 2048, 0])], {}],
    [
      'a guest with free memory grows where there is none without',
      300,
      [guest('1', [8192, 3000, 2048, 2000])],
      { 1: 3100 },
    ],
  ])('%s, as Proxmox itself does', (_, goal, guests, expected) => {
    const targets = pveTargets(guests, goal * MiB);
    expect(Object.fromEntries([...targets].map(([id, bytes]) => [id, bytes / MiB]))).toEqual(expected);
  });
});

describe('squeezed', () => {
  it('gives all the same share of their range', () => {
    const guests = [
      { id: '1', min: GiB, max: 4 * GiB, size: 2 * GiB },
      { id: '2', min: GiB, max: 2 * GiB, size: 2 * GiB },
    ];
    const targets = squeezedTargets(GiB, guests);
    expect([...targets.values()].map(bytes => bytes / KiB)).toEqual([3_352_564, 1_816_572]);
  });

  it('gives the minimum where there is nothing beyond it', () => {
    const guests = [{ id: '1', min: GiB, max: 4 * GiB, size: 2 * GiB }];
    expect([...squeezedTargets(-2 * GiB, guests).values()]).toEqual([GiB]);
  });
});

describe('qmemman', () => {
  const guest = (id: string, used: number, size: number, max = 4000): QubesGuest => ({
    id,
    used: used * MiB,
    size: size * MiB,
    max: max * MiB,
  });
  it.each([
    [
      'splits what there is by preference',
      2000,
      [guest('1', 500, 1000), guest('2', 1000, 1000)],
      [
        ['1', 1332],
        ['2', 2664],
      ],
    ],
    [
      'lets donors give before anybody gets',
      100,
      [guest('1', 500, 1000), guest('2', 2000, 1000), guest('3', 1500, 1000)],
      [['1', 650]],
    ],
    [
      'hands on what is more than a maximum',
      4000,
      [guest('1', 500, 1000, 1200), guest('2', 1000, 1000)],
      [
        ['1', 1200],
        ['2', 4000],
      ],
    ],
  ])('%s, as Qubes itself does', (_, free, guests, expected) => {
    const targets = qubesTargets(guests, free * MiB);
    expect(targets.map(([id, bytes]) => [id, Math.round(bytes / MiB)])).toEqual(expected);
  });

  it('names those that give first', () => {
    const targets = qubesTargets([guest('1', 1500, 1000), guest('2', 200, 3000)], 3000 * MiB);
    expect(targets.map(([id]) => id)).toEqual(['2', '1']);
  });
});

describe('esx', () => {
  it('keeps 899 MB free on a host of 28 GiB, and a hundredth of what is more', () => {
    expect(leastFree(28 * GiB) / MiB).toBeCloseTo(901, 0);
    expect((leastFree(128 * GiB) - leastFree(28 * GiB)) / GiB).toBeCloseTo(1, 6);
  });

  it('lets an idle page cost four times as much as one in use', () => {
    const busy = pricePerPage({ shares: 100, active: 1 }, 10);
    expect(busy / pricePerPage({ shares: 100, active: 0 }, 10)).toBeCloseTo(4, 9);
  });

  it('takes from the idle guest of two with equal shares, down to what it is left', () => {
    const both = { shares: 100, least: GiB, most: 4 * GiB };
    const targets = minFunding(
      [
        { ...both, id: 'idle', active: 0.1 },
        { ...both, id: 'busy', active: 0.9 },
      ],
      6 * GiB,
    );
    expect((targets.get('idle') ?? 0) + (targets.get('busy') ?? 0)).toBeCloseTo(6 * GiB, -3);
    expect(targets.get('busy')).toBeCloseTo(4 * GiB, -3);
    const tight = minFunding(
      [
        { ...both, id: 'idle', active: 0.1 },
        { ...both, id: 'busy', active: 0.9 },
      ],
      3 * GiB,
    );
    expect(tight.get('idle')).toBeCloseTo(GiB, -3);
    expect(tight.get('busy')).toBeCloseTo(2 * GiB, -3);
  });
});

describe('hyperv', () => {
  const guest = { id: '1', min: 512 * MiB, max: 4 * GiB };
  it('gives 1200 MB for 1000 MB', () => {
    expect(
      hypervTargets(
        [{ ...guest, committed: 1000 }].map(each => ({ ...each, min: 0 })),
        GiB,
      ).get('1'),
    ).toBeCloseTo(1200, 6);
  });

  it('keeps to minimum and maximum', () => {
    expect(hypervTargets([{ ...guest, committed: 1 }], 8 * GiB).get('1')).toBe(guest.min);
    expect(hypervTargets([{ ...guest, committed: 4 * GiB }], 8 * GiB).get('1')).toBe(guest.max);
  });

  it('cuts buffers first, then all alike, and never the minimum', () => {
    const two = [
      { ...guest, committed: GiB },
      { ...guest, id: '2', committed: 2 * GiB },
    ];
    const sum = (pool: number) => [...hypervTargets(two, pool).values()];
    expect(sum(3.3 * GiB)).toEqual([expect.closeTo(1.1 * GiB, -3), expect.closeTo(2.2 * GiB, -3)]);
    expect(sum(2 * GiB).reduce((a, b) => a + b, 0)).toBeCloseTo(2 * GiB, -3);
    expect(sum(0.5 * GiB)).toEqual([guest.min, guest.min]);
  });
});

describe('pi', () => {
  const guest = { size: 4 * GiB, max: 8 * GiB, used: GiB };
  it('shrinks in proportion to what the host lacks, and by what has added up', () => {
    // error = 0.2 - 0.1; integral = 0.5; adjustment = (0.05 + 0.025) x 8 GiB
    expect(piStep(0, 0.1, guest)).toEqual({
      integral: expect.closeTo(0.5, 9),
      target: expect.closeTo(3.4 * GiB, -3),
    });
  });

  it('does not move for little', () => {
    expect(piStep(0, 0.195, guest).target).toBeUndefined();
  });

  it('does not go below what the guest uses, but where the host is nine tenths in use', () => {
    const full = { ...guest, used: 3.9 * GiB };
    expect(piStep(1, 0.12, full).target).toBeCloseTo(3.9 * GiB, -3);
    expect(piStep(1, 0.05, full).target).toBeLessThan(3.9 * GiB);
    expect(piStep(1, 0, { ...guest, size: 3 * GiB }).target).toBeCloseTo(0.33 * 8 * GiB, -3);
  });

  it('does not wind up at a bound', () => {
    const { integral, target } = piStep(-1, 1, { ...guest, size: 8 * GiB });
    expect(target).toBeUndefined();
    expect(integral).toBeGreaterThan(-1);
  });
});
