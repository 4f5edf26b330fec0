import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { createApiClient } from './client.ts';

it('ends a stream without complaint when it is told to while the daemon has not answered yet', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ballonet-client-'));
  const socket = join(folder, 'sock');
  const silent = createServer(() => interrupted.abort()).listen(socket);
  onTestFinished(async () => {
    silent.close();
    await rm(folder, { recursive: true });
  });
  await once(silent, 'listening');
  const interrupted = new AbortController();
  const { signal } = interrupted;
  const stream = createApiClient(socket, 'test').stream(
    { type: 'event', answer: z.unknown(), signal },
    () => {},
  );
  await expect(stream).resolves.toBeUndefined();
});
