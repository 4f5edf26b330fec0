/**
 * What a bulk call of a C client of libvirt.so takes at `ballonet serve`, against the same call at libvirtd's test driver.
 *
 *   npm run bench -- serve [--domains 1000] [--rounds 7]
 *
 * needs what the benchmark `collect` needs, and starts a libvirtd of its own, with libvirt's test driver.
 *
 * How to read it: the two calls take turns, so that a busy machine slows both; what counts is the ratio. The test driver
 * answers with 2 figures a domain, `serve` with 16 of a running model; `state only` asks both for the same two. No time is asserted.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findScenario } from '../../src/cli/connect.ts';
import { serveHypervisor } from '../../src/hypervisor/server/server.ts';
import { SimulatedHost } from '../../src/hypervisor/simulated/host.ts';
import { openSimulatedHost } from '../../src/hypervisor/simulated/hypervisor.ts';
import { systemClock } from '../../src/model/clock.ts';
import { errorMessage } from '../../src/model/errors.ts';
import { type Client, requirePackages, startClient } from './collect-clients.ts';
import { median } from './collect-rounds.ts';
import { startLibvirtdServer } from './collect-servers.ts';

const SELF = fileURLToPath(import.meta.url);
/** The sources stay where they are when this file is compiled to build/test/bench. */
const SOURCE = fileURLToPath(new URL('../../../test/bench/collect-reference.c', import.meta.url));
const CALLS_IN_A_ROUND = 40;
/** Times that libvirtd's test driver needs for its own call. */
const AIM = 2;
const MODES = [
  ['bulk', 'all figures'],
  ['state', 'state only'],
] as const;

async function benchmark(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      domains: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '7' },
    },
  });
  const [domains, rounds] = [wholeNumber(values.domains), wholeNumber(values.rounds)];
  requirePackages();
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-bench-'));
  const program = join(folder, 'collect-reference');
  execFileSync('/usr/bin/gcc', ['-O2', '-Wall', '-o', program, SOURCE, '-lvirt'], { stdio: 'inherit' });
  const libvirtd = await startLibvirtdServer(folder);
  const served = startServed(join(folder, 'served'), domains);
  const clients: Client[] = [];
  try {
    await served.ready;
    const uris = [await libvirtd.uri(domains), `test+unix:///default?socket=${join(folder, 'served')}`];
    for (const uri of uris) clients.push(startClient(uri, program, [uri]));
    for (const [mode, label] of MODES) {
      const times = await turns(clients, mode, domains, rounds);
      const [theirs = Number.NaN, ours = Number.NaN] = times.map(median);
      const ratio = ours / theirs;
      const verdict = mode === 'bulk' ? `, aim ${AIM.toFixed(1)} ${ratio <= AIM ? 'met' : 'MISSED'}` : '';
      console.log(
        `${domains} domains, ${label}: libvirtd ${theirs.toFixed(2)} ms, serve ${ours.toFixed(2)} ms, ratio ${ratio.toFixed(2)}${verdict}`,
      );
    }
  } finally {
    await Promise.all(clients.map(client => client.close()));
    await served.close();
    await libvirtd.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of each call, by client. @throws Error when an answer is not of so many domains */
async function turns(
  clients: readonly Client[],
  mode: string,
  domains: number,
  rounds: number,
): Promise<number[][]> {
  const times = clients.map((): number[] => []);
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const [i, client] of clients.entries()) {
      const answer = await client.ask(mode, CALLS_IN_A_ROUND);
      if (answer.domains !== domains * CALLS_IN_A_ROUND || answer.figures < answer.domains * 2)
        throw new Error(`${client.name}: ${answer.domains} domains, ${answer.figures} figures`);
      if (round > 0) times[i]?.push(...answer.wall);
    }
  }
  return times;
}

function startServed(
  path: string,
  domains: number,
): { readonly ready: Promise<void>; readonly close: () => Promise<void> } {
  const child = spawn(process.execPath, [SELF, 'serve', path, String(domains)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  return {
    ready: heardReady(child, ended),
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

async function heardReady(
  child: ChildProcess & { readonly stdout: NodeJS.ReadableStream },
  ended: Promise<unknown>,
): Promise<void> {
  const line = createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  await Promise.race([line, ended]);
  if (child.exitCode !== null) throw new Error('the server ended at once');
}

/** The embedded host's guests, over and over, behind the wire until standard input ends. */
async function serve(path: string, domains: number): Promise<void> {
  const model = findScenario('scenarios/overcommitted.yaml', undefined).scenario;
  const guests = Array.from({ length: domains }, (_, i) => {
    const like = model.guests[i % model.guests.length];
    if (!like) throw new Error('the scenario has no guests');
    return { ...like, name: `vm-${i}` };
  });
  const memory = (model.host.memory * domains) / model.guests.length;
  const host = new SimulatedHost({
    scenario: { ...model, host: { ...model.host, memory }, guests },
    clock: systemClock,
    seed: 1,
  });
  const hypervisor = openSimulatedHost(host, {
    uri: 'sim:///bench',
    readOnly: false,
    heartbeat: true,
    raw: true,
  });
  const server = await serveHypervisor(hypervisor, { path });
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  await server.close();
  await hypervisor.close();
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`'${text}' is not a number of 1 or more`);
  return value;
}

try {
  const [role, path = '', domains = ''] = process.argv.slice(2);
  if (role === 'serve') await serve(path, wholeNumber(domains));
  else await benchmark(process.argv.slice(2));
} catch (error) {
  console.error(errorMessage(error));
  process.exit(1);
}
