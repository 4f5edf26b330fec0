/** What is drawn and listed, as far as it needs no page. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GiB, MiB } from '../model/units.ts';
import { change, duration, roundSize, size, words } from './format.ts';
import { continued } from './host-chart.ts';
import { stacked } from './stack.ts';
import { createParser } from './stream.ts';
import { createTrails } from './trails.ts';
import { visibleWindow } from './virtual.ts';

describe('figures for people', () => {
  it('have three digits and a unit, and a dash where nothing is known', () => {
    expect([undefined, null, 0, 812 * MiB, 1.534 * GiB, 24 * GiB, 512 * GiB].map(size)).toEqual([
      ...['–', '–', '0', '812 MiB', '1.53 GiB', '24.0 GiB', '512 GiB'],
    ]);
    expect([change(0), change(GiB), change(-GiB)]).toEqual(['±0', '+1.00 GiB', '−1.00 GiB']);
    expect(roundSize(24 * GiB)).toBe('24 GiB');
    expect([3, 240, 7500, 273_600].map(duration)).toEqual(['3 s', '4 min', '2 h 5 min', '3 d 4 h']);
    expect(['MOVE_IN_FLIGHT', 'kernelBytes', 'useRate'].map(words)).toEqual([
      'move in flight',
      'kernel',
      'use rate',
    ]);
  });
});

describe('areas of a chart', () => {
  it('lie on each other, and on nothing where the lowest is not known', () => {
    const columns = [
      [1, null, 3],
      [10, 10, null],
      [100, 100, 100],
    ];
    expect(stacked(columns, [true, true, true])).toEqual([
      [1, null, 3],
      [11, null, 3],
      [111, null, 103],
    ]);
    expect(stacked(columns, [true, false, true])[1]).toEqual([10, 10, null]);
  });

  it('go on with each snapshot: in its row, or in new ones that hold what was known before', () => {
    expect(continued([1, 2], 0, 5, 10)).toEqual([1, 5]);
    expect(continued([1, 2], 3, 5, 10)).toEqual([1, 2, 2, 2, 5]);
    expect(continued([1, 2], 3, null, 4)).toEqual([2, 2, 2, null]);
  });
});

describe('the part of a list that is in the page', () => {
  it('covers what is on screen, wherever it is scrolled to', () => {
    fc.assert(
      fc.property(
        fc.nat(2000),
        fc.nat(100_000),
        fc.integer({ min: 40, max: 2000 }),
        (count, scrolled, height) => {
          const { first, end } = visibleWindow(count, 40, scrolled, height);
          expect(first).toBeGreaterThanOrEqual(0);
          expect(end).toBeLessThanOrEqual(Math.max(count, first));
          expect(end - first).toBeLessThanOrEqual(Math.ceil(height / 40) + 18);
          for (let row = Math.floor(scrolled / 40); row * 40 < scrolled + height && row < count; row++)
            expect(row >= first && row < end).toBe(true);
        },
      ),
    );
  });
});

describe('the stream', () => {
  it('comes whole however it is cut', () => {
    const text = 'event: snapshot\ndata: {"at":"a"}\n\n:\n\nevent: event\nid: 7\ndata: {"id":7}\n\n';
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), cuts => {
        const seen: unknown[] = [];
        const parse = createParser({
          snapshot: snapshot => seen.push(snapshot),
          event: event => seen.push(event),
        });
        const places = [0, ...cuts.toSorted((a, b) => a - b), text.length];
        for (const [i, place] of places.entries()) parse(text.slice(places[i - 1] ?? 0, place));
        expect(seen).toEqual([{ at: 'a' }, { id: 7 }]);
      }),
    );
  });
});

describe('the small charts of guests', () => {
  const at = (seconds: number) => new Date(1.7e12 + seconds * 1000).toISOString();

  it('go on from what the daemon knew, one point a step, and end with their guest', () => {
    const trails = createTrails({
      at: at(0),
      stepSeconds: 15,
      items: [{ domain: 'a', uuid: 'a', values: [1, 2] }],
    });
    trails.note({ at: at(10), guests: [{ uuid: 'a', usedBytes: 3 }] });
    expect(trails.of('a')).toEqual([1, 3]);
    trails.note({ at: at(16), guests: [{ uuid: 'a', usedBytes: 4 }, { uuid: 'b' }] });
    expect([trails.of('a'), trails.of('b')]).toEqual([[1, 3, 4], [null]]);
    trails.note({ at: at(17), guests: [{ uuid: 'b', usedBytes: 1 }] });
    expect([trails.of('a'), trails.of('b')]).toEqual([[], [1]]);
  });
});
