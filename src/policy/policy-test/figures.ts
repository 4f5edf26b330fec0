/** The names that series can have: what a snapshot carries, by the names of the policy language. */
import type { GuestFigure, HostFigure } from '../../model/snapshot.ts';
import { nearest, suggestion } from '../source/suggest.ts';
import type { SeriesUnit } from './series.ts';

/** Where a series goes in a host's sample; `others` is the memory that is not the guests'. */
export type HostSlot = HostFigure | 'others';

/** Where a series goes in a guest's sample. `boots` counts epochs. */
export type GuestSlot = GuestFigure | 'uptime' | 'boots';

interface Figure<S> {
  readonly slot: S;
  readonly unit: SeriesUnit;
  /** A figure that a sample never lacks: `_` and `stale` make no sense. */
  readonly steady?: true;
}

const HOST_FIGURES: ReadonlyMap<string, Figure<HostSlot>> = new Map<string, Figure<HostSlot>>([
  ['total', { slot: 'total', unit: 'size' }],
  ['available', { slot: 'available', unit: 'size' }],
  ['free', { slot: 'free', unit: 'size' }],
  ['others', { slot: 'others', unit: 'size', steady: true }],
  ['committed', { slot: 'committed', unit: 'size' }],
  ['swap_used', { slot: 'swapUsed', unit: 'size' }],
  ['swap_in_rate', { slot: 'swapInRate', unit: 'rate' }],
  ['swap_out_rate', { slot: 'swapOutRate', unit: 'rate' }],
  ['psi.some.avg10', { slot: 'psiSomeAvg10', unit: 'number' }],
  ['psi.some.avg60', { slot: 'psiSomeAvg60', unit: 'number' }],
  ['psi.some.avg300', { slot: 'psiSomeAvg300', unit: 'number' }],
  ['psi.full.avg10', { slot: 'psiFullAvg10', unit: 'number' }],
  ['psi.full.avg60', { slot: 'psiFullAvg60', unit: 'number' }],
  ['psi.full.avg300', { slot: 'psiFullAvg300', unit: 'number' }],
]);

const GUEST_FIGURES: ReadonlyMap<string, Figure<GuestSlot>> = new Map<string, Figure<GuestSlot>>([
  ['max', { slot: 'max', unit: 'size' }],
  ['current', { slot: 'current', unit: 'size' }],
  ['total', { slot: 'total', unit: 'size' }],
  ['used', { slot: 'used', unit: 'size' }],
  ['available', { slot: 'available', unit: 'size' }],
  ['free', { slot: 'free', unit: 'size' }],
  ['cache', { slot: 'cache', unit: 'size' }],
  ['rss', { slot: 'rss', unit: 'size' }],
  ['swap_in_rate', { slot: 'swapInRate', unit: 'rate' }],
  ['swap_out_rate', { slot: 'swapOutRate', unit: 'rate' }],
  ['major_fault_rate', { slot: 'majorFaultRate', unit: 'number' }],
  ['oom_kills', { slot: 'oomKills', unit: 'number' }],
  ['alloc_stalls', { slot: 'allocStalls', unit: 'number' }],
  ['psi_some', { slot: 'psiSome', unit: 'number' }],
  ['psi_full', { slot: 'psiFull', unit: 'number' }],
  ['uptime', { slot: 'uptime', unit: 'duration', steady: true }],
  ['boots', { slot: 'boots', unit: 'number', steady: true }],
]);

/** Names that expressions have but that follow from others, and what to write instead. */
const FOLLOWS: Readonly<Record<string, string>> = {
  'host.available_ratio': 'it is host.available of host.total: give host.available',
  'host.guests': 'it is the number of guests in the test',
  'host.level': 'it follows from the conditions of the host policy',
  'guest.need': 'it is GUEST.used, and what GUEST.total leaves of GUEST.current',
  'guest.demand': 'it is estimated from GUEST.used',
  'guest.used_rate': 'it is how GUEST.used grows',
  'guest.target': 'it is what the policies decide',
  'guest.stats_age': 'write `stale` in GUEST.used: the report ages from there',
  'guest.distress': 'it follows from GUEST.available and GUEST.swap_out_rate',
  'guest.level': 'it follows from GUEST.available and GUEST.swap_out_rate',
  'guest.name': 'it stands under guests:',
  'guest.uuid': 'it stands under guests:',
  'guest.title': 'it stands under guests:',
  'guest.tags': 'they stand under guests:',
  'guest.os': 'it stands under guests:',
};

export type SeriesTarget =
  | { readonly of: 'host'; readonly figure: Figure<HostSlot> }
  | { readonly of: 'guest'; readonly guest: string; readonly figure: Figure<GuestSlot> };

/** What a series is about, by its name; or why there is no such figure. */
export function findFigure(
  name: string,
  guests: readonly string[],
): SeriesTarget | { readonly problem: string; readonly hint: string } {
  const owner = name.startsWith('host.') ? 'host' : longestPrefix(name, guests);
  if (owner === undefined) {
    const [first = ''] = name.split('.');
    const problem = name.includes('.')
      ? `there is no guest '${name.slice(0, name.lastIndexOf('.'))}' in this test`
      : `'${name}' does not say whose figure it is`;
    return {
      problem,
      hint: suggestion(first, ['host', ...guests], 'write host.FIGURE or GUEST.FIGURE; there are'),
    };
  }
  const field = name.slice(owner.length + 1);
  if (owner === 'host') {
    const figure = HOST_FIGURES.get(field);
    return figure === undefined ? unknown(name, 'host', field, HOST_FIGURES) : { of: 'host', figure };
  }
  const figure = GUEST_FIGURES.get(field);
  return figure === undefined
    ? unknown(name, 'guest', field, GUEST_FIGURES)
    : { of: 'guest', guest: owner, figure };
}

/** Names may have dots in them, so that one may begin another. */
function longestPrefix(name: string, guests: readonly string[]): string | undefined {
  const owners = guests.filter(guest => name.startsWith(`${guest}.`));
  return owners.toSorted((a, b) => b.length - a.length)[0];
}

function unknown(name: string, kind: 'host' | 'guest', field: string, figures: ReadonlyMap<string, unknown>) {
  const follows = FOLLOWS[`${kind}.${field}`];
  if (follows !== undefined) return { problem: `'${name}' cannot be given`, hint: follows };
  const known = [...figures.keys()];
  const near = nearest(field, known);
  const hint =
    near === undefined ? `the figures of a ${kind}: ${known.join(', ')}` : `did you mean '${near}'?`;
  return { problem: `there is no figure '${name}'`, hint };
}
