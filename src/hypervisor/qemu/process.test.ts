import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cpuTimeNs, memoryKinds, ProcessFinder, residentKib } from './process.ts';

interface FakeProcess {
  readonly pid: number;
  /** Numbers of its threads besides its own. */
  readonly threads?: readonly number[];
  readonly command?: string;
  /** Path that it has bound a socket to. */
  readonly bound?: string;
  /** False: its descriptors may not be read. */
  readonly readable?: boolean;
}

/** A folder that looks like /proc, beside one for sockets. */
function fakeProc(processes: readonly FakeProcess[]): { finder: ProcessFinder; sockets: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ballonet-proc-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const proc = join(folder, 'proc');
  const sockets = join(folder, 'vms');
  mkdirSync(sockets, { recursive: true });
  for (const { pid, threads = [], command = '', bound, readable = true } of processes) {
    const at = (...names: string[]) => join(proc, String(pid), ...names);
    mkdirSync(at('net'), { recursive: true });
    writeFileSync(at('status'), `Name:\tqemu\nTgid:\t${pid}\nPid:\t${pid}\nVmRSS:\t    4321 kB\n`);
    writeFileSync(at('cmdline'), command.replaceAll('SOCKETS', sockets).replaceAll(' ', '\0'));
    for (const thread of threads) {
      mkdirSync(join(proc, String(thread)), { recursive: true });
      writeFileSync(join(proc, String(thread), 'status'), `Tgid:\t${pid}\nPid:\t${thread}\n`);
    }
    const path = bound?.replaceAll('SOCKETS', sockets);
    writeFileSync(
      at('net/unix'),
      `Num       RefCount Protocol Flags    Type St Inode Path\n0000000000000000: 00000002 00000000 00010000 0001 01 ${pid}00 ${path ?? '/other'}\n`,
    );
    if (!readable) continue;
    mkdirSync(at('fd'));
    symlinkSync('/dev/null', at('fd/0'));
    if (bound !== undefined) symlinkSync(`socket:[${pid}00]`, at('fd/9'));
  }
  return { finder: new ProcessFinder(proc), sockets };
}

describe('the process behind a socket', () => {
  it('is the one that the thread of a virtual processor belongs to, when that holds the socket', async () => {
    const { finder, sockets } = fakeProc([{ pid: 40, threads: [44], bound: 'SOCKETS/web.qmp' }]);
    expect(await finder.find(join(sockets, 'web.qmp'), [44, 45])).toBe(40);
  });

  it('is not one that merely has the number that QEMU tells from within a namespace', async () => {
    const { finder, sockets } = fakeProc([
      { pid: 40, threads: [44], command: 'qemu', bound: 'SOCKETS/db.qmp' },
      { pid: 900, command: 'qemu -qmp unix:SOCKETS/web.qmp,server=on', bound: 'SOCKETS/web.qmp' },
    ]);
    expect(await finder.find(join(sockets, 'web.qmp'), [44])).toBe(900);
  });

  it('is not a shell, or Ballonet itself, that only names the socket', async () => {
    const { finder, sockets } = fakeProc([
      { pid: 10, command: 'sh -c SOCKETS/web.qmp' },
      { pid: 11, command: 'ballonet -c qmp://SOCKETS/web.qmp run', readable: false },
    ]);
    expect(await finder.find(join(sockets, 'web.qmp'), [])).toBeUndefined();
  });

  it('is found by its pid file', async () => {
    const { finder, sockets } = fakeProc([{ pid: 77, bound: 'SOCKETS/web.qmp' }]);
    writeFileSync(join(sockets, 'web.pid'), '77\n');
    expect(await finder.find(join(sockets, 'web.qmp'), [])).toBe(77);
  });

  it('is believed on its command line where its descriptors may not be read', async () => {
    const { finder, sockets } = fakeProc([
      { pid: 40, command: 'qemu -qmp unix:SOCKETS/web.qmp', readable: false },
      { pid: 41, command: 'cat', readable: false },
    ]);
    expect(await finder.find(join(sockets, 'web.qmp'), [40])).toBe(40);
    expect(await finder.find(join(sockets, 'web.qmp'), [41])).toBeUndefined();
  });

  it('is found by the socket that this very process listens on', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ballonet-proc-'));
    const path = join(folder, 'self.qmp');
    const server = createServer();
    onTestFinished(async () => {
      await new Promise(resolve => server.close(resolve));
      rmSync(folder, { recursive: true });
    });
    await new Promise<void>(resolve => server.listen(path, resolve));
    writeFileSync(join(folder, 'self.pid'), String(process.pid));

    const pid = await new ProcessFinder().find(path, []);

    expect(pid).toBe(process.pid);
    expect(await residentKib(process.pid)).toBeGreaterThan(10_000);
    expect(await cpuTimeNs(process.pid)).toBeGreaterThan(10_000_000n);
  });

  it.each([
    ['VmLck:\t 1048576 kB\nHugetlbPages:\t    2048 kB\n', { lockedBytes: 2 ** 30, hugetlbBytes: 2 ** 21 }],
    ['VmRSS:\t 1048576 kB\n', { lockedBytes: 0, hugetlbBytes: 0 }],
  ])('H21: has memory of the kinds that its status says: %j', async (status, kinds) => {
    const proc = mkdtempSync(join(tmpdir(), 'ballonet-proc-'));
    onTestFinished(() => rmSync(proc, { recursive: true }));
    mkdirSync(join(proc, '7'));
    writeFileSync(join(proc, '7/status'), status);
    writeFileSync(join(proc, '7/cmdline'), 'qemu\0-netdev\0type=vhost-vdpa,vhostdev=/dev/vhost-vdpa-0\0');

    expect(await memoryKinds(7, proc)).toEqual({ ...kinds, vdpa: true });
    expect(await memoryKinds(8, proc)).toEqual({ lockedBytes: 0, hugetlbBytes: 0, vdpa: false });
  });

  it('has no figures when it is gone', async () => {
    expect(await residentKib(2 ** 30)).toBeUndefined();
    expect(await cpuTimeNs(2 ** 30)).toBeUndefined();
  });
});
