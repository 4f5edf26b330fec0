/** The server's answers, seen by our own client, and what lists and bulk calls select. */
import { describe, expect, it, vi } from 'vitest';
import type { HypervisorEvent } from '../../src/hypervisor/driver.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { readDomain, writeDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { LIST } from '../../src/hypervisor/server/numbers.ts';
import { memoryStatsToRecord } from '../../src/model/memory-stats.ts';
import { MiB } from '../../src/model/units.ts';
import { codeOf } from './harness.ts';
import { refOf, serveTest } from './serve-harness.ts';

describe('our own client at the server', () => {
  it('sees what the driver says without the wire', async () => {
    const { client, direct } = await serveTest();
    const served = await client();
    for (const active of [undefined, true, false]) {
      const options = active === undefined ? {} : { active };
      expect((await served.domains(options)).map(refOf)).toEqual((await direct.domains(options)).map(refOf));
    }
    const [far, near] = [await served.lookup('vm-2'), await direct.lookup('vm-2')];
    expect(await far.xml()).toBe(await near.xml());
    expect(await far.info()).toMatchObject({ state: 'running', maxMemKib: 1 * MiB, vcpus: 1 });
    expect(Object.keys(memoryStatsToRecord(await far.memoryStats()))).toEqual(
      Object.keys(memoryStatsToRecord(await near.memoryStats())),
    );
    expect(await far.memoryStats({ maxStats: 3 })).toHaveLength(3);
    const keys = (records: Awaited<ReturnType<typeof direct.allDomainStats>>): unknown[] =>
      records.map(({ domain, params }) => [refOf(domain), [...params.keys()]]);
    expect(keys(await served.allDomainStats())).toEqual(keys(await direct.allDomainStats()));
    expect(keys(await served.allDomainStats({ domains: [far], groups: ['balloon'] }))).toEqual(
      keys(await direct.allDomainStats({ domains: [near], groups: ['balloon'] })),
    );
    expect(await served.nodeMemory()).toMatchObject({ totalKib: 8 * MiB, freeKib: expect.any(Number) });
    expect(await served.version()).toBe('libvirt 9.0.0');
  });

  it.each([
    ['a name', 'vm-1'],
    ['an id', '2'],
    ['a name that looks like an id', '3'],
  ])('finds a domain by %s', async (_, text) => {
    const { client, direct } = await serveTest();
    expect(refOf(await (await client()).lookup(text))).toEqual(refOf(await direct.lookup(text)));
  });

  it('moves a balloon and sets the period of statistics', async () => {
    const { client, direct } = await serveTest();
    const domain = await (await client()).lookup('vm-1');
    await domain.setMemory(1 * MiB, { live: true });
    await domain.setMemoryStatsPeriod(7);
    await domain.setMemoryStatsPeriod(9, { affect: 'config' });
    expect(await domain.xml()).toContain("<stats period='7'/>");
    await vi.waitFor(
      async () => expect((await (await direct.lookup('vm-1')).info()).memoryKib).toBe(1 * MiB),
      5000,
    );
  });

  it('gets refusals as the errors that they are', async () => {
    const { client } = await serveTest();
    const served = await client();
    const [on, off] = [await served.lookup('vm-1'), await served.lookup('3')];
    expect(await codeOf(served.lookup('nobody'))).toBe('DOMAIN_NOT_FOUND');
    expect(await codeOf(on.setMemory(3 * MiB, { live: true }))).toBe('VALUE_OUT_OF_RANGE');
    expect(await codeOf(off.setMemory(1024, { live: true }))).toBe('OPERATION_REFUSED');
    expect(await codeOf(off.memoryStats())).toBe('OPERATION_REFUSED');
    const gone = served.domain({ name: 'x', uuid: '00000000-0000-4000-8000-000000000000', id: 1 });
    expect(await codeOf(gone.info())).toBe('DOMAIN_NOT_FOUND');
  });

  it('hears of the guests as one without the wire does', async () => {
    const { client, direct, control } = await serveTest();
    const [far, near]: [HypervisorEvent[], HypervisorEvent[]] = [[], []];
    (await client()).events.subscribe(event => far.push(event));
    direct.events.subscribe(event => near.push(event));
    control.pause('vm-1');
    control.resume('vm-1');
    control.reboot('vm-1');
    control.start('3');
    control.vanish('vm-2');
    await (await direct.lookup('3')).setMemory(1 * MiB, { live: true });
    control.destroy('vm-1');
    await vi.waitFor(() => {
      expect(far.length).toBeGreaterThanOrEqual(6);
      expect(far).toEqual(near.slice(0, far.length));
    }, 5000);
  });

  it('gets garbage as it is, and refuses it', async () => {
    const { client, opened, control, direct } = await serveTest();
    control.inject('vm-1', { kind: 'garbage' });
    const served = await client();
    const domain = await served.lookup('vm-1');
    expect(await codeOf(domain.memoryStats())).toBe('VALUE_OUT_OF_RANGE');
    const [record] = await served.allDomainStats({ domains: [domain] });
    expect(record?.error).toMatchObject({ code: 'VALUE_OUT_OF_RANGE' });
    expect(record?.params.has('balloon.usable')).toBe(false);

    const reply = await (await opened()).call(PROCEDURE.memoryStats, w => {
      writeDomain(w, domain);
      w.u32(13).u32(0);
    });
    const stats = reply.array(13, 12, item => [item.i32(), item.u64()]);
    expect(stats).toContainEqual([8, 18_014_398_509_481_980n]);
    expect(await codeOf(direct.lookup('nobody'))).toBe('DOMAIN_NOT_FOUND');
  });

  it('gets an answer for the other guests while one hangs, and an end to its call', async () => {
    const { client, control } = await serveTest({ callTimeout: 1 });
    const served = await client();
    control.inject('vm-1', { kind: 'hang' });
    const stuck = codeOf((await served.lookup('vm-1')).memoryStats());
    await expect((await served.lookup('vm-2')).memoryStats()).resolves.toHaveLength(13);
    const records = await served.allDomainStats();
    expect(records.map(({ params }) => params.size)).toEqual([4, 16]);
    expect(await stuck).toBe('OPERATION_BUSY');
  });
});

describe('lists', () => {
  it.each([
    ['all', 0, ['vm-1', 'vm-2', '3']],
    ['active', LIST.active, ['vm-1', 'vm-2']],
    ['inactive', LIST.inactive, ['3']],
    ['active and inactive', LIST.active | LIST.inactive, ['vm-1', 'vm-2', '3']],
    ['running', LIST.running, ['vm-2']],
    ['paused', LIST.paused, ['vm-1']],
    ['paused or off', LIST.paused | LIST.shutoff, ['vm-1', '3']],
    ['in any other state', LIST.other, []],
    ['transient', LIST.transient, []],
    ['persistent and active', LIST.persistent | LIST.active, ['vm-1', 'vm-2']],
    ['starting with the host', LIST.autostart, []],
    [
      'without snapshot, saved or not',
      LIST.noSnapshot | LIST.managedSave | LIST.noManagedSave,
      ['vm-1', 'vm-2', '3'],
    ],
  ])('selects domains that are %s, in lists and in bulk', async (_, flags, names) => {
    const { opened, control } = await serveTest();
    control.pause('vm-1');
    const client = await opened();
    const list = await client.call(PROCEDURE.listAllDomains, w => w.i32(1).u32(flags));
    expect(list.array(9, 24, readDomain).map(({ name }) => name)).toEqual(names);
    expect(list.u32()).toBe(names.length);
    const count = await client.call(PROCEDURE.listAllDomains, w => w.i32(0).u32(flags));
    expect([count.u32(), count.u32(), count.remaining]).toEqual([0, names.length, 0]);
    if (flags > 255) return;
    for (const groups of [1, 4]) {
      const bulk = await client.call(PROCEDURE.getAllDomainStats, w => w.u32(0).u32(groups).u32(flags));
      expect(bulk.u32()).toBe(names.length);
    }
  });

  it('names what a bulk call asked for, and leaves out who is gone', async () => {
    const { opened, direct } = await serveTest();
    const domains = await direct.domains();
    const client = await opened();
    const bulk = await client.call(PROCEDURE.getAllDomainStats, w =>
      w
        .array([...domains, { name: 'x', uuid: '00000000-0000-4000-8000-000000000000', id: 1 }], writeDomain)
        .u32(1)
        .u32(0),
    );
    const names = bulk.array(9, 28, item => {
      const { name } = readDomain(item);
      const params = item.array(9, 12, param => [param.string(), param.i32(), param.i32()]);
      return [name, params];
    });
    expect(names).toEqual([
      [
        'vm-1',
        [
          ['state.state', 1, 1],
          ['state.reason', 1, 1],
        ],
      ],
      [
        'vm-2',
        [
          ['state.state', 1, 1],
          ['state.reason', 1, 1],
        ],
      ],
      [
        '3',
        [
          ['state.state', 1, 5],
          ['state.reason', 1, 0],
        ],
      ],
    ]);
  });
});
