import type { HypervisorEvent } from '../../src/hypervisor/driver.ts';
import type { GuestFigure, GuestSample } from '../../src/model/snapshot.ts';
import { MiB } from '../../src/model/units.ts';
import { type BalloonFigures, balloonParams } from './balloon-params.ts';
import { collectorOver } from './collector.ts';
import { createFakeClock } from './fake-clock.ts';
import { createFakeHypervisor, domainXml, type FakeDomain } from './fake-hypervisor.ts';

export const REPORT_FIGURES: readonly GuestFigure[] = ['total', 'available', 'free', 'cache', 'used'];

/** One running guest of 1 GiB and a collector over it that arms nothing. */
export function oneGuest(xml = domainXml()) {
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor();
  const collector = collectorOver({ hypervisor, clock });
  const guest = hypervisor.add('web', { xml });
  const wall = () => clock.now().wall;
  const report = (figures: Partial<BalloonFigures> = {}) => {
    guest.balloon = balloonParams({ lastUpdate: wall(), ...figures });
  };
  report();
  const sample = async (name = 'web'): Promise<GuestSample> => {
    const found = (await collector.collect()).guests.find(candidate => candidate.name === name);
    if (found === undefined) throw new Error(`no guest ${name} in the snapshot`);
    return found;
  };
  return {
    clock,
    hypervisor,
    guest,
    wall,
    report,
    sample,
    emit: (event: HypervisorEvent) => hypervisor.events.next(event),
    /** A later daemon over the same guest, which knows of it what the first one kept. */
    later: () => {
      const next = collectorOver({ hypervisor, clock, epochs: collector.epochs() });
      return async () => {
        const [found] = (await next.collect()).guests;
        if (found === undefined) throw new Error('no guest in the snapshot');
        return found;
      };
    },
    /** A second passes, the guest reports, the next tick collects. */
    tick: async (figures: Partial<BalloonFigures> = {}) => {
      clock.advance(1);
      report(figures);
      return sample();
    },
  };
}

/** The different qualities among these figures. */
export const qualities = (guest: GuestSample, figures = REPORT_FIGURES) => [
  ...new Set(figures.map(figure => guest.readings[figure].quality)),
];
export const mib = (guest: GuestSample, figure: GuestFigure) =>
  (guest.readings[figure].value ?? Number.NaN) / MiB;
export const lifecycle = (guest: FakeDomain, kind: 'started' | 'stopped' | 'defined'): HypervisorEvent => ({
  type: 'lifecycle',
  domain: guest.ref,
  kind,
  detail: 0,
});
