/** What the worlds of hazards have in common where guests are real. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/model/clock.ts';
import type { HazardWorld } from '../hazards/guests.ts';
import type { Agent } from './agent.ts';

export const REAL_TIME: Pick<HazardWorld, 'clock' | 'pass' | 'settled'> = {
  clock: systemClock,
  pass: seconds => sleep(seconds * 1000),
  settled: calls => calls,
};

/** What the guest's programs do. */
export function programsOf(agent: Agent): Pick<ReturnType<HazardWorld['guest']>, 'take' | 'free'> {
  return {
    take: async bytes => void (await agent.take(bytes, { deadlineSeconds: 60 })),
    free: async () => void (await agent.free('all')),
  };
}
