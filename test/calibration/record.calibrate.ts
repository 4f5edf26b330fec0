/** Plays the scripts to real guests and keeps what they did: `npm run calibrate`; one more time each with BALLONET_AGAIN=1. */
import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { type Bytes, KiB, MiB, type Seconds } from '../../src/model/units.ts';
import type { Guest } from '../lab/guest.ts';
import { cacheFolder, fetchKernel } from '../lab/kernel.ts';
import { startLab } from '../lab/lab.ts';
import { run } from '../lab/process.ts';
import { type Figure, formatRecording, type Recording, readRecordings, recordingFile } from './recording.ts';
import { type CalibrationScript, SCRIPTS, type Step } from './script.ts';

const SWAP_PAGE_KIB = 4;
/** Of the data disk, beside the file. */
const FILE_SYSTEM = 40 * MiB;

/** One at a time: under emulation a guest needs a processor of its own for its speed to mean anything, and its host another. */
it.each(SCRIPTS)('plays $name to a guest of its own', { timeout: 600_000 }, async script => {
  const { name, memory, swap, file, freePageReporting = false, touched = false } = script;
  await using lab = await startLab({
    guests: [
      {
        name,
        memory: mebibytes(memory),
        swap: mebibytes(swap),
        disk: mebibytes(file + FILE_SYSTEM),
        statsPeriod: 1,
        freePageReporting,
        touched,
      },
    ],
  });
  const kernel = (await fetchKernel(cacheFolder())).release;
  const qemu =
    /version (\S+)/.exec(await run('/usr/bin/qemu-system-x86_64', ['--version']))?.[1] ?? 'unknown';
  const recording = await record(lab.guest(0), script);
  expect(lab.guest(0).agent.holderDeaths).toEqual([]);
  const turn = process.env.BALLONET_AGAIN === '1' ? readRecordings(name).length + 1 : 1;
  await writeFile(recordingFile(name, turn), formatRecording({ kernel, qemu, ...recording }));
});

async function record(guest: Guest, script: CalibrationScript): Promise<Omit<Recording, 'kernel' | 'qemu'>> {
  const { agent } = guest;
  await agent.cache(script.file);
  await agent.dropCaches();
  const overhead = Math.round(((await guest.rss()) - (await guest.residentMemory())) / KiB);
  const total = kib((await agent.meminfo()).MemTotal);
  const first = await agent.vmstat();
  const times: Seconds[] = [];
  const figures: Record<Figure, number[]> = {
    available: [],
    unused: [],
    cache: [],
    rss: [],
    swapOut: [],
    swapIn: [],
    majorFaults: [],
    minorFaults: [],
  };
  const steps = script.steps.map((): [Seconds, Seconds] => [Number.NaN, Number.NaN]);
  const due = [...script.steps.entries()];
  const started = performance.now();
  const elapsed = (): Seconds => Math.round((performance.now() - started) / 10) / 100;
  const act = async (index: number, step: Step): Promise<void> => {
    const from = elapsed();
    await ordered(guest, step);
    steps[index] = [from, elapsed()];
  };
  // One program holds the memory and does one thing after the other; the host does not wait for it.
  let program: Promise<void> = Promise.resolve();
  let sizes: Promise<void> = Promise.resolve();

  for (let next = 0; next <= script.seconds; next = Math.floor(elapsed() + 0.01) + 1) {
    await new Promise(resolve => setTimeout(resolve, (next - elapsed()) * 1000));
    const asked = elapsed();
    const [meminfo, vmstat, rss] = await Promise.all([
      agent.meminfo(),
      agent.vmstat(),
      guest.residentMemory(),
    ]);
    // A guest that is short of memory answers late, with what is true by then.
    const at = Math.round((asked + elapsed()) * 50) / 100;
    const since = (name: string): number => (vmstat[name] ?? Number.NaN) - (first[name] ?? Number.NaN);
    times.push(at);
    figures.available.push(kib(meminfo.MemAvailable));
    figures.unused.push(kib(meminfo.MemFree));
    figures.cache.push(
      kib((meminfo.Cached ?? Number.NaN) + (meminfo.Buffers ?? 0) + (meminfo.SwapCached ?? 0)),
    );
    figures.rss.push(kib(rss));
    figures.swapOut.push(since('pswpout') * SWAP_PAGE_KIB);
    figures.swapIn.push(since('pswpin') * SWAP_PAGE_KIB);
    figures.majorFaults.push(since('pgmajfault'));
    figures.minorFaults.push(since('pgfault') - since('pgmajfault'));
    for (; due[0] !== undefined && due[0][1].at <= next; due.shift()) {
      const [index, step] = due[0];
      if ('size' in step) sizes = sizes.then(() => act(index, step));
      else program = program.then(() => act(index, step));
    }
  }
  await Promise.all([program, sizes]);
  return { overhead, total, steps, times, figures };
}

async function ordered(guest: Guest, step: Step): Promise<unknown> {
  const { agent } = guest;
  if ('take' in step) return agent.take(step.take, { rate: step.rate ?? 0 });
  if ('free' in step) return agent.free(step.free);
  if ('touch' in step) return agent.touch();
  if ('work' in step) return agent.work(step.work);
  if ('read' in step) return agent.reread();
  return guest.setMemory(step.size);
}

function kib(bytes: Bytes | undefined): number {
  return Math.round((bytes ?? Number.NaN) / KiB);
}

function mebibytes(bytes: Bytes): string {
  return `${bytes / MiB}MiB`;
}
