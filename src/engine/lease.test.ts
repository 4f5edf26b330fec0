import { describe, expect, it } from 'vitest';
import { bench } from '../../test/fakes/simulated-bench.ts';
import type { Actuator } from '../actuators/actuator.ts';
import type { DomainRef, Hypervisor } from '../hypervisor/driver.ts';
import { BallonetError } from '../model/errors.ts';
import { GiB, MiB } from '../model/units.ts';
import { createLeases } from './lease.ts';
import { ownedActuator } from './owned-actuator.ts';
import { OWNER_NAMESPACE, parseOwner } from './owner.ts';

async function world() {
  const { hypervisor, clock, domain, pass } = await bench();
  const guests: readonly DomainRef[] = [domain];
  const daemon = (id: string, through: Hypervisor = hypervisor) => {
    const conflicts: string[] = [];
    const leases = createLeases({
      hypervisor: through,
      id,
      host: `host-${id}`,
      clock,
      onTaken: (_, owner) => void conflicts.push(owner.id),
    });
    return { ...leases, conflicts, round: () => leases.renew(guests) };
  };
  const owner = async () => parseOwner((await domain.metadata?.(OWNER_NAMESPACE)) ?? '');
  return { hypervisor, daemon, owner, pass, domain };
}

describe('leases', () => {
  it('say who moves a guest and what it asked for last', async () => {
    const { daemon, owner, pass, domain } = await world();
    const one = daemon('one');
    await one.claim();
    await one.round();
    expect(await owner()).toMatchObject({ id: 'one', host: 'host-one', targetBytes: undefined });
    one.asked(domain.uuid, GiB);
    pass(5);
    await one.round();
    expect(await owner()).toMatchObject({ targetBytes: GiB });
  });

  it('are renewed each minute, not each tick', async () => {
    const { daemon, owner, pass } = await world();
    const one = daemon('one');
    const stamps = new Set<number | undefined>();
    for (let second = 0; second < 180; second++) {
      await one.round();
      stamps.add((await owner())?.renewedAt);
      pass(1);
    }
    // The first, its confirmation after 5 s, and one a minute from then on.
    expect(stamps.size).toBe(4);
  });

  it('H26: keep a second daemon from starting until they have run out', async () => {
    const { daemon, pass } = await world();
    const one = daemon('one');
    await one.round();
    pass(149);
    await expect(daemon('two').claim()).rejects.toMatchObject({ code: 'OWNED_BY_ANOTHER' });
    pass(2);
    await daemon('two').claim();
  });

  it('do not keep the owner itself from starting again, nor anybody once they are given back', async () => {
    const { daemon, owner } = await world();
    const one = daemon('one');
    await one.round();
    await daemon('one').claim();
    await one.release();
    expect(await owner()).toBeUndefined();
    await daemon('two').claim();
  });

  it('of a daemon that was killed are given back by the next one, however soon it ends, and keep what was asked', async () => {
    const { daemon, owner, pass, domain } = await world();
    const killed = daemon('one');
    await killed.round();
    killed.asked(domain.uuid, GiB);
    pass(5);
    await killed.round();
    const next = daemon('one');
    await next.claim();
    await next.round();
    expect(await owner()).toMatchObject({ id: 'one', targetBytes: GiB });
    const last = daemon('one');
    await last.claim();
    await last.release();
    expect(await owner()).toBeUndefined();
  });

  it('H26: go to one of two that started at the same time, and the other says so once', async () => {
    const { daemon, pass, domain } = await world();
    const [one, two] = [daemon('one'), daemon('two')];
    await Promise.all([one.claim(), two.claim()]);
    await Promise.all([one.round(), two.round()]);
    for (let second = 0; second < 130; second++) {
      pass(1);
      await Promise.all([one.round(), two.round()]);
    }
    const owners = [one.ownerOf(domain.uuid)?.id, two.ownerOf(domain.uuid)?.id];
    expect(owners.filter(id => id === undefined)).toHaveLength(1);
    expect([...one.conflicts, ...two.conflicts]).toHaveLength(1);
  });

  it('of a daemon that is gone run out, and the guest is taken over', async () => {
    const { daemon, owner, pass } = await world();
    const [gone, next] = [daemon('gone'), daemon('next')];
    await gone.round();
    await next.round();
    expect(next.conflicts).toEqual(['gone']);
    for (let second = 0; second < 220; second++) {
      pass(1);
      await next.round();
    }
    expect((await owner())?.id).toBe('next');
  });

  it('are nobody’s where the hypervisor has no metadata', async () => {
    const { hypervisor, daemon } = await world();
    const without: Hypervisor = {
      ...hypervisor,
      domain(ref) {
        const domain = { ...hypervisor.domain(ref) };
        delete domain.metadata;
        delete domain.setMetadata;
        return domain;
      },
    };
    const refusing: Hypervisor = {
      ...hypervisor,
      domain: ref => ({
        ...hypervisor.domain(ref),
        metadata: () => Promise.reject(new BallonetError('OPERATION_UNSUPPORTED', 'no metadata')),
      }),
    };
    for (const hypervisor of [without, refusing]) {
      const one = daemon('one', hypervisor);
      await one.claim();
      await one.round();
      await one.release();
      expect(one.conflicts).toEqual([]);
    }
  });

  it('H26: keep the balloon of a guest that another daemon has from being moved', async () => {
    const { daemon, domain } = await world();
    const [one, two] = [daemon('one'), daemon('two')];
    await one.round();
    await two.round();
    const asked: string[] = [];
    const actuator: Actuator = {
      apply: async ({ name }) => {
        asked.push(name);
        return { status: 'applied', targetBytes: 512 * MiB };
      },
    };
    const decision = {
      uuid: domain.uuid,
      name: domain.name,
      level: 'none',
      action: 'shrink',
      reason: 'OK',
      currentBytes: GiB,
      targetBytes: 512 * MiB,
      wantedBytes: 512 * MiB,
      stages: [],
    } as const;
    expect(await ownedActuator(actuator, two).apply(decision, undefined)).toMatchObject({
      status: 'refused',
    });
    expect(await ownedActuator(actuator, one).apply(decision, undefined)).toMatchObject({
      status: 'applied',
    });
    expect(asked).toEqual(['vm-1']);
  });
});
