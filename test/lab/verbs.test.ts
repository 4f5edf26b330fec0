/** The direct verbs against virsh and python3-libvirt on the same domains. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect } from '../../src/index.ts';
import { memoryStatsToRecord } from '../../src/model/memory-stats.ts';
import { MiB } from '../../src/model/units.ts';
import { type Lab, startLab } from './lab.ts';
import { run, until } from './process.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function ballonet(args: readonly string[], as?: { uid: number; gid: number }): Promise<Ended> {
  return new Promise(resolve => {
    execFile(
      process.execPath,
      [BALLONET, ...args],
      { ...as, env: { PATH: process.env.PATH } },
      (error, stdout, stderr) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
      },
    );
  });
}

/** Figures that move by themselves between two calls, even in a quiet guest. */
const RESTLESS = /^(unused|usable|rss|last_update|minor_fault|major_fault|disk_caches) /;

const lines = (text: string) => text.trimEnd().split('\n');

describe('direct verbs', () => {
  let lab: Lab;
  let test: string;

  beforeAll(async () => {
    lab = await startLab({ guests: 1, memory: '512MiB', statsPeriod: 1 });
    test = `test+unix:///default?socket=${lab.socket}`;
  });

  afterAll(async () => {
    await lab?.close();
  });

  it("print libvirt's test driver's statistics byte for byte as virsh does", async () => {
    const ours = await ballonet(['-c', test, 'dommemstat', 'test']);
    expect(ours).toEqual({
      code: 0,
      stdout: await run('virsh', ['-c', test, 'dommemstat', 'test']),
      stderr: '',
    });
    expect(lines(ours.stdout)).toHaveLength(13);
  });

  it.each(['1', 'test', '6695eb01-f6a4-8304-79aa-97f2502e193f'])(
    'find the domain by %s, as virsh does',
    async name => {
      const theirs = await run('virsh', ['-c', test, 'dommemstat', name]);
      expect((await ballonet(['-c', test, 'dommemstat', name])).stdout).toBe(theirs);
    },
  );

  it('print the lines of virsh for a real guest, with the same values where the guest is quiet', async () => {
    const name = lab.guest(0).name;
    const theirs = lines(await run('virsh', ['-c', lab.uri, 'dommemstat', name]));
    const ours = lines((await ballonet(['-c', lab.uri, 'dommemstat', name])).stdout);
    expect(ours.map(line => line.split(' ')[0])).toEqual(theirs.map(line => line.split(' ')[0]));
    expect(ours.filter(line => !RESTLESS.test(line))).toEqual(theirs.filter(line => !RESTLESS.test(line)));
    for (const [i, line] of ours.entries()) {
      const [mine, other] = [line, theirs[i] ?? ''].map(text => Number(text.split(' ')[1]));
      if (RESTLESS.test(line)) expect(Math.abs((mine ?? 0) - (other ?? 0)), line).toBeLessThan(64 * 1024);
    }
  });

  it("give the record of python3-libvirt's memoryStats()", async () => {
    const script =
      'import libvirt, sys, json\nfor uri, name in (a.split(" ") for a in sys.argv[2:]):\n    print(json.dumps(libvirt.openReadOnly(uri).lookupByName(name).memoryStats()))';
    const theirs: unknown = JSON.parse(await run('/usr/bin/python3', ['-c', script, '', `${test} test`]));
    const hypervisor = await connect(test, { readOnly: true });
    const domain = await hypervisor.lookup('test');
    expect(memoryStatsToRecord(await domain.memoryStats())).toEqual(theirs);
    expect(await domain.memoryStats({ maxStats: 3 })).toHaveLength(3);
    await hypervisor.close();

    const guest = lab.guest(0).name;
    const real = JSON.parse(
      await run('/usr/bin/python3', ['-c', script, '', `${lab.uri} ${guest}`]),
    ) as object;
    const mine = await connect(lab.uri, { readOnly: true });
    const stats = memoryStatsToRecord(await (await mine.lookup(guest)).memoryStats());
    expect(Object.keys(stats)).toEqual(Object.keys(real));
    await mine.close();
  });

  it('print state and balloon statistics as virsh domstats does', async () => {
    const shape = (text: string) => lines(text).map(line => line.replace(/=.*/, ''));
    const theirs = await run('virsh', ['-c', lab.uri, 'domstats', '--state', '--balloon']);
    expect(shape((await ballonet(['-c', lab.uri, 'domstats'])).stdout)).toEqual(shape(theirs));
  });

  it('set the period of statistics, and refuse it by the read-only socket', async () => {
    const name = lab.guest(0).name;
    expect(await ballonet(['-c', lab.uri, 'dommemstat', name, '--period', '7', '--live'])).toMatchObject({
      code: 0,
      stdout: '',
    });
    expect(await lab.virsh('dumpxml', name)).toContain("period='7'");
    const refused = await ballonet(['-c', lab.readOnlyUri, 'dommemstat', name, '--period', '3']);
    expect(refused.code).toBe(1);
    expect(lines(refused.stderr)).toHaveLength(1);
    await ballonet(['-c', lab.uri, 'dommemstat', name, '--period', '1', '--live']);
  });

  it('move a balloon by size and by share, live only', async () => {
    const guest = lab.guest(0);
    expect(await ballonet(['-c', lab.uri, 'setmem', guest.name, '300MiB'])).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    await until('the guest follows', 30, async () => ((await guest.dommemstat()).actual ?? 0) === 300 * 1024);
    expect(await lab.virsh('dumpxml', guest.name, '--inactive')).toContain(
      "<currentMemory unit='KiB'>524288</currentMemory>",
    );
    await ballonet(['-c', lab.uri, 'setmem', guest.name, '100%']);
    await until('the guest follows', 30, async () => ((await guest.dommemstat()).actual ?? 0) === 512 * 1024);
  });

  it('list guests for people and for programs', async () => {
    // Bulk statistics give the size of the last balloon event, which QEMU sends up to a second late.
    await until('the list shows the guest at its full size', 30, async () => {
      const table = await ballonet(['-c', lab.uri, 'list']);
      return /guest1 +running +512MiB +512MiB/.test(table.stdout);
    });
    const document = JSON.parse((await ballonet(['-c', lab.uri, 'list', '-o', 'json'])).stdout) as {
      items: object[];
    };
    expect(document).toMatchObject({ apiVersion: 'ballonet/v1', kind: 'DomainList' });
    expect(document.items[0]).toMatchObject({
      name: 'guest1',
      currentBytes: 512 * MiB,
      maximumBytes: 512 * MiB,
    });
  });

  it.each([
    ['a size above the maximum', 1, ['setmem', 'guest1', '99GiB']],
    ['a size of nothing', 1, ['setmem', 'guest1', '0MiB']],
    ['a size without a unit', 2, ['setmem', 'guest1', '512']],
    ['a domain that does not exist', 5, ['dommemstat', 'nobody']],
    ['a verb that does not exist', 2, ['frobnicate']],
  ])('answer %s with one clear line and exit code %d', async (_, code, args) => {
    const ended = await ballonet(['-c', lab.uri, ...args]);
    expect(ended.code).toBe(code);
    expect(ended.stdout).toBe('');
    expect(lines(ended.stderr)).toHaveLength(1);
    expect(ended.stderr).toMatch(/^ballonet: /);
  });

  it.each([
    ['a URI that cannot be read', 'no uri at all'],
    ['a driver that nobody has', 'nothing:///system'],
    ['a transport that shows every byte', 'qemu+tcp://localhost/system'],
  ])('answer %s with one clear line and exit code 2', async (_, uri) => {
    const ended = await ballonet(['-c', uri, 'list']);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(lines(ended.stderr)).toHaveLength(1);
  });

  it('refuse a policy with a typo before anything is touched: the place, the fix, no stack trace, exit code 78', async () => {
    const file = join(lab.folder, 'typo.yaml');
    const policy = [
      'apiVersion: ballonet/v1',
      'kind: HostPolicy',
      'metadata: {name: typo}',
      'spec: {intervall: 1s}',
      '',
    ];
    await writeFile(file, policy.join('\n'));
    const ended = await ballonet(['-c', lab.uri, 'run', '--policy', file]);
    expect(ended).toMatchObject({ code: 78, stdout: '' });
    expect(ended.stderr).toContain(`${file}:4:8: error POLICY_UNKNOWN_FIELD: `);
    expect(ended.stderr).toContain("did you mean 'interval'?");
    expect(ended.stderr).not.toMatch(/^ +at /m);
    expect((await ballonet(['check', file])).code).toBe(1);
  });

  it('answer a socket without permission, and one that is not there, with one clear line and exit code 4', async () => {
    const denied = await ballonet(['-c', lab.uri, 'list'], { uid: 65534, gid: 65534 });
    expect(denied).toMatchObject({ code: 4, stdout: '' });
    expect(lines(denied.stderr)).toHaveLength(1);
    const gone = await ballonet(['-c', 'qemu+unix:///system?socket=/nonexistent', 'list']);
    expect(gone).toMatchObject({ code: 4, stdout: '' });
    expect(lines(gone.stderr)).toHaveLength(1);
  });
});
