import { describe, expect, it, vi } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import type { Hypervisor, SetMemoryOptions } from '../hypervisor/driver.ts';
import { BallonetError } from '../model/errors.ts';
import { GiB, KiB, MiB } from '../model/units.ts';
import { createBalloonActuator, dryRunActuator } from './balloon.ts';

type SetMemory = (kib: number, options: SetMemoryOptions) => Promise<void>;

/** A hypervisor of which only setMemory may be used. */
function hypervisorWith(setMemory: SetMemory): Hypervisor {
  const refuse = () => {
    throw new Error('not to be called');
  };
  return new Proxy({} as Hypervisor, {
    get: (_, name) => (name === 'domain' ? () => ({ setMemory }) : refuse),
  });
}

describe('balloon actuator', () => {
  it('H36: asks for the target in KiB, live only', async () => {
    const setMemory = vi.fn<SetMemory>(() => Promise.resolve());
    const application = await createBalloonActuator(hypervisorWith(setMemory)).apply(
      decisionOf(),
      sampleOf(),
    );
    expect(application).toEqual({ status: 'applied', targetBytes: 1.5 * GiB });
    expect(setMemory.mock.calls).toEqual([[(1.5 * GiB) / KiB, { live: true }]]);
  });

  it('asks for what the guard left and says so', async () => {
    const setMemory = vi.fn<SetMemory>(() => Promise.resolve());
    const decision = decisionOf({ targetBytes: 520 * MiB });
    const application = await createBalloonActuator(hypervisorWith(setMemory)).apply(decision, sampleOf());
    expect(application).toMatchObject({ status: 'applied', clamped: 'GUARD_FLOOR' });
    expect(setMemory.mock.calls[0]?.[0]).toBeGreaterThan((520 * MiB) / KiB);
  });

  it('asks nothing when the guard refuses', async () => {
    const setMemory = vi.fn<SetMemory>(() => Promise.resolve());
    const application = await createBalloonActuator(hypervisorWith(setMemory)).apply(decisionOf(), undefined);
    expect(application.status).toBe('refused');
    expect(setMemory).not.toHaveBeenCalled();
  });

  it('reports a failed call as an outcome with its cause', async () => {
    const error = new BallonetError('OPERATION_BUSY', 'a job holds it');
    const actuator = createBalloonActuator(hypervisorWith(() => Promise.reject(error)));
    expect(await actuator.apply(decisionOf(), sampleOf())).toEqual({ status: 'failed', error });
  });

  it('gives up on a call at its deadline, and sends no second one while the first is still out', async () => {
    let answer: (() => void) | undefined;
    const setMemory = vi.fn<SetMemory>(() => new Promise(resolve => (answer = resolve)));
    const actuator = createBalloonActuator(hypervisorWith(setMemory), { callTimeout: 0.02 });
    const first = await actuator.apply(decisionOf(), sampleOf());
    expect(first).toMatchObject({ status: 'failed', error: { code: 'HYPERVISOR_TIMEOUT' } });
    expect((await actuator.apply(decisionOf(), sampleOf())).status).toBe('refused');
    answer?.();
    await vi.waitFor(async () => {
      const again = actuator.apply(decisionOf(), sampleOf());
      answer?.();
      expect((await again).status).toBe('applied');
    });
  });

  it('keeps the guests apart: a hung one does not hold up another', async () => {
    const setMemory = vi
      .fn<SetMemory>()
      .mockReturnValueOnce(new Promise(() => {}))
      .mockResolvedValue(undefined);
    const actuator = createBalloonActuator(hypervisorWith(setMemory), { callTimeout: 0.02 });
    const hung = actuator.apply(decisionOf(), sampleOf());
    const other = await actuator.apply(decisionOf({ uuid: 'b' }), sampleOf({ uuid: 'b' }));
    expect(other.status).toBe('applied');
    expect((await hung).status).toBe('failed');
  });
});

describe('dry run', () => {
  it('says what the guard would let through', async () => {
    expect(await dryRunActuator.apply(decisionOf(), sampleOf())).toEqual({
      status: 'dry-run',
      targetBytes: 1.5 * GiB,
    });
    expect((await dryRunActuator.apply(decisionOf(), undefined)).status).toBe('refused');
  });
});
