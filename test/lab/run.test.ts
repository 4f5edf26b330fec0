/** `ballonet run` among things that happen to a host: libvirtd dies, guests come, go and reboot, rights are missing. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { KiB, MiB } from '../../src/model/units.ts';
import { type Daemon, startDaemon } from './daemon.ts';
import { type Lab, startLab } from './lab.ts';
import { squeezing } from './policy.ts';
import { until } from './process.ts';

/** With a report a second, more than a guest needs to be trusted: only the grace of its boot keeps it from being shrunk. */
const REPORTS_SECONDS = 8;

describe('ballonet run on two guests', () => {
  let lab: Lab;

  async function start(
    host: Readonly<Record<string, unknown>>,
    options: { uri?: string; args?: readonly string[] } = {},
  ): Promise<Daemon> {
    const daemon = await startDaemon({
      uri: options.uri ?? lab.uri,
      policy: squeezing(host),
      folder: lab.folder,
      args: options.args ?? [],
    });
    onTestFinished(() => daemon[Symbol.asyncDispose]());
    return daemon;
  }

  const size = async (index: number): Promise<number> =>
    ((await lab.guest(index).dommemstat()).actual ?? 0) * KiB;

  async function full(): Promise<void> {
    // A guest that was reset while its target was its maximum has no balloon to fill, and QEMU goes on with the size of before.
    for (const guest of lab.guests) await guest.setMemory(guest.memory - 8 * MiB);
    for (const index of [0, 1])
      await until('the guest has moved', 30, async () => (await size(index)) === 504 * MiB);
    for (const guest of lab.guests) await guest.setMemory(guest.memory);
    for (const index of [0, 1])
      await until('the guest is at full size', 30, async () => (await size(index)) === 512 * MiB);
  }

  /** Waits until the guest has reported for a while, counted from its first report where it has none yet. */
  async function hasReported(index: number): Promise<void> {
    const last = async () => (await lab.guest(index).dommemstat()).last_update ?? 0;
    await until('it reports', 30, async () => (await last()) > 0);
    const first = await last();
    await until('it has reported for a while', 30, async () => (await last()) >= first + REPORTS_SECONDS);
  }

  beforeAll(async () => {
    lab = await startLab({ guests: 2, memory: '512MiB', swap: '256MiB', statsPeriod: 1 });
  });

  afterAll(async () => {
    await lab?.close();
  });

  it('touches nothing in mode observe, in dry run, and over a socket that cannot write', async () => {
    await full();
    const observing = await start({ mode: 'observe' });
    const dry = await start({ mode: 'enforce' }, { args: ['--dry-run'] });
    const readOnly = await start({ mode: 'enforce' }, { uri: lab.readOnlyUri, args: ['--dry-run'] });
    for (const daemon of [observing, dry, readOnly]) {
      await daemon.hears('balloon would move', 60);
      expect(await daemon.stop()).toBe(0);
      expect(daemon.said('balloon moved')).toEqual([]);
      // The models of the guests have been moved instead.
      const [shadow] = daemon.said('what this policy would have come to');
      expect(shadow).toMatchObject({ shadow: 'lab', guests: 2, oomKills: 0 });
      expect(shadow?.moves).toBeGreaterThan(0);
    }
    for (const index of [0, 1]) expect(await size(index)).toBe(512 * MiB);
  });

  it('H32: resumes by itself when libvirtd is killed and comes back, and moves no balloon in between', async () => {
    await full();
    const daemon = await start({ mode: 'enforce' });
    await daemon.hears('balloon moved', 60);
    await lab.libvirtd.kill('SIGKILL');
    await daemon.hears('hypervisor lost: balloons stay as they are', 20);
    const during = daemon.lines.length;
    await until('some ticks have failed', 30, () => daemon.said('safety hold: nothing shrinks').length > 0);
    await lab.libvirtd.start();
    await daemon.hears('hypervisor is back: collecting anew', 60, undefined, during);
    const back = daemon.lines.findIndex(line => line.msg === 'hypervisor is back: collecting anew');
    expect(daemon.lines.slice(during, back).filter(line => line.msg === 'balloon moved')).toEqual([]);
    expect(daemon.said('tick failed: balloons stay as they are').length).toBe(1);

    // Small enough that 200 MiB more cannot be had without growth.
    await until('the guest is shrunk on', 60, async () => (await size(0)) < 260 * MiB);
    await lab.guest(0).agent.take(200 * MiB, { rate: 64 * MiB });
    await daemon.hears('balloon moved', 60, line => line.action === 'grow', back);
    await lab.guest(0).agent.free('all');
    expect(await daemon.stop()).toBe(0);
  });

  it('tells once each of a guest that is destroyed, started and rebooted, and lets it boot before it moves it', async () => {
    await full();
    const daemon = await start({ mode: 'enforce' });
    const of = (msg: string) => daemon.said(msg).filter(line => line.domain === lab.guest(1).name);
    await daemon.hears('balloon moved', 60, line => line.domain === lab.guest(1).name);
    await lab.guest(1).destroy();
    await daemon.hears('guest gone', 30);
    await lab.guest(1).start();
    await until('the guest is seen again', 30, () => of('guest appeared').length === 2);
    const again = daemon.lines.findLastIndex(line => line.msg === 'guest appeared');
    await daemon.hears('balloon moved', 60, line => line.domain === lab.guest(1).name, again);
    // A boot that ends before the guest has said anything is no boot of its own.
    await hasReported(1);
    const before = of('guest began anew').length;
    await lab.guest(1).reboot('reset');
    await until('the reboot is seen', 30, () => of('guest began anew').length > before);
    await hasReported(1);
    const moves = daemon.lines.slice(again).filter(line => line.msg === 'balloon moved');
    expect(moves.filter(line => line.domain === lab.guest(1).name && line.action !== 'grow')).toEqual([]);
    expect(of('guest gone')).toHaveLength(1);
    expect(of('guest appeared')).toHaveLength(2);
    expect(of('guest began anew')).toHaveLength(1);
    expect(await lab.guest(1).oomKills()).toBe(0);
    expect(await daemon.stop()).toBe(0);
  });

  it('H36: shrinks guests that run and stores nothing, and gives their memory back on SIGTERM when onExit says release, in under 5 s', async () => {
    await full();
    const daemon = await start({ mode: 'enforce', onExit: 'release' });
    await until(
      'both are shrunk',
      90,
      async () => (await size(0)) < 400 * MiB && (await size(1)) < 400 * MiB,
    );
    // What is stored is the operator's, and the next cold start takes it up.
    expect(await lab.virsh('dumpxml', '--inactive', lab.guest(0).name)).toMatch(
      /<currentMemory[^>]*>524288</,
    );
    const asked = performance.now();
    expect(await daemon.stop('SIGTERM')).toBe(0);
    const seconds = (performance.now() - asked) / 1000;
    expect(daemon.said('balloons released')).toMatchObject([{ released: 2, failed: 0 }]);
    for (const index of [0, 1])
      await until('the guest has its memory', 30, async () => (await size(index)) === 512 * MiB);
    // The deadline is the command's own contract: past it, it ends with exit code 1 by itself.
    expect(seconds).toBeLessThan(5);
  });

  it('takes up a changed policy on SIGHUP, keeps the old one when the new one is wrong, and goes on', async () => {
    await full();
    const daemon = await start({ mode: 'enforce' });
    await daemon.hears('balloon moved', 60);
    await daemon.rewrite('spec: {}');
    daemon.signal('SIGHUP');
    await daemon.hears('reload refused: the running policies stay in force', 20);
    await until(
      'both go on shrinking',
      60,
      async () => (await size(0)) < 350 * MiB && (await size(1)) < 350 * MiB,
    );

    await daemon.rewrite(squeezing({ mode: 'enforce' }, { guarantees: { min: '90%', reserve: '128MiB' } }));
    daemon.signal('SIGHUP');
    await daemon.hears('policies reloaded', 20);
    await until(
      'both have their new guarantee',
      60,
      async () => (await size(0)) > 450 * MiB && (await size(1)) > 450 * MiB,
    );
    expect(await daemon.stop()).toBe(0);
  });

  it('ends with 130 on SIGINT and leaves balloons as they are', async () => {
    const daemon = await start({ mode: 'enforce' });
    await daemon.hears('balloon moved', 60);
    expect(await daemon.stop('SIGINT')).toBe(130);
    expect(daemon.said('balloons released')).toEqual([]);
  });
});
