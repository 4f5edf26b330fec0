import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { UNKNOWN } from '../../../test/fakes/fake-qemu.ts';
import { codeOf, collect, onlyDomain, paramsOf, qmpBench } from '../../../test/fakes/qmp-bench.ts';
import { memoryStatsToRecord } from '../../model/memory-stats.ts';
import { parseDomainXml } from '../domain-xml.ts';

describe('a guest', () => {
  it('has statistics in the order of libvirt, KiB, with what is unknown left out', async () => {
    const { start, connect } = qmpBench();
    const { machine } = await start('web');
    if (machine.balloon) {
      machine.balloon.stats = {
        'stat-swap-in': UNKNOWN,
        'stat-total-memory': '943718400',
        'stat-oom-kills': '2',
      };
    }
    const domain = await onlyDomain(await connect());

    const stats = await domain.memoryStats();

    expect(memoryStatsToRecord(stats)).toEqual({
      actual: 2 ** 20,
      available: 921_600,
      last_update: 1_700_000_000,
    });
    expect(stats[0]?.tag).toBe(6);
    expect(await domain.memoryStats({ maxStats: 1 })).toEqual([{ tag: 6, value: 2 ** 20 }]);
    expect(await codeOf(domain.memoryStats({ flags: 1 }))).toBe('OPERATION_REFUSED');
    expect(await codeOf(domain.memoryStats({ maxStats: 1025 }))).toBe('VALUE_OUT_OF_RANGE');
  });

  it('has a bulk record with the same figures and the ones that only QEMU has', async () => {
    const { start, connect } = qmpBench();
    const { machine } = await start('web');
    machine.pluggedBytes = 2 ** 30;
    if (machine.balloon) machine.balloon.stats = { 'stat-total-memory': '943718400', 'stat-oom-kills': '2' };
    const hypervisor = await connect();

    expect(paramsOf(await hypervisor.allDomainStats())).toEqual([
      {
        'state.state': 1,
        'state.reason': 0,
        'balloon.current': 2 ** 20,
        'balloon.maximum': 2 ** 21,
        'balloon.available': 921_600,
        'balloon.last-update': 1_700_000_000,
        'balloon.oom_kills': 2,
      },
    ]);
    expect(paramsOf(await hypervisor.allDomainStats({ groups: ['state'] }))).toEqual([
      { 'state.state': 1, 'state.reason': 0 },
    ]);
  });

  it('whose figure cannot be represented keeps the others in bulk, and its list is refused', async () => {
    const { start, connect } = qmpBench();
    const { machine } = await start('web');
    if (machine.balloon)
      machine.balloon.stats = { 'stat-minor-faults': '18446744073709547520', 'stat-swap-in': '0' };
    const hypervisor = await connect();

    const [record] = await hypervisor.allDomainStats();

    expect(record?.error?.code).toBe('VALUE_OUT_OF_RANGE');
    expect(record?.params.get('balloon.swap_in')).toBe(0);
    expect(record?.params.has('balloon.minor_fault')).toBe(false);
    expect(await codeOf((await onlyDomain(hypervisor)).memoryStats())).toBe('VALUE_OUT_OF_RANGE');
  });

  it.each([
    ['/machine/peripheral/hot-air', 'virtio-balloon-pci'],
    ['/machine/peripheral-anon/device[0]', 'virtio-balloon-ccw'],
    ['/machine/unattached/device[12]', 'virtio-balloon-device'],
  ])('has its balloon found by type, wherever it hangs: %s', async (path, type) => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    if (qemu.machine.balloon) Object.assign(qemu.machine.balloon, { path, type });
    const domain = await onlyDomain(await connect());

    await domain.setMemoryStatsPeriod(3);

    expect(qemu.given('qom-set')[0]?.args).toEqual({
      path,
      property: 'guest-stats-polling-interval',
      value: 3,
    });
    expect(parseDomainXml(await domain.xml())).toMatchObject({
      balloon: { device: 'virtio', autodeflate: false, statsPeriodSeconds: 3 },
    });
  });

  it.each([
    ['a VFIO device', { devices: ['vfio-pci-nohotplug'] }, ['passthrough']],
    ['a vDPA device', { devices: ['vhost-vdpa-device-pci'] }, ['passthrough']],
    ['virtio-mem', { devices: ['virtio-mem-pci'] }, ['virtio-mem']],
    ['encrypted memory', { confidential: '/objects/sev0' }, ['launch-security']],
    ['a VFIO device that lets pages go', { devices: ['vfio-ccw', 'virtio-net-pci'] }, []],
    ['a machine that cannot encrypt', { confidential: undefined }, []],
  ])('H21: has obstacles by what QEMU is made of: %s', async (_, change, obstacles) => {
    const { start, connect } = qmpBench();
    await start('web', { ...change, freePageReporting: true });
    const domain = await onlyDomain(await connect());

    const xml = parseDomainXml(await domain.xml());

    expect(xml.obstacles).toEqual(obstacles);
    expect(xml.balloon.freePageReporting).toBe(true);
  });

  it.each([
    [undefined, false],
    ['setup', true],
    ['active', true],
    ['postcopy-active', true],
    ['completed', false],
    ['cancelled', false],
    ['failed', false],
  ])('H31: has a job while it migrates: %s', async (migration, job) => {
    const { start, connect } = qmpBench();
    await start('web', { migration });

    expect(await (await onlyDomain(await connect())).job()).toBe(job);
  });

  it('without a balloon has its size and no statistics, and refuses to be moved', async () => {
    const { start, connect } = qmpBench();
    await start('web', { balloon: undefined });
    const hypervisor = await connect();
    const domain = await onlyDomain(hypervisor);

    expect(await domain.memoryStats()).toEqual([]);
    expect(await codeOf(domain.setMemory(1024, { live: true }))).toBe('OPERATION_UNSUPPORTED');
    expect(await codeOf(domain.setMemoryStatsPeriod(1))).toBe('OPERATION_UNSUPPORTED');
    expect(parseDomainXml(await domain.xml()).balloon.device).toBe('none');
    expect(paramsOf(await hypervisor.allDomainStats())).toEqual([
      { 'state.state': 1, 'state.reason': 0, 'balloon.current': 2 ** 20, 'balloon.maximum': 2 ** 20 },
    ]);
  });

  it('keeps reporting when its balloon is unplugged and another is plugged in', async () => {
    const { start, connect } = qmpBench();
    const { machine } = await start('web');
    const hypervisor = await connect();
    await hypervisor.allDomainStats();
    const { balloon } = machine;
    machine.balloon = undefined;
    const [without] = paramsOf(await hypervisor.allDomainStats());
    machine.balloon = balloon && { ...balloon, path: '/machine/peripheral/other' };

    const [after] = paramsOf(await hypervisor.allDomainStats());

    expect(without).not.toHaveProperty('balloon.last-update');
    expect(after).toHaveProperty('balloon.last-update', 1_700_000_000);
  });

  it('is asked for bytes, within its maximum, and only where changes are allowed', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const domain = await onlyDomain(await connect());

    await domain.setMemory(512 * 1024, { live: true });

    expect(qemu.given('balloon').map(({ args }) => args)).toEqual([{ value: 512 * 2 ** 20 }]);
    for (const kib of [0, -1, 1.5, 2 ** 20 + 1, 2 ** 53]) {
      expect(await codeOf(domain.setMemory(kib, { live: true }))).toBe('VALUE_OUT_OF_RANGE');
    }
    expect(await codeOf(domain.setMemoryStatsPeriod(2 ** 31))).toBe('VALUE_OUT_OF_RANGE');
    expect(await codeOf(domain.setMemoryStatsPeriod(1, { affect: 'config' }))).toBe('OPERATION_UNSUPPORTED');
    expect(qemu.given('balloon')).toHaveLength(1);
  });

  it('is not changed over a read-only connection', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const domain = await onlyDomain(await connect('', { readOnly: true }));

    expect(await codeOf(domain.setMemory(1024, { live: true }))).toBe('OPERATION_DENIED');
    expect(await codeOf(domain.setMemoryStatsPeriod(1))).toBe('OPERATION_DENIED');
    expect([...qemu.given('balloon'), ...qemu.given('qom-set')]).toEqual([]);
  });

  it.each([
    ['running', 'running'],
    ['paused', 'paused'],
    ['prelaunch', 'paused'],
    ['io-error', 'paused'],
    ['shutdown', 'shutdown'],
    ['guest-panicked', 'crashed'],
    ['suspended', 'pmsuspended'],
    ['of-tomorrow', 'nostate'],
  ])('that QEMU calls %s is %s', async (status, state) => {
    const { start, connect } = qmpBench();
    await start('web', { status });
    expect((await (await onlyDomain(await connect())).info()).state).toBe(state);
  });

  it('has the name and sizes in its XML, whatever characters the name has', async () => {
    const { start, connect } = qmpBench();
    await start('web', { name: '<a> & "b"\u0007', deflateOnOom: true });
    const domain = await onlyDomain(await connect());

    const xml = await domain.xml();

    expect(domain.name).toBe('<a> & "b"');
    expect(xml).toContain('<name>&lt;a&gt; &amp; &quot;b&quot;</name>');
    expect(xml).toContain("<memory unit='KiB'>1048576</memory>");
    expect(parseDomainXml(xml).balloon).toMatchObject({ device: 'virtio', autodeflate: true });
  });

  it('gives its events in the words of libvirt, and an amount that cannot be is a warning', async () => {
    const { start, connect, warnings } = qmpBench();
    const qemu = await start('web');
    const hypervisor = await connect();
    const events = collect(hypervisor.events);

    qemu.event('BALLOON_CHANGE', { actual: 2 ** 29 });
    qemu.event('STOP');
    qemu.event('RESUME');
    qemu.event('RESET', { guest: true, reason: 'guest-reset' });
    qemu.event('POWERDOWN');
    qemu.event('SUSPEND');
    qemu.event('GUEST_PANICKED', { action: 'pause' });
    qemu.raw('{"timestamp": {}, "event": "BALLOON_CHANGE", "data": {"actual": -4096}}\r\n');

    await vi.waitFor(() => expect(warnings.map(({ code }) => code)).toEqual(['VALUE_OUT_OF_RANGE']));
    expect(events.map(event => ('kind' in event ? event.kind : event.type))).toEqual([
      'balloon',
      'suspended',
      'resumed',
      'reboot',
      'pmsuspended',
      'crashed',
    ]);
    expect(events[0]).toMatchObject({ actualKib: 2 ** 19, domain: { name: 'web', id: 1 } });
  });

  it('that ends during a call is not found, and is no loss of the hypervisor', async () => {
    const { start, connect } = qmpBench();
    const qemu = await start('web');
    const hypervisor = await connect();
    const domain = await onlyDomain(hypervisor);
    qemu.intercept = () => true;
    const asked = codeOf(domain.info());
    const bulk = hypervisor.allDomainStats();
    await sleep(30);

    await qemu.end();

    expect(await asked).toBe('DOMAIN_NOT_FOUND');
    expect(await bulk).toEqual([]);
    expect(await codeOf(domain.memoryStats())).toBe('DOMAIN_NOT_FOUND');
    expect(await hypervisor.domains()).toEqual([]);
  });
});
