/** Arbitrary histories of snapshots: guests come, go, are reordered and change in every way that their type allows. */
import * as fc from 'fast-check';
import { guestReadings } from '../../src/model/guest-readings.ts';
import type {
  GuestFigure,
  GuestSample,
  HostSample,
  Quality,
  Reading,
  Readings,
  Snapshot,
} from '../../src/model/snapshot.ts';
import { MiB } from '../../src/model/units.ts';
import { sampleOf, snapshotOf } from './samples.ts';

const PLAIN = { noNullPrototype: true } as const;

const QUALITIES = ['ok', 'stale', 'absent', 'implausible'] as const satisfies readonly Quality[];

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map(value => (value === 0 ? 0 : value));
const amount = fc.oneof(
  fc.integer({ min: 0, max: 2 ** 20 }).map(pages => pages * 4096),
  fc.maxSafeNat(),
  fc.integer({ min: 0, max: 64 }).map(size => size * MiB),
  finite,
);
/** Of clocks with milliseconds, microseconds, or no grid at all. */
const seconds = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 1e6 }).map(ms => ms / 1000),
  fc.integer({ min: 0, max: 2 ** 30 }).map(counts => counts / 2 ** 20),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map(value => value + 0),
);
const reading: fc.Arbitrary<Reading> = fc
  .tuple(fc.option(amount, { nil: undefined, freq: 8 }), seconds, fc.constantFrom(...QUALITIES))
  .map(([value, ageSeconds, quality]) => ({ ...(value !== undefined && { value }), ageSeconds, quality }));

function readingsLike<F extends string>(readings: Readings<F>): fc.Arbitrary<Readings<F>> {
  const shape = Object.fromEntries(Object.keys(readings).map(figure => [figure, reading]));
  return fc.record(shape, PLAIN) as fc.Arbitrary<Readings<F>>;
}

const facts = fc.record(
  {
    name: fc.string(),
    id: fc.integer({ min: -1, max: 99 }),
    title: fc.string(),
    tags: fc.dictionary(fc.string(), fc.string(), { maxKeys: 3, noNullPrototype: true }),
    os: fc.webUrl(),
    balloon: fc.record(
      {
        device: fc.constantFrom('virtio', 'none'),
        autodeflate: fc.boolean(),
        freePageReporting: fc.boolean(),
      },
      { ...PLAIN, requiredKeys: ['device', 'autodeflate'] },
    ),
    obstacles: fc.subarray(['passthrough', 'hugepages', 'locked', 'job'] as const),
    missing: fc.constant(true as const),
    state: fc.constantFrom('running', 'paused', 'stopped', 'crashed', 'unknown'),
  },
  { ...PLAIN, requiredKeys: ['name', 'id', 'state'] },
);

const guest: fc.Arbitrary<Omit<GuestSample, 'uuid'>> = fc
  .tuple(
    facts,
    readingsLike<GuestFigure>(sampleOf().readings.all()).map(guestReadings),
    fc.record({ epoch: fc.nat(5), reportsInEpoch: fc.nat(1000), uptimeSeconds: seconds }),
    fc.option(seconds, { nil: undefined }),
  )
  .map(([said, readings, counts, age]) => ({
    ...said,
    ...counts,
    readings,
    ...(age !== undefined && { statsAgeSeconds: age }),
  }));

/** Many readings are as old as the guest's report, and most figures stay or move a little from one tick to the next. */
type Step = {
  readonly guest: number;
  readonly change: 'anew' | 'gone' | 'on' | 'reports';
  readonly drift: number;
};

const step: fc.Arbitrary<Step> = fc.record({
  guest: fc.nat(5),
  change: fc.constantFrom('anew', 'gone', 'on', 'reports'),
  drift: fc.integer({ min: -1000, max: 1000 }),
});

const host: fc.Arbitrary<HostSample> = fc.record(
  {
    readings: readingsLike(snapshotOf([]).host.readings),
    source: fc.constantFrom('meminfo', 'size:4GiB'),
    terms: fc.array(fc.record({ name: fc.string(), bytes: amount, explanation: fc.string() }, PLAIN), {
      maxLength: 2,
    }),
    nodes: fc.array(fc.record({ node: fc.nat(3), total: amount, free: amount }, PLAIN), { maxLength: 2 }),
  },
  { ...PLAIN, requiredKeys: ['readings', 'source'] },
);

function moved(sample: GuestSample, { change, drift }: Step): GuestSample {
  const shift = (figure: Reading): Reading =>
    figure.value === undefined ? figure : { ...figure, value: figure.value + drift * 4096 };
  const { available, free, used } = sample.readings;
  const reports = change === 'reports';
  return {
    ...sample,
    uptimeSeconds: sample.uptimeSeconds + 1,
    ...(reports && {
      reportsInEpoch: sample.reportsInEpoch + 1,
      readings: sample.readings.with({ available: shift(available), free: shift(free), used: shift(used) }),
    }),
  };
}

/** Up to so many snapshots, one after another. */
export function histories(maxLength: number): fc.Arbitrary<readonly Snapshot[]> {
  const tick = fc.record({
    steps: fc.array(step, { maxLength: 6 }),
    fresh: fc.array(guest, { minLength: 6, maxLength: 6 }),
    host: fc.option(host, { nil: undefined }),
    reversed: fc.boolean(),
  });
  return fc.array(tick, { minLength: 1, maxLength }).map(ticks => {
    const guests = new Map<number, GuestSample>();
    let current: HostSample = snapshotOf([]).host;
    return ticks.map(({ steps, fresh, host, reversed }, sequence) => {
      current = host ?? current;
      for (const [i, sample] of guests) guests.set(i, { ...sample, uptimeSeconds: sample.uptimeSeconds + 1 });
      for (const change of steps) {
        const known = guests.get(change.guest);
        const made = fresh[change.guest];
        if (change.change === 'gone') guests.delete(change.guest);
        else if (known !== undefined && change.change !== 'anew')
          guests.set(change.guest, moved(known, change));
        else if (made !== undefined) guests.set(change.guest, { ...made, uuid: `guest-${change.guest}` });
      }
      const list = [...guests.values()];
      return { sequence, host: current, guests: reversed ? list.toReversed() : list };
    });
  });
}
