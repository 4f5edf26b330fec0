/**
 * The same guests seen by our client, by virsh and by python3-libvirt, while nothing moves: simulated ones behind `serve`, and a
 * real one behind libvirtd. And the guide for Python, which is run as it is written.
 */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import { DOMAIN_STATES } from '../../src/hypervisor/driver.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import { connect } from '../../src/index.ts';
import { memoryStatsToRecord } from '../../src/model/memory-stats.ts';
import { MiB } from '../../src/model/units.ts';
import { fakeClock, scenario, VM } from '../fakes/simulated-bench.ts';
import { type Lab, startLab } from './lab.ts';
import { run, until } from './process.ts';

const BIN = fileURLToPath(new URL('../../bin', import.meta.url));
const GUIDE = new URL('../../docs/guides/python.md', import.meta.url);
const PYTHON = '/usr/bin/python3';

/** All that python3-libvirt tells of all domains. */
const ASK = `
import json, libvirt, sys
conn = libvirt.openReadOnly(sys.argv[1])
def stats(domain):
    try:
        return domain.memoryStats()
    except libvirt.libvirtError as error:
        return error.get_error_code()
print(json.dumps({
    'domains': {domain.name(): {
        'id': domain.ID(),
        'uuid': domain.UUIDString(),
        'info': domain.info()[:4],
        'stats': stats(domain),
        'xml': domain.XMLDesc(),
    } for domain in conn.listAllDomains()},
    'bulk': {domain.name(): params for domain, params in conn.getAllDomainStats(5, 0)},
    'node': conn.getMemoryStats(-1),
}))
`;

/** The same of our client. */
async function told(hypervisor: Hypervisor): Promise<unknown> {
  const entries = [];
  for (const domain of await hypervisor.domains()) {
    const { state, maxMemKib, memoryKib, vcpus } = await domain.info();
    const stats = await domain
      .memoryStats()
      .then(memoryStatsToRecord, ({ hypervisorCode }) => hypervisorCode);
    const info = [DOMAIN_STATES.indexOf(state), maxMemKib, memoryKib, vcpus];
    entries.push([domain.name, { id: domain.id, uuid: domain.uuid, info, stats, xml: await domain.xml() }]);
  }
  const records = await hypervisor.allDomainStats({ domains: await hypervisor.domains() });
  const { totalKib, freeKib, buffersKib, cachedKib } = await hypervisor.nodeMemory();
  return {
    domains: Object.fromEntries(entries),
    bulk: Object.fromEntries(records.map(({ domain, params }) => [domain.name, Object.fromEntries(params)])),
    node: { total: totalKib, free: freeKib, buffers: buffersKib, cached: cachedKib },
  };
}

const askPython = async (uri: string): Promise<unknown> => JSON.parse(await run(PYTHON, ['-c', ASK, uri]));
const virsh = (uri: string, ...args: string[]) => run('virsh', ['-q', '-r', '-c', uri, ...args]);
const ballonet = (uri: string, ...args: string[]) => run(join(BIN, 'ballonet'), ['-c', uri, ...args]);

/** A block of the guide by the words after its three backticks. */
async function block(words: string): Promise<string> {
  const text = await readFile(GUIDE, 'utf8');
  const found = new RegExp(`^\`\`\`${words}\n([\\s\\S]*?)^\`\`\`$`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`the guide has no block '${words}'`);
  return found;
}

describe("serve's guests, on a clock that stands", () => {
  let uri: string;
  let direct: Hypervisor;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const host = new SimulatedHost({
      scenario: {
        ...scenario(
          { ...VM, statsPeriod: 1 },
          { ...VM, name: 'bare', title: 'No <balloon>', balloon: 'none' },
          { ...VM, name: '3', running: false },
        ),
        warmUp: 30,
      },
      clock: fakeClock(),
      seed: 1,
    });
    direct = openSimulatedHost(host, { uri: 'sim:///test', readOnly: false, raw: true });
    const path = join(lab.folder, 'still.sock');
    const server = await serveHypervisor(direct, { path });
    ends.push(() => server.close());
    uri = `test+unix:///default?socket=${path}`;
  });

  afterAll(async () => {
    for (const end of ends) await end();
  });

  it('are to python3-libvirt what they are to our client, with and without the wire', async () => {
    const client = await connect(uri, { readOnly: true });
    const ours = await told(client);
    await client.close();
    const theirs = await askPython(uri);

    expect(theirs).toEqual(ours);
    expect(await told(direct)).toEqual(ours);
    expect(theirs).toMatchObject({
      domains: { 'vm-1': { stats: { last_update: expect.any(Number) } }, 3: { id: -1, stats: 55 } },
      bulk: { 'vm-1': { 'balloon.maximum': 2 * 1024 * 1024 } },
    });
  });

  it('are printed by virsh as by our verbs', async () => {
    for (const args of [
      ['dommemstat', 'vm-1'],
      ['dommemstat', 'bare'],
      ['domstats', '--state', '--balloon', '--list-active'],
    ])
      expect((await virsh(uri, ...args)).trim()).toBe((await ballonet(uri, ...withoutGroups(args))).trim());
  });
});

describe('a real guest that is paused', () => {
  it('is to python3-libvirt and virsh what it is to our client', async () => {
    await lab.guest(0).pause();
    onTestFinished(() => lab.guest(0).resume());
    const client = await connect(lab.readOnlyUri, { readOnly: true });
    onTestFinished(() => client.close());

    // Its figures stand still; those of the machine that it is on do not.
    const ours = { ...Object(await told(client)), node: expect.anything() };
    expect(await askPython(lab.readOnlyUri)).toEqual(ours);
    for (const args of [
      ['dommemstat', 'guest'],
      ['domstats', '--state', '--balloon', 'guest'],
    ]) {
      expect((await virsh(lab.readOnlyUri, ...args)).trim()).toBe(
        (await ballonet(lab.readOnlyUri, ...withoutGroups(args))).trim(),
      );
    }
  });
});

describe('the guide for Python', () => {
  it('serves simulated guests, whose statistics and events python3-libvirt reads', async () => {
    const server = spawn('/bin/sh', ['-c', `exec ${await block('sh')}`], {
      cwd: lab.folder,
      env: { ...process.env, PATH: `${BIN}:${dirname(process.execPath)}:${process.env.PATH}` },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void server.kill());
    let said = '';
    server.stderr.on('data', chunk => {
      said += String(chunk);
    });
    await until('it serves', 20, () => said.includes('serving'));

    const printed = await run(PYTHON, [
      '-c',
      await block('python simulated'),
      join(lab.folder, 'guests.sock'),
    ]);

    const lines = printed.trimEnd().split('\n');
    expect(lines).toHaveLength(14);
    expect(lines.slice(0, 12)).toContainEqual(expect.stringMatching(/^web-1 \d+ \d+$/));
    expect(lines[12]).toMatch(/^\{'actual': \d+, .*'rss': \d+\}$/);
    expect(lines[13]).toBe('web-1 has 1048576 KiB');
  });

  it('watches the balloons of a host with libvirt', async () => {
    const watcher = spawn(PYTHON, ['-c', await block('python watch'), lab.readOnlyUri], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void watcher.kill());
    let printed = '';
    watcher.stdout.on('data', chunk => {
      printed += String(chunk);
    });
    await until('it watches', 20, () => printed.includes('watching qemu'));

    await lab.guest(0).setMemory(384 * MiB);

    await until('it tells of the move', 60, () => /^guest has 393216 KiB, usable \d+ KiB$/m.test(printed));
  });
});

let lab: Lab;

beforeAll(async () => {
  lab = await startLab({ guests: [{ name: 'guest', statsPeriod: 1 }] });
});

afterAll(async () => {
  await lab?.close();
});

/** Our verb has these two groups and no options for them. */
function withoutGroups(args: readonly string[]): string[] {
  return args.filter(arg => !arg.startsWith('--'));
}
