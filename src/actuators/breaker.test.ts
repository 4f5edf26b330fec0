import { describe, expect, it } from 'vitest';
import { createFakeClock } from '../../test/fakes/fake-clock.ts';
import type { Decision } from '../model/decision.ts';
import { BallonetError, type ErrorCode } from '../model/errors.ts';
import { GiB } from '../model/units.ts';
import type { Application } from './actuator.ts';
import { withBreaker } from './breaker.ts';

const DECISION: Decision = {
  uuid: 'a',
  name: 'web',
  level: 'soft',
  action: 'shrink',
  reason: 'OK',
  currentBytes: 2 * GiB,
  targetBytes: GiB,
  wantedBytes: GiB,
  stages: [],
};

function bench() {
  const clock = createFakeClock();
  let calls = 0;
  let outcome: ErrorCode | undefined = 'HYPERVISOR_TIMEOUT';
  const actuator = withBreaker(
    {
      apply: async (): Promise<Application> => {
        calls += 1;
        return outcome === undefined
          ? { status: 'applied', targetBytes: GiB }
          : { status: 'failed', error: new BallonetError(outcome, 'no answer') };
      },
    },
    clock,
  );
  return {
    clock,
    calls: () => calls,
    ends: (code: ErrorCode | undefined) => {
      outcome = code;
    },
    apply: (change: Partial<Decision> = {}) => actuator.apply({ ...DECISION, ...change }, undefined),
    /** Tries once a second for so long. */
    through: async (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        await actuator.apply(DECISION, undefined);
        clock.advance(1);
      }
    },
  };
}

describe('the circuit breaker of a guest', () => {
  it('H30: opens after three failures in a row and tries again after 30 s, then 60 s, up to 10 minutes', async () => {
    const { through, calls, apply } = bench();
    await through(3);
    expect(calls()).toBe(3);
    expect(await apply()).toMatchObject({ status: 'refused', code: 'CIRCUIT_OPEN' });
    await through(29);
    expect(calls()).toBe(3);
    await through(1);
    expect(calls()).toBe(4);
    await through(59);
    expect(calls()).toBe(4);
    await through(10_000);
    // 60, 120, 240, 480 s apart, then every 600 s.
    expect(calls()).toBe(4 + 4 + Math.floor((10_000 - 900) / 600));
  });

  it('closes with one success', async () => {
    const { through, calls, ends, clock } = bench();
    await through(3);
    clock.advance(30);
    ends(undefined);
    await through(5);
    expect(calls()).toBe(8);
  });

  it('holds no guest for a lost connection, nor one for another', async () => {
    const { through, calls, ends, apply } = bench();
    ends('HYPERVISOR_CLOSED');
    await through(5);
    expect(calls()).toBe(5);
    ends('HYPERVISOR_TIMEOUT');
    await through(3);
    expect(await apply({ uuid: 'b' })).toMatchObject({ status: 'failed' });
  });

  it('lets relief through', async () => {
    const { through, apply } = bench();
    await through(3);
    expect(await apply({ action: 'grow', reason: 'RELIEF' })).toMatchObject({ status: 'failed' });
  });
});
