/** The qemu driver on real guests without libvirt, and `ballonet run` on them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Domain, DomainStats, Hypervisor, HypervisorEvent } from '../../src/hypervisor/driver.ts';
import { connectQmp } from '../../src/hypervisor/qemu/hypervisor.ts';
import { uuidFromName } from '../../src/hypervisor/qemu/identity.ts';
import { type BallonetError, isBallonetError } from '../../src/model/errors.ts';
import { memoryStatsToRecord } from '../../src/model/memory-stats.ts';
import { KiB, MiB } from '../../src/model/units.ts';
import { startDaemon } from './daemon.ts';
import { squeezing } from './policy.ts';
import { run, until } from './process.ts';
import { type QmpGuests, startQmpGuests } from './qmp-guests.ts';

const UUID = 'c7a5fdbd-cdaf-9455-926a-d65c16db1809';

/** Asks QEMU over its other socket, with a client that is not ours: Python's JSON keeps big integers exact. */
const ASK = `
import json, socket, sys
client = socket.socket(socket.AF_UNIX)
client.settimeout(10)
client.connect(sys.argv[1])
lines = client.makefile('rw')
lines.readline()
def ask(execute, **arguments):
    print(json.dumps({'execute': execute, 'arguments': arguments}), file=lines, flush=True)
    while True:
        reply = json.loads(lines.readline())
        if 'event' not in reply:
            return reply['return']
ask('qmp_capabilities')
stats = ask('qom-get', path=sys.argv[2], property='guest-stats')
known = {name: value for name, value in stats['stats'].items() if value != 2**64 - 1}
print(json.dumps({'actual': ask('query-balloon')['actual'], 'last-update': stats['last-update'], **known}))
`;

describe('three QEMUs without libvirt', () => {
  let vms: QmpGuests;
  let opened: Hypervisor | undefined;
  let events: HypervisorEvent[] = [];
  let warnings: BallonetError[] = [];

  beforeAll(async () => {
    vms = await startQmpGuests([
      { name: 'bare', boots: false },
      { name: 'boxed', boxed: true, balloon: 'virtio-balloon-pci,deflate-on-oom=on' },
      { name: 'plain', uuid: UUID, balloon: 'virtio-balloon-pci,id=gas-bag' },
    ]);
  });

  afterEach(async () => {
    await opened?.close();
    opened = undefined;
  });

  afterAll(async () => {
    await vms?.[Symbol.asyncDispose]();
  });

  async function open(path = vms.folder, callTimeout = 10): Promise<Hypervisor> {
    events = [];
    warnings = [];
    const hypervisor = await connectQmp(`qmp://${path}`, {
      reconnect: true,
      callTimeout,
      onWarning: error => warnings.push(error),
    });
    opened = hypervisor;
    hypervisor.events.subscribe(event => events.push(event));
    return hypervisor;
  }

  /** Events of one guest in short: `kind` or `type`, with libvirt's detail number where that says something. */
  const told = (name: string): string[] =>
    events
      .filter(({ domain }) => domain.name === name)
      .map(event => (event.type === 'lifecycle' ? `${event.kind} ${event.detail}` : event.type));

  it('are listed with their names, uuids, states and sizes', async () => {
    const hypervisor = await open();

    const domains = await hypervisor.domains();
    const infos = await Promise.all(domains.map(domain => domain.info()));

    expect(domains.map(({ id, name, uuid }) => ({ id, name, uuid }))).toEqual([
      { id: 1, name: 'bare', uuid: uuidFromName('bare') },
      { id: 2, name: 'boxed', uuid: uuidFromName('boxed') },
      { id: 3, name: 'plain', uuid: UUID },
    ]);
    expect(
      infos.map(({ state, maxMemKib, memoryKib, vcpus }) => [state, maxMemKib, memoryKib, vcpus]),
    ).toEqual(['paused', 'running', 'running'].map(state => [state, 512 * 1024, 512 * 1024, 1]));
    expect(infos.every(({ cpuTimeNs }) => cpuTimeNs > 10_000_000n)).toBe(true);
    expect(await hypervisor.version()).toMatch(/^QEMU \d+\.\d+\.\d+$/);
    expect(warnings).toEqual([]);
  });

  it('know the resident memory of their processes, also of one in a process namespace of its own', async () => {
    const hypervisor = await open();
    for (const name of ['bare', 'boxed', 'plain']) {
      const { rss = 0 } = memoryStatsToRecord(await (await hypervisor.lookup(name)).memoryStats());
      const exact = (await vms.guest(name).rss()) / MiB;
      expect(Math.abs((rss * KiB) / MiB - exact)).toBeLessThan(8);
    }
  });

  it('have no statistics and no setMemory without a balloon, and say in their XML what they have', async () => {
    const hypervisor = await open();
    const [bare, boxed, plain] = await hypervisor.domains();

    await expect(bare?.setMemory(MiB / KiB, { live: true })).rejects.toMatchObject({
      code: 'OPERATION_UNSUPPORTED',
    });
    expect((await bare?.memoryStats())?.map(({ tag }) => tag)).toEqual([7]);
    expect(await bare?.xml()).toContain("<memballoon model='none'/>");
    expect(await boxed?.xml()).toContain("<memballoon model='virtio' autodeflate='on'/>");
    expect(await plain?.xml()).toContain("<memballoon model='virtio'/>");
  });

  it.each([
    ['plain', '/machine/peripheral/gas-bag'],
    ['boxed', '/machine/peripheral-anon/device[2]'],
  ])('give the figures that a second monitor sees: %s', async (name, device) => {
    const hypervisor = await open();
    const domain = await hypervisor.lookup(name);
    await domain.setMemoryStatsPeriod(1);
    const asked = Math.floor(Date.now() / 1000) + 1;
    await until('the guest reports', 30, async () => (await statsOf(domain)).last_update > asked);
    // A paused guest's report stands still, so that two clients can be compared (QEMU_CLOCK_VIRTUAL).
    await pauseByMonitor(vms.guest(name).monitor, 'stop');
    await until('the pause is told', 10, () => told(name).includes('suspended 0'));

    const theirs = JSON.parse(await run('/usr/bin/python3', ['-c', ASK, vms.guest(name).monitor, device]));
    const { rss, ...ours } = await statsOf(domain);
    const records = await hypervisor.allDomainStats();
    await pauseByMonitor(vms.guest(name).monitor, 'cont');

    const kib = (key: string): number => Math.floor(theirs[key] / KiB);
    expect(rss).toBeGreaterThan(0);
    expect(ours).toEqual({
      actual: kib('actual'),
      swap_in: kib('stat-swap-in'),
      swap_out: kib('stat-swap-out'),
      major_fault: theirs['stat-major-faults'],
      minor_fault: theirs['stat-minor-faults'],
      unused: kib('stat-free-memory'),
      available: kib('stat-total-memory'),
      usable: kib('stat-available-memory'),
      last_update: theirs['last-update'],
      disk_caches: kib('stat-disk-caches'),
      hugetlb_pgalloc: theirs['stat-htlb-pgalloc'],
      hugetlb_pgfail: theirs['stat-htlb-pgfail'],
    });
    const bulk = paramsOf(records, name);
    expect(bulk.get('state.state')).toBe(3);
    expect(bulk.get('balloon.current')).toBe(ours.actual);
    expect(bulk.get('balloon.available')).toBe(ours.available);
    expect(bulk.get('balloon.last-update')).toBe(ours.last_update);
    await until('the end of the pause is told', 10, () => told(name).includes('resumed 0'));
  });

  it('give resident memory back to the host when they are shrunk, and tell of it', async () => {
    const hypervisor = await open();
    const guest = vms.guest('plain');
    const domain = await hypervisor.lookup('plain');
    await guest.agent.take(300 * MiB);
    await guest.agent.free();
    const before = await statsOf(domain);

    await domain.setMemory(192 * 1024, { live: true });
    await until('the balloon inflates', 60, async () => (await statsOf(domain)).actual === 192 * 1024);
    const after = await statsOf(domain);
    await domain.setMemory(512 * 1024, { live: true });
    await until('the balloon deflates', 60, async () => (await statsOf(domain)).actual === 512 * 1024);

    expect(before.rss - after.rss).toBeGreaterThan(200 * 1024);
    await until('the last size is told', 5, () =>
      events.some(event => event.type === 'balloon' && event.actualKib === 512 * 1024),
    );
  });

  it('tell of a reboot, and go on', async () => {
    const hypervisor = await open();
    const domain = await hypervisor.lookup('plain');

    await vms.guest('plain').agent.reboot();
    await vms.guest('plain').rebooted();

    expect(told('plain')).toContain('reboot');
    expect((await domain.info()).state).toBe('running');
    expect((await hypervisor.lookup('plain')).id).toBe(domain.id);
  });

  it('cost only their own figures when they hang, and come back', async () => {
    const hypervisor = await open(vms.folder, 2);
    const [plain, boxed] = [await hypervisor.lookup('plain'), await hypervisor.lookup('boxed')];
    await plain.setMemoryStatsPeriod(1);
    await boxed.setMemoryStatsPeriod(1);
    await hypervisor.allDomainStats();
    vms.guest('boxed').signal('SIGSTOP');

    const ticks: { ms: number; plain: unknown; boxed: unknown }[] = [];
    for (let tick = 0; tick < 5; tick++) {
      const began = performance.now();
      const records = await hypervisor.allDomainStats();
      ticks.push({
        ms: performance.now() - began,
        plain: paramsOf(records, 'plain').get('balloon.last-update'),
        boxed: paramsOf(records, 'boxed').get('balloon.last-update'),
      });
      await new Promise(resolve => setTimeout(resolve, 1000));
    }
    const began = performance.now();
    const code = await codeOf(boxed.memoryStats());
    const deadline = performance.now() - began;
    expect(await codeOf(plain.memoryStats())).toBe('none');
    vms.guest('boxed').signal('SIGCONT');

    expect(ticks.every(({ boxed }) => boxed === undefined)).toBe(true);
    expect(new Set(ticks.map(({ plain }) => plain)).size).toBeGreaterThanOrEqual(3);
    expect(ticks[0]?.ms).toBeLessThan(1900);
    expect(ticks.slice(1).every(({ ms }) => ms < 900)).toBe(true);
    expect(code).toBe('HYPERVISOR_TIMEOUT');
    expect(deadline).toBeLessThan(3000);
    expect(warnings.map(({ code }) => code)).toEqual(['HYPERVISOR_TIMEOUT']);
    await until('it answers again', 10, async () => (await codeOf(boxed.memoryStats())) === 'none');
    expect(told('boxed')).not.toContain('stopped 5');
  });

  it('come back under a new id when their QEMU was killed and started again', async () => {
    const hypervisor = await open();
    const before = await hypervisor.lookup('plain');

    vms.guest('plain').signal('SIGKILL');
    await vms.guest('plain').ended();
    await until('its end is told', 10, () => told('plain').includes('stopped 5'));
    expect(await codeOf(before.info())).toBe('DOMAIN_NOT_FOUND');
    expect((await hypervisor.domains()).map(({ name }) => name)).toEqual(['bare', 'boxed']);
    await vms.guest('plain').start();

    await until('its start is told', 20, () => told('plain').includes('started 0'));
    const after = await hypervisor.lookup('plain');
    expect(after.uuid).toBe(before.uuid);
    expect(after.id).toBeGreaterThan(before.id);
    expect((await statsOf(after)).rss).toBeGreaterThan(0);
  });

  it('are shrunk by ballonet run, which gives their memory back when it is stopped', async () => {
    for (const name of ['plain', 'boxed']) {
      await vms.guest(name).agent.take(300 * MiB);
      await vms.guest(name).agent.free();
    }
    const watcher = await open(vms.monitors);
    const size = async (name: string): Promise<number> => (await statsOf(await watcher.lookup(name))).actual;
    const resident = async (name: string): Promise<number> => (await statsOf(await watcher.lookup(name))).rss;
    const before = await resident('plain');

    await using daemon = await startDaemon({
      uri: `qmp://${vms.folder}`,
      policy: squeezing({ mode: 'enforce', onExit: 'release' }),
      folder: vms.scratch,
    });
    const started = await daemon.hears('ballonet runs', 30);
    await until('both are shrunk', 120, async () =>
      (await Promise.all([size('plain'), size('boxed')])).every(kib => kib < 320 * 1024),
    );

    expect(String(started.hypervisor)).toMatch(/^QEMU /);
    expect(before - (await resident('plain'))).toBeGreaterThan(100 * 1024);
    expect(await daemon.stop()).toBe(0);
    await until('both are whole again', 60, async () =>
      (await Promise.all([size('plain'), size('boxed')])).every(kib => kib === 512 * 1024),
    );
  });

  it('tell of their end when they power themselves off', async () => {
    const hypervisor = await open();

    await vms.guest('plain').agent.quit();
    await vms.guest('plain').ended();

    await until('the end is told', 10, () => told('plain').includes('stopped 0'));
    expect(told('plain')).toEqual(expect.arrayContaining(['shutdown 1', 'stopped 0']));
    expect((await hypervisor.domains()).map(({ name }) => name)).toEqual(['bare', 'boxed']);
  });
});

async function statsOf(
  domain: Domain,
): Promise<Record<'actual' | 'rss' | 'last_update', number> & Record<string, number>> {
  const {
    actual = Number.NaN,
    rss = Number.NaN,
    last_update = 0,
    ...rest
  } = memoryStatsToRecord(await domain.memoryStats());
  return { actual, rss, last_update, ...rest };
}

function paramsOf(records: readonly DomainStats[], name: string): DomainStats['params'] {
  const record = records.find(({ domain }) => domain.name === name);
  if (!record) throw new Error(`no record of ${name}`);
  return record.params;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isBallonetError(error)) return error.code;
    throw error;
  }
  return 'none';
}

/** `stop` or `cont` over the second socket, in Python. */
async function pauseByMonitor(monitor: string, execute: 'stop' | 'cont'): Promise<void> {
  const script = ASK.slice(0, ASK.indexOf('stats = ')).concat('ask(sys.argv[2])\n');
  await run('/usr/bin/python3', ['-c', script, monitor, execute]);
}
