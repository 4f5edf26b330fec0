/** The same calls to a libvirtd with its test driver: the server's refusals are libvirt's, not our idea of them. */
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DomainRef } from '../../src/hypervisor/driver.ts';
import { PROCEDURE } from '../../src/hypervisor/libvirt/numbers.ts';
import { readDomain } from '../../src/hypervisor/libvirt/structures.ts';
import { connectRaw, type ServeClient } from '../wire/serve-client.ts';
import { REFUSALS, refusalOf } from '../wire/serve-refusal-cases.ts';
import { until } from './process.ts';

let folder: string;
let socket: string;
let stop: () => Promise<void>;

/** Without any of its modules: the test driver is built in, and the host is left alone. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ballonet-differential-'));
  socket = join(folder, 'libvirt-sock');
  await mkdir(join(folder, 'no-modules'));
  await writeFile(
    join(folder, 'conf'),
    `unix_sock_dir = "${folder}"\nauth_unix_ro = "none"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0700"\n`,
  );
  const log = openSync(join(folder, 'log'), 'a');
  const libvirtd = ['/usr/sbin/libvirtd', '-f', join(folder, 'conf'), '-p', join(folder, 'pid')];
  const child = spawn('/usr/bin/setpriv', ['--pdeathsig', 'KILL', ...libvirtd], {
    env: { ...process.env, LIBVIRT_DRIVER_DIR: join(folder, 'no-modules') },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  stop = async () => {
    child.kill();
    await ended;
  };
  await until('libvirtd answers', 30, async () => {
    if (child.exitCode !== null) throw new Error(await readFile(join(folder, 'log'), 'utf8'));
    return connectRaw(socket).then(
      ({ socket: probe }) => {
        probe.destroy();
        return true;
      },
      () => false,
    );
  });
});

afterAll(async () => {
  await stop?.();
  await rm(folder, { recursive: true });
});

async function opened(): Promise<{ client: ServeClient; domain: DomainRef }> {
  const client = await connectRaw(socket);
  await client.open();
  return { client, domain: readDomain(await client.call(PROCEDURE.lookupByName, w => w.string('test'))) };
}

describe('libvirtd', () => {
  it.each(REFUSALS.filter(({ unlike }) => unlike === undefined))(
    'refuses $what as this server does',
    async refusal => {
      const { client, domain } = await opened();
      const { number, origin } = refusal;
      expect(await refusalOf(client, refusal, domain)).toMatchObject({
        number,
        ...(origin === undefined ? {} : { origin }),
      });
      client.socket.destroy();
    },
  );

  it('is held against in most cases', () => {
    expect(REFUSALS.filter(({ unlike }) => unlike === undefined).length).toBeGreaterThan(25);
  });
});
