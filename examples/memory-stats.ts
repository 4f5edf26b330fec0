/** Prints what each running guest's memory statistics are: `memory-stats URI`. */
import { connect, type MemoryStatsRecord, memoryStatsToRecord } from 'ballonet';

const hypervisor = await connect(process.argv[2] ?? 'sim:///overcommitted', { readOnly: true });
try {
  for (const guest of await hypervisor.domains({ active: true })) {
    const stats: MemoryStatsRecord = memoryStatsToRecord(await guest.memoryStats());
    // What a guest does not know is not there: undefined, never 0.
    const { actual, usable, rss } = stats;
    console.log(`${guest.name}: size ${kib(actual)}, usable ${kib(usable)}, resident ${kib(rss)}`);
  }
} finally {
  await hypervisor.close();
}

function kib(value: number | undefined): string {
  return value === undefined ? 'unknown' : `${Math.round(value / 1024)} MiB`;
}
