/**
 * What the daemon takes of the host it is to help: resident memory, processor time, and disk for its journal.
 *
 *   npm run bench -- footprint [--guests 1000] [--seconds 60] [--home served|embedded]
 *
 * How to read it: the daemon is the shipped command in a process of its own, with API, state and journal, at one tick a second over
 * the fleet of scenarios/diurnal-fleet.yaml, once as where guests are real: they live in another process, behind libvirt's own
 * protocol; and once embedded, with the model of all guests in the daemon's process, whose memory and time are then in the figures.
 * The first minute, in which guests boot and are made known, is not counted; the figures mean something where nearly all guests
 * report and ticks come each second. Journal bytes are those of the open segment, which is compressed when it is closed:
 * `npm run bench -- journal` has that figure.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Home, startFleet } from './daemon.ts';

const AIMS = { megabytes: 150, share: 0.1, journalMegabytes: 50 };
const WARM_UP_SECONDS = 60;

const { values } = parseArgs({
  options: {
    guests: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    home: { type: 'string' },
  },
});
const [guests, seconds] = [Number(values.guests), Number(values.seconds)];

const homes: readonly Home[] = ['served', 'embedded'];
for (const home of homes) if (values.home === undefined || values.home === home) await measure(home);

async function measure(home: Home): Promise<void> {
  await using fleet = await startFleet(guests, home);
  await sleep(WARM_UP_SECONDS * 1000);
  const first = await fleet.seen();
  const begun = { cpu: fleet.cpuSeconds(), bytes: fleet.journalBytes(), at: performance.now() };
  let most = 0;
  for (let i = 0; i < seconds; i++) {
    most = Math.max(most, fleet.residentBytes());
    await sleep(1000);
  }
  const passed = (performance.now() - begun.at) / 1000;
  const share = (fleet.cpuSeconds() - begun.cpu) / passed;
  const hourly = ((fleet.journalBytes() - begun.bytes) / passed) * 3600;
  const last = await fleet.seen();
  console.log(
    `${guests} simulated guests, ${home}, ${first.reporting} reporting at first and ${last.reporting} at last; ${last.ticks - first.ticks} ticks in ${Math.round(passed)} s`,
  );
  line('resident memory, the most', `${(most / 1e6).toFixed(0)} MB`, `${AIMS.megabytes} MB`);
  line('processor, of one', `${(share * 100).toFixed(1)} %`, `${AIMS.share * 100} %`);
  line(
    'journal, not yet compressed',
    `${(hourly / 1e6).toFixed(0)} MB/h`,
    `${AIMS.journalMegabytes} MB/h compressed`,
  );
}

function line(what: string, value: string, aim: string): void {
  console.log(`${what.padEnd(28)}${value.padStart(12)}   aim ${aim}`);
}
