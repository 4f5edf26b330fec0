/** What befalls a guest by its plan. */
import type { SimulatedGuest } from './guest.ts';
import type { PlanStep } from './plan.ts';

/** What only the host can do with a guest. */
export interface Hands {
  readonly start: (guest: SimulatedGuest) => void;
  readonly vanish: (guest: SimulatedGuest) => void;
}

export function befall(guest: SimulatedGuest, { begins, mishap }: PlanStep, hands: Hands): void {
  const { kind } = mishap;
  if (mishap.kind === 'reboot') guest.reboot(mishap.events);
  else if (kind === 'vanish') hands.vanish(guest);
  else if (kind === 'start') hands.start(guest);
  else if (kind === 'shutdown') guest.shutdown();
  else if (kind === 'crash') guest.crash();
  else if (kind === 'pause' && begins) guest.pause();
  else if (kind === 'pause') guest.resume();
  else if (begins) guest.inject(mishap);
  else guest.heal(mishap.kind);
}
