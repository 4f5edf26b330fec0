import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MiB } from '../../src/model/units.ts';
import { type Lab, startLab } from './lab.ts';
import { until } from './process.ts';

describe('a lab of two guests', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab({
      guests: [
        { name: 'plain' },
        { name: 'swapping', memory: '256MiB', swap: '256MiB', disk: '256MiB', touched: true },
      ],
      statsPeriod: 1,
      pool: '2GiB',
    });
  });

  afterAll(async () => {
    await lab?.close();
  });

  it('shows both guests to virsh and to python3-libvirt, by both sockets', async () => {
    expect((await lab.virsh('list', '--name')).trim().split('\n').toSorted()).toEqual(['plain', 'swapping']);
    const script = `
import libvirt, sys
for opened in (libvirt.open(sys.argv[1]), libvirt.openReadOnly(sys.argv[1] + '-ro')):
    print(*sorted(domain.name() for domain in opened.listAllDomains()))`;
    expect(await lab.python(script)).toBe('plain swapping\nplain swapping\n');
  });

  it('refuses to write by the read-only socket', async () => {
    const script = `
import libvirt, sys
libvirt.registerErrorHandler(lambda *_: None, None)
try:
    libvirt.openReadOnly(sys.argv[1] + '-ro').lookupByName('plain').setMemory(400 * 1024)
except libvirt.libvirtError as error:
    print(error.get_error_code())`;
    expect(await lab.python(script)).toBe('29\n');
  });

  it('has guests that leave nearly all of their memory free', async () => {
    const { MemTotal = 0, MemAvailable = 0 } = await lab.guest(0).agent.meminfo();
    expect(MemTotal).toBeGreaterThan(440 * MiB);
    expect(MemTotal - MemAvailable).toBeLessThan(48 * MiB);
  });

  it('moves usable memory and resident size when a guest takes 100 MiB and frees them', async () => {
    const guest = lab.guest(0);
    const before = await fresh(lab, 0);
    const residentBefore = await guest.residentMemory();
    const work = await guest.agent.take(100 * MiB);
    expect(work.heldBytes).toBe(100 * MiB);
    expect(work.longestStallSeconds).toBeGreaterThan(0);
    expect(work.longestStallSeconds).toBeLessThan(work.seconds);

    const held = await fresh(lab, 0);
    expect(kib(before, 'usable') - kib(held, 'usable')).toBeGreaterThan(90 * MiB);
    expect((await guest.residentMemory()) - residentBefore).toBeGreaterThan(60 * MiB);
    expect((await guest.agent.touch()).heldBytes).toBe(100 * MiB);
    expect((await guest.agent.free(40 * MiB)).heldBytes).toBe(60 * MiB);
    expect((await guest.agent.free('all')).heldBytes).toBe(0);
    expect(kib(await fresh(lab, 0), 'usable')).toBeGreaterThan(kib(held, 'usable') + 90 * MiB);
  });

  it('takes at the rate that is asked for', async () => {
    const { seconds, longestStallSeconds } = await lab.guest(0).agent.take(16 * MiB, { rate: 16 * MiB });
    expect(seconds).toBeGreaterThan(0.9);
    expect(longestStallSeconds).toBeLessThan(0.9);
    await lab.guest(0).agent.free();
  });

  it('gives resident memory back to the host when the balloon inflates', async () => {
    const guest = lab.guest(1);
    const before = await guest.residentMemory();
    expect(before).toBeGreaterThan(190 * MiB);
    await guest.setMemory(128 * MiB);
    await until('the balloon inflates', 30, async () => (await guest.dommemstat()).actual === 128 * 1024);
    const after = await guest.residentMemory();
    expect(before - after).toBeGreaterThan(90 * MiB);
    expect(await guest.rss()).toBeGreaterThan(after);
  });

  it('swaps to its disk when it takes more than the balloon leaves, and nobody is killed', async () => {
    const guest = lab.guest(1);
    const { pswpout = 0 } = await guest.agent.vmstat();
    await guest.agent.take(140 * MiB);
    expect((await guest.agent.vmstat()).pswpout).toBeGreaterThan(pswpout + 1000);
    const { SwapTotal = 0, SwapFree = 0 } = await guest.agent.meminfo();
    expect(SwapTotal - SwapFree).toBeGreaterThan(8 * MiB);
    expect((await guest.agent.stalls()).stalledSeconds).toBeGreaterThan(0);
    await guest.agent.free();
    await guest.setMemory(guest.memory);
    await until('the balloon deflates', 30, async () => (await guest.dommemstat()).actual === 256 * 1024);
    expect(await guest.oomKills()).toBe(0);
  });

  it('keeps a file in the page cache of the data disk until it is told to drop it', async () => {
    const { agent } = lab.guest(1);
    const cachedBefore = (await agent.meminfo()).Cached ?? 0;
    expect((await agent.cache(64 * MiB)).bytes).toBe(64 * MiB);
    const cached = (await agent.meminfo()).Cached ?? 0;
    expect(cached - cachedBefore).toBeGreaterThan(60 * MiB);
    await agent.dropCaches();
    expect((await agent.meminfo()).Cached).toBeLessThan(cached - 60 * MiB);
    expect((await agent.reread()).bytes).toBe(64 * MiB);
  });

  it('touches held memory in the background at the pace that is asked for', async () => {
    const { agent } = lab.guest(1);
    await agent.take(16 * MiB);
    await agent.work(2000);
    await agent.resetStalls();
    await until('the work is seen', 5, async () => (await agent.stalls()).longestStallSeconds > 0);
    await agent.work(0);
    await agent.free();
  });

  it("tells of an OOM kill by the holder's death and on the console, and the agent lives on", async () => {
    const guest = lab.guest(0);
    await guest.setMemory(192 * MiB);
    await until('the balloon inflates', 30, async () => (await guest.dommemstat()).actual === 192 * 1024);
    await expect(guest.agent.take(300 * MiB)).rejects.toThrow('died by signal 9');
    expect(guest.agent.holderDeaths).toHaveLength(1);
    expect(guest.agent.holderDeaths[0]?.lostBytes).toBeGreaterThan(90 * MiB);
    await until('the console tells', 5, async () => (await guest.oomKills()) === 1);
    expect((await guest.agent.vmstat()).oom_kill).toBe(1);
    expect((await guest.agent.take(10 * MiB)).heldBytes).toBe(10 * MiB);
    await guest.agent.free();
    await guest.setMemory(guest.memory);
    await until('the balloon deflates', 30, async () => (await guest.dommemstat()).actual === 512 * 1024);
  });

  it('keeps the guests over a SIGKILL of libvirtd', async () => {
    const pid = await lab.guest(0).qemuPid();
    await lab.libvirtd.kill('SIGKILL');
    expect(lab.libvirtd.pid()).toBeUndefined();
    await expect(lab.virsh('list')).rejects.toThrow('virsh');
    await lab.libvirtd.start();
    expect(await lab.guest(0).qemuPid()).toBe(pid);
    expect(kib(await lab.guest(0).dommemstat(), 'actual')).toBe(512 * MiB);
  });

  it('charges the guests to the memory cgroup of the pool', async () => {
    expect(lab.pool?.limit).toBe(2048 * MiB);
    const [first, second] = await Promise.all(lab.guests.map(guest => guest.residentMemory()));
    expect(await lab.pool?.usage()).toBeGreaterThan((first ?? 0) + (second ?? 0));
  });

  it('reboots and powers off from within', async () => {
    const guest = lab.guest(1);
    const pid = await guest.qemuPid();
    await guest.reboot('kernel');
    expect(await guest.qemuPid()).toBe(pid);
    await guest.shutDown();
    await expect(guest.qemuPid()).rejects.toThrow();
  });

  it('pauses, resets, pulls the plug and starts again', async () => {
    const guest = lab.guest(0);
    await guest.pause();
    expect((await lab.virsh('domstate', guest.name)).trim()).toBe('paused');
    await guest.resume();
    const pid = await guest.qemuPid();
    await guest.reboot();
    expect(await guest.qemuPid()).toBe(pid);
    await guest.destroy();
    await expect(guest.qemuPid()).rejects.toThrow();
    await expect(guest.agent.meminfo()).rejects.toThrow('does not run');
    await guest.start();
    expect((await guest.agent.meminfo()).MemTotal).toBeGreaterThan(440 * MiB);
  });
});

/** Statistics that the guest has sent after this call. */
async function fresh(lab: Lab, index: number): Promise<Readonly<Record<string, number>>> {
  const asked = Math.floor(Date.now() / 1000) + 1;
  return until('fresh statistics', 10, async () => {
    const stats = await lab.guest(index).dommemstat();
    return (stats.last_update ?? 0) > asked && stats;
  });
}

function kib(stats: Readonly<Record<string, number>>, name: string): number {
  const value = stats[name];
  if (value === undefined) throw new Error(`no ${name} among ${Object.keys(stats).join(', ')}`);
  return value * 1024;
}
