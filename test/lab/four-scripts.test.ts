/**
 * Six guests of 512 MiB on a host of 2100 MiB, through four days of demand. What holds on any machine is asserted; the aims are
 * printed beside what was measured. `BALLONET_LAB_PEERS=1` plays them at full length, and to MOM's rules and to guests that nobody
 * controls as well.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KiB, MiB } from '../../src/model/units.ts';
import type { Daemon } from './daemon.ts';
import { GUARANTEE } from './four-policy.ts';
import { control, HOST, MARGIN, openFour, SETTLE_SECONDS, startBallonet } from './four-world.ts';
import type { Lab } from './lab.ts';
import { type Play, play, recovery, unfairness } from './play.ts';
import { until } from './process.ts';
import { report } from './report.ts';
import { type Script, scripts } from './scripts.ts';

const PEERS = Boolean(process.env.BALLONET_LAB_PEERS);
const SCRIPTS = scripts(PEERS);

const wait = (seconds: number) => new Promise(resolve => setTimeout(resolve, seconds * 1000));

function tell(controller: string, script: Script, result: Play): void {
  const { overloaded } = script;
  report(`${script.name}, ${controller}`, {
    'host exceeded, s (aim 0; overload: under 3)': result.exceededSeconds,
    'most resident, MiB': result.mostResident / MiB,
    'swapped out, MiB (aim 0 on staggered and surge)': result.swappedOut / MiB,
    'PSI full, s (aim under 0.5 on staggered and surge)': result.stalledSeconds,
    'OOM kills (aim 0)': result.oomKills,
    ...(overloaded && {
      'largest deviation from the mean size in overload (aim 0.1)': unfairness(
        result.samples,
        overloaded.to,
        PEERS ? 20 : 10,
      ),
      'recovery after overload, s (aim 10)': recovery(result.samples, overloaded.to),
    }),
  });
}

describe('six guests of 512 MiB on a host of 2100 MiB', () => {
  let lab: Lab;
  let daemon: Daemon;

  beforeAll(async () => {
    lab = await openFour('ballonet');
    daemon = await startBallonet(lab);
    await wait(SETTLE_SECONDS);
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await lab?.close();
  });

  it.each(SCRIPTS)(
    'come through $name without a kill, with their guarantees',
    { timeout: 600_000 },
    async script => {
      const result = await play(lab, script, HOST);
      tell('ballonet', script, result);
      expect(result.failures).toEqual([]);
      expect(result.oomKills).toBe(0);
      for (const guest of lab.guests) expect(guest.agent.holderDeaths, guest.name).toEqual([]);
      const smallest = Math.min(...result.samples.flatMap(({ sizes }) => sizes));
      expect(smallest).toBeGreaterThanOrEqual(GUARANTEE * 512 * MiB);
    },
  );

  it('fit in the host in the end, each with more than it uses', async () => {
    await until('the guests fit', 120, async () => {
      const resident = await Promise.all(lab.guests.map(guest => guest.rss()));
      return resident.reduce((a, b) => a + b, 0) + MARGIN <= HOST;
    });
    for (const guest of lab.guests) {
      const { available = 0, usable = 0 } = await guest.dommemstat();
      expect(usable * KiB, guest.name).toBeGreaterThan(16 * MiB);
      expect(available, guest.name).toBeGreaterThan(usable);
    }
    expect(daemon.said('tick failed: balloons stay as they are')).toEqual([]);
  });
});

if (PEERS) {
  describe('the same guests without Ballonet', () => {
    it.each(
      SCRIPTS.flatMap(script => (['mom', 'nobody'] as const).map(controller => ({ ...script, controller }))),
    )('$name, $controller', { timeout: 600_000 }, async script => {
      await using lab = await openFour(script.controller);
      await using _ = await control(lab, script.controller);
      await wait(SETTLE_SECONDS);
      const result = await play(lab, script, HOST);
      tell(script.controller, script, result);
      expect(result.samples.length).toBeGreaterThan(0);
    });
  });
}
