import { describe, expect, it, vi } from 'vitest';
import { decisionOf, sampleOf } from '../../test/fakes/samples.ts';
import type { DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import { BallonetError } from '../model/errors.ts';
import { GiB } from '../model/units.ts';
import type { Application } from './actuator.ts';
import { withJobs } from './jobs.ts';

const APPLIED: Application = { status: 'applied', targetBytes: GiB };

/** An actuator over a hypervisor that answers so when it is asked for jobs. */
function bench(job: () => Promise<boolean>) {
  const apply = vi.fn(async () => APPLIED);
  const asked: DomainRef[] = [];
  const domain = (ref: DomainRef) => {
    asked.push(ref);
    return { job } as ReturnType<Hypervisor['domain']>;
  };
  return { apply, asked, actuator: withJobs({ apply }, { domain }, 0.02) };
}

describe('a move, right before it is made', () => {
  it('H31: is not made while a job holds the guest', async () => {
    const { apply, actuator, asked } = bench(async () => true);
    expect(await actuator.apply(decisionOf(), sampleOf())).toMatchObject({
      status: 'refused',
      code: 'JOB_RUNNING',
    });
    expect(apply).not.toHaveBeenCalled();
    expect(asked).toMatchObject([{ name: 'web-1', id: 1 }]);
  });

  it('H31: is made where no job holds it, growth and shrink alike', async () => {
    const { apply, actuator } = bench(async () => false);
    expect(await actuator.apply(decisionOf(), sampleOf())).toEqual(APPLIED);
    expect(await actuator.apply(decisionOf({ action: 'grow' }), sampleOf())).toEqual(APPLIED);
    expect(apply).toHaveBeenCalledTimes(2);
  });

  it('H31: takes a guest that does not answer to be held, and asks it no second time meanwhile', async () => {
    let answer: ((job: boolean) => void) | undefined;
    const { apply, actuator, asked } = bench(() => new Promise(resolve => (answer = resolve)));
    for (let i = 0; i < 2; i++)
      expect(await actuator.apply(decisionOf(), sampleOf())).toMatchObject({ code: 'JOB_RUNNING' });
    expect(asked).toHaveLength(1);
    answer?.(false);
    await new Promise(resolve => setImmediate(resolve));
    expect(apply).not.toHaveBeenCalled();
    const again = actuator.apply(decisionOf(), sampleOf());
    answer?.(false);
    expect(await again).toEqual(APPLIED);
  });

  it('H31: takes a domain that is locked to be held', async () => {
    const { actuator } = bench(() => Promise.reject(new BallonetError('OPERATION_BUSY', 'locked')));
    expect(await actuator.apply(decisionOf(), sampleOf())).toMatchObject({ code: 'JOB_RUNNING' });
  });

  it('is tried where the hypervisor knows no jobs, or fails otherwise: that is the move has to tell that itself', async () => {
    for (const code of ['OPERATION_UNSUPPORTED', 'HYPERVISOR_CLOSED'] as const) {
      const { actuator } = bench(() => Promise.reject(new BallonetError(code, 'no')));
      expect(await actuator.apply(decisionOf(), sampleOf())).toEqual(APPLIED);
    }
  });

  it('asks nothing where there is nothing to move', async () => {
    const { actuator, asked } = bench(async () => true);
    await actuator.apply(decisionOf({ action: 'hold' }), sampleOf());
    await actuator.apply(decisionOf(), undefined);
    expect(asked).toEqual([]);
  });
});
