/** Figures by their names in expressions: which of them an expression has read, and what in a snapshot each stands for. */
import type { NameUnit, Trace } from '../../model/explanation.ts';
import type { GuestFigure, HostFigure } from '../../model/snapshot.ts';
import { unitOf } from '../expression/names.ts';
import { findFigure, type GuestSlot } from '../policy-test/figures.ts';

/** Names with a number that these expressions have read, each once. */
export function figureNames(traces: readonly Trace[]): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = ({ text, unit, value, parts }: Trace): void => {
    if (unit !== undefined && typeof value === 'number') names.add(text);
    for (const part of parts) visit(part);
  };
  for (const trace of traces) visit(trace);
  return names;
}

/** The reading behind a name of the host; several names may share one. */
export function hostFigureOf(name: string): HostFigure | undefined {
  // A share of the total, which itself does not change.
  if (name === 'host.available_ratio') return 'available';
  const found = findFigure(name, []);
  if ('problem' in found || found.of !== 'host') return undefined;
  const { slot } = found.figure;
  return slot === 'others' || slot === 'total' ? undefined : slot;
}

/** Figures of a guest that go together, as its demand does, or that only time changes. */
const TOGETHER: ReadonlySet<GuestSlot> = new Set<GuestSlot>([
  ...(['max', 'current', 'total', 'used', 'available', 'free'] as const),
  ...(['uptime', 'boots'] as const),
]);

/** The reading behind a name of the guest that may change by itself. */
export function guestFigureOf(name: string): GuestFigure | undefined {
  const found = findFigure(name, ['guest']);
  if ('problem' in found || found.of !== 'guest') return undefined;
  const { slot } = found.figure;
  return slot === 'uptime' || slot === 'boots' || TOGETHER.has(slot) ? undefined : slot;
}

/** The number behind a dotted name, such as `psi.full.avg10` among those of the host. */
export function numberAt(names: unknown, path: string): number | undefined {
  const value = path.split('.').reduce<unknown>((at, step) => {
    return typeof at === 'object' && at !== null ? Reflect.get(at, step) : undefined;
  }, names);
  return typeof value === 'number' ? value : undefined;
}

export function unitOfName(name: string): NameUnit {
  return unitOf(name.split('.')) ?? 'number';
}
