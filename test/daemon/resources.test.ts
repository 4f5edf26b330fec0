/** What a daemon does when its own machine refuses it files: it goes on, and says so. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, it } from 'vitest';
import buildWhenStale from '../build.ts';
import { type Daemon, startDaemon } from '../lab/daemon.ts';
import { hears, limit } from '../soak/daemon-mischief.ts';
import { policyOf } from '../soak/policy.ts';
import { createWorld, type World } from '../soak/world.ts';

beforeAll(() => buildWhenStale(), 60_000);

async function withDaemon(work: (daemon: Daemon, world: World) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-resources-'));
  try {
    await using world = await createWorld(20, folder, 1);
    await using daemon = await startDaemon({ uri: world.uri, policy: policyOf(0), folder });
    await moves(daemon);
    await work(daemon, world);
    await moves(daemon);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function moves(daemon: Daemon): Promise<void> {
  await daemon.hears('balloon moved', 60, undefined, daemon.lines.length);
}

describe.concurrent('H33: a daemon', { timeout: 120_000 }, () => {
  it('lives on without a free file descriptor', async () => {
    await withDaemon(async daemon => {
      limit(daemon, 'nofile', '3:');
      await hears(daemon, 'STATE_UNWRITTEN', () => moves(daemon));
      limit(daemon, 'nofile', '1024:');
    });
  });

  it('comes back to a hypervisor that was away while there was no file descriptor', async () => {
    await withDaemon(async (daemon, world) => {
      limit(daemon, 'nofile', '3:');
      await hears(daemon, 'HYPERVISOR_LOST', () => world.restart(0.5));
      await sleep(2000);
      await hears(daemon, 'HYPERVISOR_BACK', () => limit(daemon, 'nofile', '1024:'));
    });
  });

  it('lives on with a full disk, says that neither state nor journal is written, and writes when it can', async () => {
    await withDaemon(async daemon => {
      await hears(daemon, 'JOURNAL_FAILED', () =>
        hears(daemon, 'STATE_UNWRITTEN', () => limit(daemon, 'fsize', '0:')),
      );
      await moves(daemon);
      await hears(daemon, 'STATE_WRITTEN', () => limit(daemon, 'fsize', 'unlimited:'));
    });
  });
});
