/** Simulated guests behind the server, seen by libvirt's own clients: virsh and python3-libvirt. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import type { HypervisorServer } from '../../src/hypervisor/server/server.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import { systemClock } from '../../src/model/clock.ts';
import { GiB, MiB } from '../../src/model/units.ts';
import { scenario, VM } from '../fakes/simulated-bench.ts';
import { run } from './process.ts';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('serve-client.py', import.meta.url));

let folder: string;
let uri: string;
let control: SimulatedHost;
let direct: Hypervisor;
let server: HypervisorServer;
const faults: unknown[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ballonet-serve-'));
  const guests = [
    { ...VM, statsPeriod: 1, vcpus: 2 },
    { ...VM, name: 'vm-2', maximum: 1 * GiB, statsPeriod: 1 },
    { ...VM, name: 'off', running: false },
  ];
  control = new SimulatedHost({
    scenario: { ...scenario(...guests), warmUp: 30 },
    clock: systemClock,
    seed: 1,
  });
  direct = openSimulatedHost(control, {
    uri: 'sim:///test',
    readOnly: false,
    heartbeat: true,
    callTimeout: 3,
    raw: true,
  });
  const path = join(folder, 'sock');
  server = await serveHypervisor(direct, { path, onFault: error => faults.push(error) });
  uri = `test+unix:///default?socket=${path}`;
});

afterAll(async () => {
  await server?.close();
  await direct?.close();
  await rm(folder, { recursive: true });
  expect(faults).toEqual([]);
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs virsh; what it says on stderr counts, since a client that copes with a wrong answer complains there. */
function virsh(...words: readonly string[]): Promise<Said> {
  return new Promise(resolve => {
    const child = spawn('virsh', ['-c', uri, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.on('close', code => resolve({ code: code ?? -1, out, err }));
  });
}

/** What virsh prints when all is well. */
async function quiet(...words: readonly string[]): Promise<string> {
  const { code, out, err } = await virsh(...words);
  expect({ words, code, err }).toEqual({ words, code: 0, err: '' });
  return out.trimEnd();
}

/** The words of a table's or a list's lines. */
const table = (text: string): string[][] => text.split('\n').map(line => line.trim().split(/\s+/));

describe('virsh', () => {
  it('lists the guests in every way it can', async () => {
    expect(table(await quiet('list')).slice(2)).toEqual([
      ['1', 'vm-1', 'running'],
      ['2', 'vm-2', 'running'],
    ]);
    expect(table(await quiet('list', '--all')).slice(2)).toEqual([
      ['1', 'vm-1', 'running'],
      ['2', 'vm-2', 'running'],
      ['-', 'off', 'shut', 'off'],
    ]);
    expect(await quiet('list', '--inactive', '--name')).toBe('off');
    expect(await quiet('list', '--transient', '--name')).toBe('');
    expect(await quiet('list', '--all', '--title')).toContain('First & only');
    expect(await quiet('list', '--all', '--uuid')).toMatch(/^([0-9a-f-]{36}\n){2}[0-9a-f-]{36}$/);
  });

  it.each(['vm-1', '1', 'uuid'])('tells all about a guest found by %s', async key => {
    const name = key === 'uuid' ? (await direct.lookup('vm-1')).uuid : key;
    const info = new Map(table(await quiet('dominfo', name)).map(([a = '', ...rest]) => [a, rest.join(' ')]));
    expect([...info]).toEqual(
      expect.arrayContaining([
        ['Name:', 'vm-1'],
        ['OS', 'Type: hvm'],
        ['State:', 'running'],
        ['CPU(s):', '2'],
        ['Max', 'memory: 2097152 KiB'],
        ['Persistent:', 'yes'],
        ['Managed', 'save: no'],
      ]),
    );
    expect(await quiet('domstate', '--reason', name)).toBe('running (booted)');
    expect(await quiet('dumpxml', name)).toBe((await (await direct.lookup('vm-1')).xml()).trimEnd());
    expect(await quiet('domuuid', key === 'uuid' ? 'vm-1' : name)).toBe((await direct.lookup('vm-1')).uuid);
    expect(await quiet('desc', '--title', name)).toBe('First & only');
  });

  it('turns names, ids and uuids into one another', async () => {
    const { uuid } = await direct.lookup('vm-2');
    expect([await quiet('domid', 'vm-2'), await quiet('domid', uuid)]).toEqual(['2', '2']);
    expect([await quiet('domname', '2'), await quiet('domname', uuid)]).toEqual(['vm-2', 'vm-2']);
    expect(await quiet('domid', 'off')).toBe('-');
  });

  it('tells about a guest that is off', async () => {
    expect(await quiet('dominfo', 'off')).toMatch(/State: +shut off/);
    expect(await quiet('domstate', '--reason', 'off')).toMatch(/^shut off/);
    expect(await quiet('dumpxml', '--inactive', 'off')).toContain('<name>off</name>');
    expect(await quiet('domstats', 'off')).toContain('state.state=5');
    expect((await virsh('dommemstat', 'off')).code).toBe(1);
  });

  it('tells about the host', async () => {
    expect(await quiet('version')).toContain('Using API: TEST 9.0.0');
    expect(await quiet('nodeinfo')).toMatch(/Memory size: +8388608 KiB/);
    expect(await quiet('nodememstats')).toMatch(/total *: +8388608 KiB/);
    expect(await quiet('freecell')).toMatch(/Total: \d+ KiB/);
    expect(await quiet('capabilities')).toContain('<os_type>hvm</os_type>');
    expect(await quiet('hostname')).not.toBe('');
    expect(await quiet('uri')).toBe(uri);
  });

  it('prints memory statistics that move with the guest, the same in both its commands', async () => {
    const one = new Map(table(await quiet('dommemstat', 'vm-1')).map(([key = '', value]) => [key, value]));
    expect([...one.keys()]).toEqual([
      'actual',
      'swap_in',
      'swap_out',
      'major_fault',
      'minor_fault',
      'unused',
      'available',
      'usable',
      'last_update',
      'disk_caches',
      'hugetlb_pgalloc',
      'hugetlb_pgfail',
      'rss',
    ]);
    const fresh = Date.now() / 1000 - Number(one.get('last_update'));
    expect(fresh).toBeGreaterThan(-1);
    expect(fresh).toBeLessThan(3);
    const bulk = await quiet('domstats', '--balloon', '--state', 'vm-1');
    expect(bulk.split('\n')[0]).toBe("Domain: 'vm-1'");
    expect(bulk).toContain('state.state=1');
    expect(bulk).toContain('balloon.maximum=2097152');
    expect(bulk.match(/balloon\./g)).toHaveLength(14);
    const all = await quiet('domstats');
    expect(all.match(/^Domain: /gm)).toHaveLength(3);
    expect((await quiet('domstats', '--list-running', '--state')).match(/^Domain: /gm)).toHaveLength(2);
  });

  it('moves a balloon, and sees it move', async () => {
    await quiet('setmem', 'vm-2', '600M');
    await vi.waitFor(
      async () => expect(await quiet('dommemstat', 'vm-2')).toMatch(/^actual 614400$/m),
      15_000,
    );
    await quiet('setmem', 'vm-2', '1G', '--live');
    await vi.waitFor(
      async () => expect(await quiet('dommemstat', 'vm-2')).toMatch(/^actual 1048576$/m),
      15_000,
    );
    await quiet('dommemstat', 'vm-2', '--period', '2', '--live');
    await quiet('dommemstat', 'vm-2', '--period', '3', '--config');
    expect(await quiet('dumpxml', 'vm-2')).toContain("<stats period='2'/>");
  });

  it.each([
    [['setmem', 'vm-1', '100G'], 'higher than max memory'],
    [['setmem', 'off', '1G'], 'not running'],
    [['setmem', 'vm-1', '1G', '--config'], 'not supported'],
    [['dominfo', 'nobody'], 'failed to get domain'],
    [['suspend', 'vm-1'], 'not supported by the connection driver'],
    [['dumpxml', 'vm-1', '--inactive'], 'unsupported flags'],
    [['pool-list'], 'not supported by the connection driver'],
  ])('is told in so many words why %j cannot be', async (words, why) => {
    const { code, err } = await virsh(...words);
    expect({ words, code, err }).toEqual({ words, code: 1, err: expect.stringContaining(why) });
  });

  it('refuses to change anything on a read-only connection', async () => {
    expect(await quiet('--readonly', 'domstats', '--balloon', 'vm-1')).toContain('balloon.current');
    const { code, err } = await virsh('--readonly', 'setmem', 'vm-1', '1G');
    expect([code, err]).toEqual([1, expect.stringContaining('read only access prevents')]);
  });

  it('hears every event it can, until the server ends no sooner than asked', async () => {
    const watcher = spawn('virsh', ['-c', uri, 'event', '--all', '--loop', '--timestamp'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let heard = '';
    for (const stream of [watcher.stdout, watcher.stderr])
      stream.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
    const ended = new Promise(resolve => watcher.once('close', resolve));
    // It says nothing when it has registered: it has when it hears something.
    await vi.waitFor(() => {
      control.pause('vm-2');
      control.resume('vm-2');
      expect(heard).toMatch(/lifecycle.*vm-2.*Suspended Paused/);
    }, 10_000);
    await (await direct.lookup('vm-2')).setMemory(700 * 1024, { live: true });
    control.reboot('vm-1');
    control.start('off');
    control.destroy('off');
    await vi.waitFor(() => {
      expect(heard).toMatch(/lifecycle.*vm-2.*Resumed Unpaused/);
      expect(heard).toMatch(/balloon-change.*vm-2.*: \d+KiB/);
      expect(heard).toMatch(/reboot.*vm-1/);
      expect(heard).toMatch(/lifecycle.*off.*Started Booted/);
      expect(heard).toMatch(/lifecycle.*off.*Stopped Destroyed/);
      expect(heard).not.toMatch(/error/i);
    }, 15_000);
    watcher.kill('SIGINT');
    await ended;
  });

  it('sees garbage as it is', async () => {
    control.inject('vm-1', { kind: 'garbage', values: { usable: 18_014_398_509_481_980 } });
    await vi.waitFor(
      async () => expect(await quiet('dommemstat', 'vm-1')).toMatch(/^usable 18014398509481980$/m),
      15_000,
    );
    expect(await quiet('domstats', '--balloon', 'vm-1')).toMatch(/balloon.usable=18014398509481980/);
    control.heal('vm-1', 'garbage');
  });

  it('gets an end to calls for a guest that hangs, and the figures of the others', async () => {
    control.inject('vm-1', { kind: 'hang' });
    const stuck = virsh('dommemstat', 'vm-1');
    await vi.waitFor(() => expect(control.byName('vm-1').jobHeld).toBe(true));
    const stats = await quiet('domstats', '--balloon', '--nowait');
    expect(stats.match(/balloon\.rss/g)).toHaveLength(1);
    expect(await quiet('dommemstat', 'vm-2')).toContain('usable');
    expect((await stuck).code).toBe(1);
    control.heal('vm-1', 'hang');
  });
});

describe('python3-libvirt', () => {
  async function python(part: string): Promise<unknown> {
    return JSON.parse(await run(PYTHON, [SCRIPT, part, uri]));
  }

  it('reads everything', async () => {
    const names = (await direct.domains()).map(({ name }) => name);
    expect(await python('read')).toEqual({
      names,
      ids: [1, 2],
      defined: ['off'],
      type: 'TEST',
      uri,
      alive: 1,
      secure: 1,
      total: 8 * MiB,
      memory: 8192,
      state: [1, 1],
      info: [1, 2 * MiB, expect.any(Number), 2, expect.any(Number)],
      flags: [1, 1, 0, 0, 0, 0],
      osType: 'hvm',
      stats: expect.objectContaining({
        actual: expect.any(Number),
        usable: expect.any(Number),
        last_update: expect.any(Number),
      }),
      bulk: expect.arrayContaining([
        ['vm-1', expect.objectContaining({ 'balloon.maximum': 2 * MiB, 'state.state': 1 })],
      ]),
      running: ['vm-1', 'vm-2'],
    });
  });

  it('changes what it may, and raises the right error where it may not', async () => {
    expect(await python('change')).toEqual({
      actual: 1_500_000,
      period: true,
      tooMuch: [8, 'cannot set memory higher than max memory'],
      zero: [8, expect.stringContaining('must not be zero')],
      nobody: [42, 'Domain not found'],
      off: [55, 'domain is not running'],
      unsupported: [3, expect.stringContaining('not supported')],
      readOnly: [29, expect.stringContaining('read only access prevents')],
      enforced: [74, expect.stringContaining('not supported')],
    });
  });

  it('hears events, and the end of the connection', async () => {
    const child = spawn(PYTHON, [SCRIPT, 'listen', uri], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    const ended = new Promise<number | null>(resolve => child.once('close', resolve));
    await vi.waitFor(() => expect(out).toContain('ready'), 15_000);
    control.pause('vm-2');
    control.resume('vm-2');
    control.reboot('vm-2');
    await vi.waitFor(() => {
      for (const line of ['lifecycle vm-2 3 0', 'lifecycle vm-2 4 0', 'reboot vm-2', 'only vm-2 3 0'])
        expect(out).toContain(line);
      expect(out).toMatch(/balloon vm-1 \d+/);
    }, 15_000);
    expect(out).not.toContain('spare');
    await server.close();
    expect(await ended).toBe(0);
    expect(out).toContain('closed 1');
    expect(err).toBe('');
  });
});
