/** What packaging/ballonet.service runs when the daemon has failed, run as systemd would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { MiB } from '../../src/model/units.ts';
import buildWhenStale from '../build.ts';
import { startDaemon } from '../lab/daemon.ts';
import { until } from '../lab/process.ts';
import { policyOf } from '../soak/policy.ts';
import { createWorld, type World } from '../soak/world.ts';

const BALLONET = fileURLToPath(new URL('../../bin/ballonet', import.meta.url));
const UNIT = readFileSync(new URL('../../packaging/ballonet.service', import.meta.url), 'utf8');
/** What systemd allows it before it kills (TimeoutStopSec=). */
const PATIENCE = Number(/^TimeoutStopSec=(\d+)$/m.exec(UNIT)?.[1]);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly seconds: number;
}

beforeAll(() => buildWhenStale(), 60_000);

/** The unit's own line, with this tree's command and a configuration that names the hypervisor. */
async function execStopPost(folder: string, uri: string, result: string): Promise<Ended> {
  const config = join(folder, 'ballonet.yaml');
  await writeFile(config, `apiVersion: ballonet/v1\nkind: Config\nspec: {connect: '${uri}'}\n`);
  const line = /^ExecStopPost=\/bin\/sh -c '(.*)'$/m.exec(UNIT)?.[1];
  const script = line
    ?.replace('/usr/bin/ballonet', `${process.execPath} ${BALLONET}`)
    .replace('/etc/ballonet/ballonet.yaml', config);
  if (script === undefined || script === line) throw new Error('the unit has no such line');
  const env = {
    PATH: process.env.PATH,
    SERVICE_RESULT: result,
    STATE_DIRECTORY: join(folder, 'state'),
    LIBVIRT_DEFAULT_URI: /LIBVIRT_DEFAULT_URI=(\S+)/.exec(UNIT)?.[1],
  };
  const from = performance.now();
  const child = spawn('/bin/sh', ['-c', script], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = await once(child, 'close');
  return { code, out, err, seconds: (performance.now() - from) / 1000 };
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-unit-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function sizes({ control }: World): Record<string, number> {
  return Object.fromEntries(control.guests().map(({ name, memory }) => [name, memory?.size ?? 0]));
}

// Most of their time they wait.
describe.concurrent('H33: ExecStopPost of the unit', { timeout: 90_000 }, () => {
  it('gives guests of a daemon that was killed their memory back, and leaves all others alone', async () => {
    const folder = await newFolder();
    await using world = await createWorld(4, folder, 1);
    const max = sizes(world)['vm-0'] ?? 0;
    await world.setMemory('vm-3', max - 100 * MiB);
    const policy = policyOf(0).replace('match: {}', 'match: {}\n  exclude: {name: [vm-3]}');
    const args = ['--state', join(folder, 'state')];
    await using daemon = await startDaemon({ uri: world.uri, policy, folder, args });
    await daemon.hears('balloon moved', 60, ({ action }) => action === 'shrink');
    await daemon.stop('SIGKILL');
    const small = () => Object.entries(sizes(world)).filter(([, size]) => size < max - 2 * MiB);
    await until('a guest has shrunk', 10, () => small().length > 1);

    // One that has been stopped in order left its guests as its policy says.
    expect(await execStopPost(folder, world.uri, 'success')).toMatchObject({ code: 0, out: '' });
    expect(small().length).toBeGreaterThan(1);

    const { code, out, seconds } = await execStopPost(folder, world.uri, 'signal');
    expect([code, out.includes('vm-3')]).toEqual([0, false]);
    expect(seconds).toBeLessThan(PATIENCE);
    await until('they have it back', 10, () => small().length === 1);
    expect(small().map(([name]) => name)).toEqual(['vm-3']);
  });

  it('ends with 4 where libvirt is gone', async () => {
    const folder = await newFolder();
    const uri = `test+unix:///default?socket=${join(folder, 'libvirt-sock')}`;
    expect(await execStopPost(folder, uri, 'signal')).toMatchObject({ code: 4, out: '' });
  });

  it('ends with 4 before systemd loses patience where libvirt never answers', async () => {
    const folder = await newFolder();
    const path = join(folder, 'libvirt-sock');
    const silent = createServer(() => {}).listen(path);
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const { code, err, seconds } = await execStopPost(
      folder,
      `test+unix:///default?socket=${path}`,
      'watchdog',
    );
    expect([code, err.split('\n').length]).toEqual([4, 2]);
    expect(seconds).toBeLessThan(PATIENCE);
  });
});
