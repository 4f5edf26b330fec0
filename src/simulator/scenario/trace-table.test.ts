import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleOf, snapshotOf } from '../../../test/fakes/samples.ts';
import { hostScenarioFiles } from '../../cli/simulate/files.ts';
import { segmentOf } from '../../journal/folder.ts';
import { createSegmentWriter } from '../../journal/segment-writer.ts';
import { known } from '../../model/snapshot.ts';
import { GiB, MiB } from '../../model/units.ts';
import { loadScenario, requireScenario, simulationOf } from './load.ts';

const BEGINS = 1_700_000_000;

/** A segment of two guests that use the given amounts, ten seconds apart. */
function segment(used: readonly (readonly [db: number, web: number])[], from = 0): string {
  const writer = createSegmentWriter({ ballonet: '1.2.3', uri: 'test:///default' });
  return used
    .map(([db, web], i) => {
      const readings = (bytes: number) => ({ readings: { used: known(bytes) } });
      const guests = [
        sampleOf({ uuid: 'd', name: 'db', ...readings(db) }),
        sampleOf({ uuid: 'w', name: 'web', ...readings(web) }),
      ];
      const at = { monotonic: 100 + from + 10 * i, wall: BEGINS + from + 10 * i };
      return writer.tick({ at, snapshot: snapshotOf(guests, from + i) });
    })
    .join('');
}

describe('a scenario over a journal', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ballonet-trace-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function demandsOf(trace: string, count = 2): unknown[] {
    const file = join(folder, 's.yaml');
    const guest = `{name: a, count: ${count}, memory: 4GiB, demand: {trace: ${trace}}}`;
    const spec = `spec: {host: {memory: 16GiB}, guests: [${guest}]}`;
    writeFileSync(file, `apiVersion: ballonet/v1\nkind: Scenario\nmetadata: {name: a}\n${spec}\n`);
    const source = requireScenario(loadScenario(file, hostScenarioFiles));
    return simulationOf(source, hostScenarioFiles).scenario.guests.map(({ demand }) => demand);
  }

  it('gives each guest what one of the recorded guests used, over segments, compressed or not', () => {
    const journal = join(folder, 'journal-folder');
    const first = segmentOf(1, BEGINS);
    const second = segmentOf(2, BEGINS + 20);
    mkdirSync(journal);
    writeFileSync(
      join(journal, `${first.name}.gz`),
      gzipSync(
        segment([
          [GiB, 64 * MiB],
          [2 * GiB, 64 * MiB],
        ]),
      ),
    );
    writeFileSync(join(journal, second.name), segment([[3 * GiB, 128 * MiB]], 20));
    expect(demandsOf('{file: journal-folder}')).toMatchObject([
      { times: [0, 10, 20], bytes: [GiB, 2 * GiB, 3 * GiB] },
      { times: [0, 10, 20], bytes: [64 * MiB, 64 * MiB, 128 * MiB] },
    ]);
  });

  it('picks one guest of it, another figure, and goes faster', () => {
    writeFileSync(
      join(folder, 'j.ndjson.gz'),
      gzipSync(
        segment([
          [GiB, 64 * MiB],
          [GiB, 128 * MiB],
        ]),
      ),
    );
    const trace = '{file: j.ndjson.gz, where: {name: web}, value: used - oom_kills, speed: 5}';
    expect(() => demandsOf(trace)).toThrow(expect.objectContaining({ code: 'TRACE_INVALID' }));
    expect(demandsOf(trace.replace(' - oom_kills', ''), 1)).toMatchObject([
      { times: [0, 2], bytes: [64 * MiB, 128 * MiB] },
    ]);
  });

  it('reads what is there of a segment that was cut', () => {
    const packed = gzipSync(
      segment([
        [GiB, GiB],
        [2 * GiB, GiB],
        [3 * GiB, GiB],
      ]),
      { level: 0 },
    );
    writeFileSync(join(folder, 'j.ndjson.gz'), packed.subarray(0, -60));
    expect(demandsOf('{file: j.ndjson.gz}', 1)).toMatchObject([{ times: [0, 10], bytes: [GiB, 2 * GiB] }]);
  });

  it.each(['{file: gone.ndjson}', '{file: s.yaml}'])('says what is wrong with %s', trace => {
    expect(() => demandsOf(trace)).toThrow(expect.objectContaining({ code: 'TRACE_INVALID' }));
  });
});
