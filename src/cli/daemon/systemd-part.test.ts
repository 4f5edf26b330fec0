import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Subject } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createFakeClock } from '../../../test/fakes/fake-clock.ts';
import type { EngineEvent } from '../../engine/engine.ts';
import type { Daemon } from './context.ts';
import { systemdPart } from './systemd-part.ts';

const GOOD = { type: 'tick', snapshot: { guests: [] } } as unknown as EngineEvent;
const FAILED = { type: 'tick-failed' } as EngineEvent;
const OTHER = { type: 'safety', holding: true } as EngineEvent;

describe('what systemd is told', () => {
  let folder: string;

  /** A systemd-notify(1) that writes down what it is given. */
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ballonet-notify-'));
    const notify = join(folder, 'systemd-notify');
    await writeFile(notify, '#!/bin/sh\necho "$@" >>"$NOTIFY_SOCKET"\n');
    await chmod(notify, 0o755);
    vi.stubEnv('PATH', `${folder}${delimiter}${process.env.PATH}`);
    vi.stubEnv('NOTIFY_SOCKET', join(folder, 'heard'));
    vi.stubEnv('WATCHDOG_USEC', '30000000');
  });

  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });

  /** Tells it what happens, each at its second, and gives what it told. */
  async function told(happenings: readonly (readonly [second: number, event: EngineEvent])[]) {
    const clock = createFakeClock();
    const begun = clock.now().monotonic;
    const events = new Subject<EngineEvent>();
    const log = { warn: vi.fn() } as unknown as Daemon['log'];
    const part = systemdPart({ clock, log, events, reloads: new Subject() });
    await part.start();
    for (const [second, event] of happenings) {
      clock.advance(begun + second - clock.now().monotonic);
      events.next(event);
    }
    await part.stop();
    return (await readFile(join(folder, 'heard'), 'utf8')).trim().split('\n');
  }

  it('H33: that the daemon lives, at half of the time that systemd waits, as long as ticks are completed', async () => {
    expect(
      await told([
        [0, GOOD],
        [5, GOOD],
        [16, GOOD],
        [32, FAILED],
      ]),
    ).toEqual(['READY=1 STATUS=0 guests', 'WATCHDOG=1', 'WATCHDOG=1', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('H33: nothing while no tick is completed, whatever else happens', async () => {
    expect(
      await told([
        [0, GOOD],
        [20, OTHER],
        [40, OTHER],
      ]),
    ).toEqual(['READY=1 STATUS=0 guests', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('that it is ready only with the first good tick', async () => {
    expect(
      await told([
        [0, FAILED],
        [1, GOOD],
      ]),
    ).toEqual(['WATCHDOG=1', 'READY=1 STATUS=0 guests', 'STOPPING=1']);
  });
});
