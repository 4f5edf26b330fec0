/** Host memory that is not what it seems: named terms that make up what is available, and say where they come from. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Pool } from '../../src/collectors/host/pool.ts';
import type { HostSample } from '../../src/model/snapshot.ts';
import { GiB, KiB, MiB } from '../../src/model/units.ts';
import { collectorOver } from '../fakes/collector.ts';
import { createFakeClock } from '../fakes/fake-clock.ts';
import { createFakeHypervisor } from '../fakes/fake-hypervisor.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/host-v2', import.meta.url));
const ARCSTATS = 'proc/spl/kstat/zfs/arcstats';

interface Host {
  readonly write: (path: string, text: string) => void;
  readonly sample: (pool?: Pool) => Promise<HostSample>;
  readonly clock: ReturnType<typeof createFakeClock>;
  readonly problems: string[];
}

/** A machine of 16 GiB, 6 GiB of it available, whose files a test changes. */
function host(local = true): Host & { readonly hypervisor: ReturnType<typeof createFakeHypervisor> } {
  const root = mkdtempSync(join(tmpdir(), 'ballonet-hazard-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  cpSync(FIXTURE, root, { recursive: true });
  const clock = createFakeClock();
  const hypervisor = createFakeHypervisor({ local });
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('proc/meminfo', meminfo({}));
  const problems: string[] = [];
  return {
    clock,
    hypervisor,
    write,
    problems,
    async sample(pool = { kind: 'auto' }) {
      const collector = collectorOver({ hypervisor, clock, pool, procRoot: root });
      collector.problems.subscribe(({ source }) => problems.push(source));
      const snapshot = await collector.collect();
      collector.close();
      return snapshot.host;
    },
  };
}

function meminfo(lines: Record<string, number>): string {
  const all = { MemTotal: 16 * GiB, MemFree: 2 * GiB, MemAvailable: 6 * GiB, ...lines };
  return Object.entries(all)
    .map(([name, bytes]) => `${name}: ${bytes / KiB} kB\n`)
    .join('');
}

function arcstats(size: number, least: number): string {
  return `9 1 0x01 147 39984 4 5\nname type data\nhits 4 1\nc_min 4 ${least}\nc_max 4 ${2 * size}\nsize 4 ${size}\n`;
}

const available = ({ readings }: HostSample) => readings.available.value;
const termsOf = ({ terms = [] }: HostSample) => terms.map(({ name, bytes }) => [name, bytes]);

describe('the cache of ZFS', () => {
  it('H19: is available down to its least size', async () => {
    const { write, sample } = host();
    write(ARCSTATS, arcstats(5 * GiB, GiB));

    const seen = await sample();

    expect(available(seen)).toBe(10 * GiB);
    expect(termsOf(seen)).toEqual([
      ['MemAvailable', 6 * GiB],
      ['zfs-arc', 4 * GiB],
    ]);
    expect(seen.terms?.every(({ explanation }) => explanation.length > 0)).toBe(true);
  });

  it('H19: makes no more available than the machine has, and nothing where it is at its least', async () => {
    const { write, sample } = host();
    write(ARCSTATS, arcstats(15 * GiB, 0));
    expect(available(await sample())).toBe(16 * GiB);

    write(ARCSTATS, arcstats(GiB, 2 * GiB));
    expect(available(await sample())).toBe(6 * GiB);
  });

  it('that cannot be read is told, and left out', async () => {
    const { write, sample, problems } = host();
    write(ARCSTATS, 'size 4 many\n');

    expect(available(await sample())).toBe(6 * GiB);
    expect(problems).toEqual([`/${ARCSTATS}`]);
  });
});

it('H19: pages that the graphics pool keeps are available', async () => {
  const { write, sample } = host();
  write('sys/kernel/debug/ttm/page_pool', '\t ---0---\nwc\t:\t12\n\ntotal\t:   262144 of  2018276\n');

  const seen = await sample();

  expect(available(seen)).toBe(7 * GiB);
  expect(termsOf(seen)).toContainEqual(['ttm-pool', GiB]);
});

it('H26: what KSM saves is named and not counted, for writing takes it back', async () => {
  const { write, sample } = host();
  write('sys/kernel/mm/ksm/pages_sharing', '262144\n');
  expect(termsOf(await sample())).toEqual([
    ['MemAvailable', 6 * GiB],
    ['ksm', 0],
  ]);

  write('sys/kernel/mm/ksm/pages_sharing', '0\n');
  expect(termsOf(await sample())).toEqual([['MemAvailable', 6 * GiB]]);
});

it("H39: huge pages of programs are named, for a shrinking guest's are split", async () => {
  const { write, sample } = host();
  write('proc/meminfo', meminfo({ AnonHugePages: 3 * GiB }));

  const seen = await sample();

  expect(available(seen)).toBe(6 * GiB);
  expect(termsOf(seen)).toContainEqual(['AnonHugePages', 0]);
});

describe('huge pages that are set aside', () => {
  it('H19: are in neither the total nor what is available, and are named', async () => {
    const { write, sample } = host();
    write('proc/meminfo', meminfo({ Hugetlb: 4 * GiB }));

    const seen = await sample();

    expect([seen.readings.total.value, available(seen)]).toEqual([12 * GiB, 6 * GiB]);
    expect(termsOf(seen)).toContainEqual(['hugetlb', 0]);
  });

  it('H19: are counted by their number on an old kernel', async () => {
    const { write, sample } = host();
    write('proc/meminfo', `${meminfo({ Hugepagesize: 2 * MiB })}HugePages_Total: 1024\n`);

    expect((await sample()).readings.total.value).toBe(14 * GiB);
  });
});

it('H19: every available figure is the sum of its terms, cut at nothing and at the total', async () => {
  const { write, sample } = host();
  const amount = fc.integer({ min: 0, max: 20 }).map(gib => gib * GiB);
  await fc.assert(
    fc.asyncProperty(amount, amount, fc.integer({ min: 0, max: 16 }), async (arc, least, pages) => {
      write(ARCSTATS, arcstats(arc, least));
      write('proc/meminfo', meminfo({ Hugetlb: (pages / 2) * GiB }));
      const seen = await sample();
      const sum = (seen.terms ?? []).reduce((bytes, term) => bytes + term.bytes, 0);
      expect(available(seen)).toBe(Math.min(sum, seen.readings.total.value ?? Number.NaN));
    }),
    { numRuns: 30 },
  );
});

describe('a cgroup', () => {
  const SLICE: Pool = { kind: 'cgroup', path: '/machine.slice' };
  const FOLDER = 'sys/fs/cgroup/machine.slice';

  it('H19: is limited by memory.high as by memory.max, and names what makes up the rest of it', async () => {
    const { write, sample } = host();
    write(`${FOLDER}/memory.max`, `${8 * GiB}\n`);
    write(`${FOLDER}/memory.high`, `${4 * GiB}\n`);
    write(`${FOLDER}/memory.current`, `${3 * GiB}\n`);
    write(`${FOLDER}/memory.stat`, `inactive_file ${GiB / 2}\n`);

    const seen = await sample(SLICE);

    expect([seen.readings.total.value, available(seen)]).toEqual([4 * GiB, 1.5 * GiB]);
    expect(termsOf(seen)).toEqual([
      ['limit', 4 * GiB],
      ['usage', -3 * GiB],
      ['inactive-file', GiB / 2],
    ]);
    expect(seen.terms?.[0]?.explanation).toContain('memory.high');
  });

  it('H19: has the terms of the machine where that has less', async () => {
    const { write, sample } = host();
    write(`${FOLDER}/memory.max`, `${15 * GiB}\n`);
    write(`${FOLDER}/memory.current`, `${GiB}\n`);

    const seen = await sample(SLICE);

    expect([available(seen), termsOf(seen)]).toEqual([6 * GiB, [['MemAvailable', 6 * GiB]]]);
  });
});

describe('a host that only the driver knows', () => {
  it('H19: has less than its free pages and caches by the watermarks of its kernel', async () => {
    const { sample } = host(false);

    const seen = await sample();

    expect(termsOf(seen).map(([name]) => name)).toEqual(['free', 'buffers', 'cached', 'watermarks']);
    expect(available(seen)).toBeLessThan(6 * GiB);
    expect(available(seen)).toBeGreaterThan(5.9 * GiB);
  });

  it('has the driver’s own figure where it gives one', async () => {
    const { sample, hypervisor } = host(false);
    hypervisor.node = { totalKib: 1000, availableKib: 400 };

    expect(termsOf(await sample())).toEqual([['driver', 400 * KiB]]);
  });
});

it('a pool of fixed size has what its guests leave of it', async () => {
  const { sample, hypervisor } = host();
  hypervisor.add('web', {
    balloon: { 'balloon.current': MiB, 'balloon.maximum': MiB, 'balloon.rss': MiB / 2 },
  });

  expect(termsOf(await sample({ kind: 'size', bytes: 4 * GiB }))).toEqual([
    ['size', 4 * GiB],
    ['guests', -GiB / 2],
  ]);
});

it('the nodes of a NUMA machine are shown, and those without memory are not', async () => {
  const { write, sample } = host();
  for (const [node, free] of [
    [0, GiB],
    [10, 2 * GiB],
    [2, 0],
  ] as const) {
    const total = free === 0 ? 0 : 8 * GiB;
    write(
      `sys/devices/system/node/node${node}/meminfo`,
      `Node ${node} MemTotal:       ${total / KiB} kB\nNode ${node} MemFree:        ${free / KiB} kB\n`,
    );
  }

  expect((await sample()).nodes).toEqual([
    { node: 0, total: 8 * GiB, free: GiB },
    { node: 10, total: 8 * GiB, free: 2 * GiB },
  ]);
});
