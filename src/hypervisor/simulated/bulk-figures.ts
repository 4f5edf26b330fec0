/** A guest's record of a bulk call as the map that it is to be, without a map in it: a simulation makes a million a second. */
import { bytesToKib, type Kib } from '../../model/units.ts';
import { BALLOON_KEYS } from '../bulk-keys.ts';
import { type BalloonFigures, DOMAIN_STATES, type StatValue } from '../driver.ts';
import type { SimulatedGuest } from './guest.ts';
import type { GuestReport } from './report.ts';

/** In the order of a record. */
const KEYS = [
  'state.state',
  'state.reason',
  'balloon.current',
  'balloon.maximum',
  ...BALLOON_KEYS.values(),
] as const;

const RUNNING = DOMAIN_STATES.indexOf('running');

/** What a guest that answers tells when both groups are asked for. It goes on telling that, whatever becomes of the guest. */
export class BulkFigures implements ReadonlyMap<string, StatValue>, BalloonFigures {
  readonly state: number;
  readonly currentKib: Kib;
  readonly maximumKib: Kib;
  readonly rssKib: Kib;
  readonly report: GuestReport | 'none';
  readonly #reason: number;
  readonly #balloon: boolean;
  /** All of it as a map, for those who do not ask by name. */
  #all: ReadonlyMap<string, StatValue> | undefined;

  constructor(guest: SimulatedGuest) {
    this.state = guest.state === 'running' ? RUNNING : DOMAIN_STATES.indexOf(guest.state);
    this.currentKib = guest.balloon.cachedKib;
    this.maximumKib = bytesToKib(guest.parameters.maximum);
    this.rssKib = bytesToKib(guest.rss);
    this.report = guest.balloon.report ?? 'none';
    this.#reason = guest.reason;
    this.#balloon = guest.hasBalloon;
  }

  get(key: string): StatValue | undefined {
    switch (key) {
      case 'state.state':
        return this.state;
      case 'state.reason':
        return this.#reason;
      case 'balloon.current':
        return this.currentKib;
      case 'balloon.maximum':
        return this.maximumKib;
      case 'balloon.rss':
        return this.rssKib;
      default:
        return this.#balloon ? reported(this.report, key) : undefined;
    }
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  get size(): number {
    return this.#map().size;
  }

  entries() {
    return this.#map().entries();
  }

  keys() {
    return this.#map().keys();
  }

  values() {
    return this.#map().values();
  }

  [Symbol.iterator]() {
    return this.entries();
  }

  forEach(use: (value: StatValue, key: string, map: ReadonlyMap<string, StatValue>) => void): void {
    for (const [key, value] of this.#map()) use(value, key, this);
  }

  #map(): ReadonlyMap<string, StatValue> {
    this.#all ??= new Map(
      KEYS.flatMap(key => {
        const value = this.get(key);
        return value === undefined ? [] : [[key, value] as const];
      }),
    );
    return this.#all;
  }
}

/** Before the driver has loaded QEMU knows `last-update` 0 and nothing else. */
function reported(report: GuestReport | 'none', key: string): number | undefined {
  if (report === 'none') return key === 'balloon.last-update' ? 0 : undefined;
  switch (key) {
    case 'balloon.swap_in':
      return report.swapInKib;
    case 'balloon.swap_out':
      return report.swapOutKib;
    case 'balloon.major_fault':
      return report.majorFaults;
    case 'balloon.minor_fault':
      return report.minorFaults;
    case 'balloon.unused':
      return report.freeKib;
    case 'balloon.available':
      return report.totalKib;
    case 'balloon.usable':
      return report.availableKib;
    case 'balloon.last-update':
      return report.lastUpdate;
    case 'balloon.disk_caches':
      return report.cachesKib;
    case 'balloon.hugetlb_pgalloc':
    case 'balloon.hugetlb_pgfail':
      return 0;
    default:
      return undefined;
  }
}
