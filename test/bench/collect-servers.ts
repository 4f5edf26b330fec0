/** What the clients collect from: a libvirtd with libvirt's test driver, and the fake daemon, each in a process of its own. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { until } from '../lab/process.ts';
import { startFakeDaemon } from '../wire/fake-daemon.ts';

export interface Server {
  readonly name: string;
  /** Calls for one domain are worth a look here. */
  readonly countsOneByOne: boolean;
  /** Where a host with so many domains is. */
  uri(domains: number): Promise<string>;
  close(): Promise<void>;
}

/** A libvirtd without any of its modules, in folders of its own: the test driver is built in, and the host is left alone. */
export async function startLibvirtdServer(folder: string): Promise<Server> {
  const sockets = join(folder, 'run');
  const modules = join(folder, 'no-modules');
  const config = join(folder, 'libvirtd.conf');
  const log = join(folder, 'libvirtd.log');
  const socket = join(sockets, 'libvirt-sock');
  for (const path of [sockets, modules]) await mkdir(path);
  await writeFile(
    config,
    `unix_sock_dir = "${sockets}"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0700"\n`,
  );
  const output = openSync(log, 'a');
  // It must not outlive this process, however this process ends.
  const args = [
    '--pdeathsig',
    'KILL',
    '/usr/sbin/libvirtd',
    '-f',
    config,
    '-p',
    join(folder, 'libvirtd.pid'),
  ];
  const child = spawn('/usr/bin/setpriv', args, {
    env: { ...process.env, LIBVIRT_DRIVER_DIR: modules },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const ended = endOf(child);
  let over = false;
  void ended.then(() => {
    over = true;
  });
  await until('libvirtd answers', 30, async () => {
    if (over) throw new Error(`libvirtd ended: ${await readFile(log, 'utf8')}`);
    return answers(socket);
  });
  return {
    name: 'libvirtd',
    countsOneByOne: true,
    async uri(domains) {
      const host = join(folder, `host-${domains}.xml`);
      await writeFile(host, hostXml(domains));
      return `test+unix://${host}?socket=${socket}`;
    },
    async close() {
      child.kill();
      await ended;
    },
  };
}

/** `command`: arguments for Node that run `serveFakeDaemon` when a path and a number of domains are added to them. */
export function startFakeServer(folder: string, command: readonly string[]): Server {
  let running: { readonly child: ChildProcess; readonly ended: Promise<void> } | undefined;
  const close = async (): Promise<void> => {
    running?.child.stdin?.end();
    await running?.ended;
    running = undefined;
  };
  return {
    name: 'fake',
    countsOneByOne: false,
    async uri(domains) {
      await close();
      const path = join(folder, `fake-${domains}`);
      const child = spawn(process.execPath, [...command, path, String(domains)], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
      running = { child, ended: endOf(child) };
      const ready = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
      if (ready.done) throw new Error('the fake daemon ended at once');
      return `qemu+unix:///system?socket=${path}`;
    },
    close,
  };
}

/** The fake daemon, until standard input ends. It answers each bulk request that it has seen before with the same bytes. */
export async function serveFakeDaemon(path: string, domains: number): Promise<void> {
  const daemon = await startFakeDaemon({ path, domains });
  const replies = new Map<string, Buffer>();
  daemon.intercept = call => {
    if (call.procedure !== PROCEDURE.getAllDomainStats) return false;
    const request = call.payload.toString('latin1');
    let reply = replies.get(request);
    if (!reply) {
      reply = Buffer.concat(daemon.host.bulk(call.payload));
      replies.set(request, reply);
    }
    call.reply(reply);
    return true;
  };
  process.stdout.write('ready\n');
  process.stdin.resume();
  await once(process.stdin, 'end');
  await daemon.close();
}

function hostXml(domains: number): string {
  const items = Array.from({ length: domains }, (_, i) => {
    const number = i.toString(16);
    return `<domain type='test'><name>instance-${number.padStart(8, '0')}</name><uuid>ba110000-0000-4000-8000-${number.padStart(12, '0')}</uuid><memory unit='KiB'>2097152</memory><vcpu>1</vcpu><os><type>hvm</type></os></domain>`;
  });
  return `<node>${items.join('')}</node>`;
}

async function answers(socket: string): Promise<boolean> {
  const connection = connect(socket);
  const up = await Promise.race([
    once(connection, 'connect').then(() => true),
    once(connection, 'error').then(() => false),
  ]).catch(() => false);
  connection.destroy();
  return up;
}

function endOf(child: ChildProcess): Promise<void> {
  return new Promise(resolve => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
}
