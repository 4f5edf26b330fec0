/**
 * What a full collection costs: ours against a C client of libvirt.so and python3-libvirt, measured in the same run.
 *
 *   npm run bench -- collect [--domains 10,100,1000,5000] [--rounds 7] [--server libvirtd,fake]
 *
 * needs the Debian packages gcc, libc6-dev, libvirt-dev, libvirt-daemon, python3-libvirt and util-linux, and no running libvirt: it
 * starts a libvirtd of its own, with libvirt's test driver, and the fake daemon of test/wire.
 *
 * How to read it:
 * - Each client is a process with one connection. They take turns (C, C, Python, ours, C, …), so that a busy machine slows
 *   all of them; what counts are the ratios to C, not the milliseconds.
 * - `wall` is the median of all collections, `best` the fastest, `CPU` the median over the rounds of a round's mean, of all of the client's
 *   threads: garbage collection and compilation are in it.
 * - Each collection looks up all 16 figures of each domain by name. `C, no look-up` adds up the figures without looking at
 *   names, the least that a C program can do; ratios are to `C`.
 * - `libvirtd`: the test driver has the state group only, two figures a domain, and most of the time is the daemon's.
 *   `fake`: 16 figures a domain as from QEMU, encoded beforehand, so nearly all of the time is the client's.
 * - `block` is the longest time for which our event loop did not serve a 1 ms timer while collecting back to back, without the
 *   time in which its thread was ready to run and others had the processor: the median of seven passes; in brackets the
 *   longest of all passes, and the longest with the others' time. On a busy machine the two in brackets are mostly about
 *   the machine: V8 collects garbage in several threads and waits for those that do not get a processor.
 * - `one by one` is a memory statistics call a domain instead of the bulk call, `four at once` the same with the next calls
 *   sent before the answers come.
 *
 * The clients' sums are compared, so that none of them is fast by not collecting. No time is asserted.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { errorMessage } from '../../src/model/errors.ts';
import type { Client } from './collect-clients.ts';
import { requirePackages, startClient } from './collect-clients.ts';
import { runOwnClient } from './collect-own-client.ts';
import type { Row } from './collect-report.ts';
import { formatAims, formatTable } from './collect-report.ts';
import { measure, measureBlocks } from './collect-rounds.ts';
import type { Server } from './collect-servers.ts';
import { serveFakeDaemon, startFakeServer, startLibvirtdServer } from './collect-servers.ts';

const SELF = fileURLToPath(import.meta.url);
/** The sources stay where they are when this file is compiled to build/test/bench. */
const SOURCES = fileURLToPath(new URL('../../../test/bench', import.meta.url));
const SERVERS = ['libvirtd', 'fake'];
/** The one that Debian's python3-libvirt is for. */
const PYTHON = '/usr/bin/python3';

/** Collections in a round: about as many as give each round the same length. */
function repetitions(domains: number): number {
  return Math.min(200, Math.max(15, Math.round(40_000 / domains)));
}

async function benchmark(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      domains: { type: 'string', default: '10,100,1000,5000' },
      rounds: { type: 'string', default: '7' },
      server: { type: 'string', default: SERVERS.join(',') },
    },
  });
  const sizes = values.domains.split(',').map(wholeNumber);
  const rounds = wholeNumber(values.rounds);
  const names = values.server.split(',');
  for (const name of names) {
    if (!SERVERS.includes(name)) throw new Error(`--server takes ${SERVERS.join(' and ')}, not '${name}'`);
  }
  requirePackages();
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-bench-'));
  // The processes end by themselves when this one does; the folder does not.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => {
      rmSync(folder, { recursive: true, force: true });
      process.exit(code);
    });
  }
  try {
    const program = compileReference(folder);
    const rows: Row[] = [];
    for (const name of names) {
      const server =
        name === 'fake' ? startFakeServer(folder, [SELF, 'fake-daemon']) : await startLibvirtdServer(folder);
      try {
        for (const size of sizes) {
          console.error(`${name}: ${size} domains …`);
          rows.push(...(await measureSize(server, size, rounds, program)));
        }
      } finally {
        await server.close();
      }
    }
    console.log(formatTable(rows));
    console.log(formatAims(rows));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureSize(server: Server, size: number, rounds: number, program: string): Promise<Row[]> {
  const uri = await server.uri(size);
  const clients: Client[] = [];
  const client = (name: string, command: string, args: readonly string[]): Client => {
    const started = startClient(name, command, [...args, uri]);
    clients.push(started);
    return started;
  };
  try {
    const c = client('C', program, []);
    const python = client('Python', PYTHON, [join(SOURCES, 'collect-reference.py')]);
    const ours = client('ours', process.execPath, [SELF, 'client']);
    const at = { server: server.name, domains: size };
    const bulk = await measure(
      [
        { label: 'C', client: c, mode: 'bulk' },
        { label: 'C, no look-up', client: c, mode: 'walk' },
        { label: 'Python', client: python, mode: 'bulk' },
        { label: 'ours', client: ours, mode: 'bulk' },
      ],
      { domains: size, rounds, repetitions: repetitions(size) },
    );
    const blocks = await measureBlocks(ours, repetitions(size));
    const rows: Row[] = bulk.map(figures => ({
      ...at,
      ...figures,
      ...(figures.label === 'ours' && { blocks }),
    }));
    if (!server.countsOneByOne) return rows;
    const single = await measure(
      [
        { label: 'C, one by one', client: c, mode: 'each' },
        { label: 'Python, one by one', client: python, mode: 'each' },
        { label: 'ours, one by one', client: ours, mode: 'each' },
        { label: 'ours, four at once', client: ours, mode: 'together' },
      ],
      { domains: size, rounds: Math.min(rounds, 3), repetitions: Math.max(2, Math.round(2000 / size)) },
    );
    return [...rows, ...single.map(figures => ({ ...at, ...figures }))];
  } finally {
    await Promise.all(clients.map(started => started.close()));
  }
}

function compileReference(folder: string): string {
  const program = join(folder, 'collect-reference');
  const source = join(SOURCES, 'collect-reference.c');
  execFileSync('/usr/bin/gcc', ['-O2', '-Wall', '-o', program, source, '-lvirt'], { stdio: 'inherit' });
  return program;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`'${text}' is not a number of 1 or more`);
  return value;
}

async function main(args: string[]): Promise<void> {
  const [role, uriOrPath = '', domains = ''] = args;
  if (role === 'client') await runOwnClient(uriOrPath);
  else if (role === 'fake-daemon') await serveFakeDaemon(uriOrPath, wholeNumber(domains));
  else await benchmark(args);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(errorMessage(error));
  process.exit(1);
}
