import { describe, expect, it } from 'vitest';
import { severalGuests } from '../../../test/fakes/several-guests.ts';
import { BallonetError, type ErrorCode } from '../../model/errors.ts';

const failure = (code: ErrorCode) => new BallonetError(code, 'no');

describe('a part of the bulk call that failed', () => {
  it('leaves its guests without figures, the others alone, and is told once for all of them', async () => {
    const { collector, add, edges, fresh } = severalGuests();
    const lost = [add('a'), add('b')];
    add('c');
    await collector.collect();
    for (const guest of lost) {
      guest.balloon = {};
      guest.recordError = failure('HYPERVISOR_TIMEOUT');
    }
    const partial = await collector.collect();
    await collector.collect();
    for (const guest of lost) {
      guest.balloon = fresh();
      delete guest.recordError;
    }
    const whole = await collector.collect();

    expect(partial.guests.map(({ readings }) => readings.max.quality)).toEqual(['absent', 'absent', 'ok']);
    expect(whole.guests.map(({ readings, epoch }) => [readings.max.quality, epoch])).toEqual([
      ['ok', 1],
      ['ok', 1],
      ['ok', 1],
    ]);
    expect(edges()).toEqual([
      ['bulk-stats', 'HYPERVISOR_TIMEOUT'],
      ['bulk-stats', undefined],
    ]);
  });

  it('does not have its guests asked one by one', async () => {
    const { collector, add, hypervisor } = severalGuests();
    const guest = add('a');
    guest.balloon = {};
    guest.recordError = failure('HYPERVISOR_TIMEOUT');

    await collector.collect();

    expect(hypervisor.calls.memoryStats).toEqual([]);
  });

  it('that is one bad value is told of its guest, once', async () => {
    const { collector, add, edges } = severalGuests();
    const guest = add('a');
    guest.recordError = failure('VALUE_OUT_OF_RANGE');
    delete guest.balloon['balloon.usable'];

    const { guests } = await collector.collect();
    await collector.collect();
    delete guest.recordError;
    await collector.collect();

    expect(guests[0]?.readings.available.quality).toBe('implausible');
    expect(edges()).toEqual([
      ['guest:a:bulk-stats', 'VALUE_OUT_OF_RANGE'],
      ['guest:a:bulk-stats', undefined],
    ]);
  });
});
