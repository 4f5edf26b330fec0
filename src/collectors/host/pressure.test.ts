import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBallonetError } from '../../model/errors.ts';
import { parsePressure } from './pressure.ts';

const percent = fc.integer({ min: 0, max: 10_000 }).map(hundredths => hundredths / 100);

describe('parsePressure', () => {
  it('gives back the windows of both lines', () => {
    fc.assert(
      fc.property(fc.tuple(percent, percent, percent, percent, percent, percent), ([a, b, c, d, e, f]) => {
        const line = (kind: string, x: number, y: number, z: number) =>
          `${kind} avg10=${x.toFixed(2)} avg60=${y.toFixed(2)} avg300=${z.toFixed(2)} total=1\n`;

        const readings = parsePressure('p', line('some', a, b, c) + line('full', d, e, f));

        expect(Object.values(readings).map(({ value }) => value)).toEqual([a, b, c, d, e, f]);
      }),
    );
  });

  it('leaves the full windows absent where the kernel has only the some line', () => {
    const readings = parsePressure('p', 'some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n');

    expect(readings.psiSomeAvg60).toEqual({ value: 2, ageSeconds: 0, quality: 'ok' });
    expect(readings.psiFullAvg10.quality).toBe('absent');
  });

  it('takes more than all of the time for implausible', () => {
    const readings = parsePressure('p', 'some avg10=100.01 avg60=100.00 avg300=1.2.3 total=4\n');

    expect(readings.psiSomeAvg10).toEqual({ ageSeconds: 0, quality: 'implausible' });
    expect(readings.psiSomeAvg60.value).toBe(100);
    expect(readings.psiSomeAvg300.quality).toBe('implausible');
  });

  it.each(['', 'some avg10=\n', 'full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n', '0.00\n'])(
    'refuses %j as malformed',
    text => {
      let caught: unknown;
      try {
        parsePressure('/proc/pressure/memory', text);
      } catch (error) {
        caught = error;
      }

      expect(isBallonetError(caught, 'HOST_UNREADABLE')).toBe(true);
    },
  );
});
