/**
 * What the journal costs: bytes an hour and processor time a tick, for a simulated fleet at one tick a second, against the same as
 * plain JSON in the same run.
 *
 *   npm run bench -- journal [--guests 1000] [--ticks 360]
 *
 * How to read it:
 * - The guests are those of scenarios/diurnal-fleet.yaml, whose sizes and habits were measured on five hundred production guests;
 *   they report every second. They are collected, decided on with policies/standard.yaml and moved as by the daemon.
 * - `journal` is all that would lie on the disk: segments with policies, checkpoints of the state, full frames, decisions, outcomes.
 *   A day is as expensive as its hours; the first minute, in which nothing is known yet, is not counted.
 * - `plain` is `JSON.stringify` of snapshot and decisions, a line a tick, and that compressed.
 * - Times are processor time of this process on the tick's own thread, garbage collection on others included. Compressing a closed
 *   segment happens on a thread of its own; it is given apart.
 *
 * No time is asserted.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createBalloonActuator } from '../../src/actuators/balloon.ts';
import { hostPolicyFiles } from '../../src/cli/policy-files.ts';
import { collectorSettings } from '../../src/cli/reload.ts';
import { openSimulation } from '../../src/cli/simulate/open.ts';
import { createCollector } from '../../src/collectors/snapshot.ts';
import type { TickEvent } from '../../src/engine/engine.ts';
import { createJournalist } from '../../src/engine/journalist.ts';
import { createSimulatedHypervisor } from '../../src/hypervisor/simulated/hypervisor.ts';
import type { JournalFolder, Segment } from '../../src/journal/folder.ts';
import { createJournal } from '../../src/journal/journal.ts';
import { decide } from '../../src/policy/decide.ts';
import { loadPolicySet, requirePolicySet } from '../../src/policy/load.ts';
import { correctMove, initialState } from '../../src/policy/state.ts';

const AIM_MB_AN_HOUR = 50;
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** A disk that keeps only how much was written, and what that is when compressed. */
function countingFolder() {
  const segments = new Map<number, { text: string[]; segment: Segment }>();
  const total = { plain: 0, packed: 0, packing: 0 };
  const folder: JournalFolder = {
    prepare: () => Promise.resolve(),
    list: () => Promise.resolve([...segments.values()].map(({ segment }) => segment)),
    bytesOf: () => Promise.resolve(0),
    create(segment) {
      const text: string[] = [];
      segments.set(segment.number, { text, segment });
      return Promise.resolve({
        append: piece => Promise.resolve(void text.push(piece)),
        close: () => Promise.resolve(),
      });
    },
    pack: segment => Promise.resolve(pack(segment.number)),
    remove: () => Promise.resolve(),
  };
  function pack(number: number): void {
    const text = segments.get(number)?.text.join('') ?? '';
    segments.delete(number);
    const begun = cpu();
    total.packed += gzipSync(text).length;
    total.packing += cpu() - begun;
    total.plain += text.length;
  }
  return {
    folder,
    /** Of everything so far; what is open is closed by it. */
    count() {
      for (const number of segments.keys()) pack(number);
      return total;
    },
  };
}

/** Processor time of this process in microseconds. */
function cpu(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** The fleet of the shipped scenario with more guests, looked at by the second. */
function fleet(guests: number) {
  const text = readFileSync(path.join(ROOT, 'scenarios/diurnal-fleet.yaml'), 'utf8')
    .replace('count: 200', `count: ${guests}`)
    .replace('memory: 640GiB', `memory: ${Math.ceil(3.2 * guests)}GiB`)
    .replaceAll(/(step|interval): 5s/g, '$1: 1s');
  const folder = mkdtempSync(path.join(tmpdir(), 'journal-bench-'));
  try {
    const file = path.join(folder, 'fleet.yaml');
    writeFileSync(file, text);
    return openSimulation(file).scenario;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function benchmark(guests: number, ticks: number): Promise<void> {
  const policies = requirePolicySet(
    loadPolicySet([path.join(ROOT, 'policies/standard.yaml')], hostPolicyFiles),
  );
  let seconds = 1000;
  const clock = {
    now: () => ({ monotonic: seconds, wall: 1_790_000_000 + Math.round(seconds * 1000) / 1000 }),
  };
  const hypervisor = createSimulatedHypervisor({ scenario: fleet(guests), clock });
  const collector = createCollector({ hypervisor, clock, ...collectorSettings(policies), arm: true });
  const actuator = createBalloonActuator(hypervisor);
  const disk = countingFolder();
  const journal = createJournal({
    folder: disk.folder,
    origin: { ballonet: '0.0.0', uri: 'sim:///fleet' },
    onTrouble: error => {
      if (error !== undefined) throw error;
    },
  });
  const journalist = createJournalist(journal, clock);
  let state = initialState(seconds);
  const used = { journal: 0, plain: 0 };
  let plainBytes = 0;
  let plainPacked = 0;
  let waiting = '';
  let moves = 0;

  for (let i = -60; i < ticks; i++) {
    // As a timer does: a second, and up to 3 ms more.
    seconds += 1 + ((i * 7919) % 3000) / 2 ** 20;
    hypervisor.control.sync();
    const snapshot = await collector.collect();
    const now = clock.now();
    const before = state;
    const tick = decide(before, snapshot, policies, now);
    state = tick.state;
    if (i < 0) continue;
    const event: TickEvent = {
      type: 'tick',
      now,
      snapshot,
      policies,
      before,
      withheld: false,
      tick,
      seconds: 0,
    };
    const begun = cpu();
    journalist.event(event);
    const between = cpu();
    const line = JSON.stringify({ at: now, snapshot, decisions: tick.decisions });
    used.plain += cpu() - between;
    used.journal += between - begun;
    plainBytes += line.length + 1;
    waiting += `${line}\n`;
    if (i % 30 === 29 || i === ticks - 1) {
      plainPacked += gzipSync(waiting).length;
      waiting = '';
    }
    const samples = new Map(snapshot.guests.map(sample => [sample.uuid, sample]));
    for (const decision of tick.decisions) {
      if (decision.action === 'hold') continue;
      moves++;
      const application = await actuator.apply(decision, samples.get(decision.uuid));
      const asked = 'targetBytes' in application ? application.targetBytes : undefined;
      state = correctMove(state, decision.uuid, decision.targetBytes ?? 0, asked);
      journalist.event({ type: 'applied', decision, application });
    }
  }
  await journal.close();
  collector.close();
  const { plain: raw, packed, packing } = disk.count();
  const hourly = (bytes: number): string =>
    `${(((bytes / ticks) * 3600) / 1e6).toFixed(1)} MB/h`.padStart(13);
  const each = (microseconds: number): string => `${(microseconds / ticks).toFixed(0)} µs`.padStart(10);
  console.log(`${guests} guests, ${ticks} ticks of a second, ${(moves / ticks).toFixed(1)} moves a tick`);
  console.log('              before packing        packed     CPU a tick   packing a tick');
  console.log(`journal        ${hourly(raw)} ${hourly(packed)} ${each(used.journal)} ${each(packing)}`);
  console.log(`plain JSON     ${hourly(plainBytes)} ${hourly(plainPacked)} ${each(used.plain)}`);
  console.log(
    `ratio          ${(plainBytes / raw).toFixed(1).padStart(11)} x ${(plainPacked / packed).toFixed(1).padStart(11)} x ${(used.plain / used.journal).toFixed(1).padStart(8)} x`,
  );
  const met = (packed / ticks) * 3600 <= AIM_MB_AN_HOUR * 1e6;
  if (guests === 1000)
    console.log(`${met ? 'meets' : 'misses'} the aim of ${AIM_MB_AN_HOUR} MB an hour for 1000 guests`);
}

const { values } = parseArgs({
  options: { guests: { type: 'string', default: '1000' }, ticks: { type: 'string', default: '360' } },
});
await benchmark(Number(values.guests), Number(values.ticks));
