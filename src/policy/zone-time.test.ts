import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isZone, localTime, startOfDay } from './zone-time.ts';

const at = (text: string): number => Date.parse(text) / 1000;
const dayOf = (text: string): number => at(`${text}T00:00:00Z`) / 86_400;

describe('local time', () => {
  it.each([
    ['2026-01-05T20:59:59Z', 'Europe/Rome', { weekday: 1, hour: 21, minute: 59 }],
    ['2026-01-05T21:00:00Z', 'Europe/Rome', { weekday: 1, hour: 22, minute: 0 }],
    ['2026-07-05T22:30:00Z', 'Europe/Rome', { weekday: 1, hour: 0, minute: 30 }],
    ['2026-01-04T23:30:00Z', 'UTC', { weekday: 7, hour: 23, minute: 30 }],
    ['2026-01-04T23:30:00Z', 'Asia/Kathmandu', { weekday: 1, hour: 5, minute: 15 }],
    // Clocks go from 02:00 to 03:00, and from 03:00 back to 02:00.
    ['2026-03-29T00:59:00Z', 'Europe/Rome', { weekday: 7, hour: 1, minute: 59 }],
    ['2026-03-29T01:00:00Z', 'Europe/Rome', { weekday: 7, hour: 3, minute: 0 }],
    ['2026-10-25T00:30:00Z', 'Europe/Rome', { weekday: 7, hour: 2, minute: 30 }],
    ['2026-10-25T01:30:00Z', 'Europe/Rome', { weekday: 7, hour: 2, minute: 30 }],
  ])('at %s in %s is %j', (instant, zone, expected) => {
    expect(localTime({ wall: at(instant) }, zone)).toEqual(expected);
  });

  it('does not depend on what was asked before', () => {
    const instants = fc.array(fc.integer({ min: 1.7e9, max: 1.9e9 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(instants, list => {
        for (const wall of list) {
          const date = new Date(wall * 1000);
          expect(localTime({ wall }, 'UTC')).toEqual({
            weekday: date.getUTCDay() || 7,
            hour: date.getUTCHours(),
            minute: date.getUTCMinutes(),
          });
        }
      }),
    );
  });

  it('is what the calendar of the system shows, whatever minute was asked for before', () => {
    const names = [
      'Europe/Rome',
      'Asia/Kathmandu',
      'America/St_Johns',
      'Australia/Lord_Howe',
      'Pacific/Chatham',
    ];
    const zone = fc.constantFrom(...names);
    const [from, to] = [at('2026-01-01T00:00:00Z'), at('2027-01-01T00:00:00Z')];
    fc.assert(
      fc.property(zone, fc.integer({ min: from, max: to }), fc.nat(3600), (timeZone, first, later) => {
        for (const wall of [first, first + later]) {
          const shown = new Date(wall * 1000).toLocaleTimeString('en-GB', { timeZone });
          const { hour, minute } = localTime({ wall }, timeZone);
          expect([hour, minute]).toEqual(shown.split(':').slice(0, 2).map(Number));
        }
      }),
    );
  });

  it('knows which zones there are', () => {
    expect(['Europe/Rome', 'UTC', 'America/New_York'].every(isZone)).toBe(true);
    expect(['Mars/Base', '', 'Europe/Roma'].some(isZone)).toBe(false);
  });
});

describe('the start of a day', () => {
  it.each([
    ['2026-06-01', 'UTC', '2026-06-01T00:00:00Z'],
    ['2026-06-01', 'Europe/Rome', '2026-05-31T22:00:00Z'],
    // Days on which clocks change.
    ['2026-03-29', 'Europe/Rome', '2026-03-28T23:00:00Z'],
    ['2026-10-25', 'Europe/Rome', '2026-10-24T22:00:00Z'],
    ['2026-10-04', 'Australia/Sydney', '2026-10-03T14:00:00Z'],
    ['2026-04-05', 'Australia/Sydney', '2026-04-04T13:00:00Z'],
    // Clocks went from 00:00 to 01:00.
    ['2018-11-04', 'America/Sao_Paulo', '2018-11-04T03:00:00Z'],
  ])('%s in %s is %s', (day, zone, expected) => {
    expect(startOfDay(dayOf(day), zone)).toBe(at(expected));
  });
});
