import { describe, expect, it } from 'vitest';
import { decisionOf, sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { ABSENT, type GuestSample, known } from '../model/snapshot.ts';
import { GiB } from '../model/units.ts';
import { CSV_COLUMNS, csvLines } from './csv.ts';
import type { JournalRecord, TickRecord } from './entries.ts';

function tick(sequence: number, guests: readonly GuestSample[], parts: Partial<TickRecord> = {}): TickRecord {
  const at = { monotonic: 10 + sequence, wall: 1_700_000_000.5 + sequence };
  return {
    type: 'tick',
    at,
    snapshot: snapshotOf(guests, sequence),
    whole: true,
    withheld: false,
    decisions: [],
    ...parts,
  };
}

/** The rows as objects, an empty field as undefined. */
async function rows(...records: JournalRecord[]): Promise<Record<string, string | undefined>[]> {
  async function* given() {
    yield* records;
  }
  let text = '';
  for await (const part of csvLines(given())) text += part;
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const names = header.split(',');
  return lines.map(line => {
    const cells = line.split(',').map(cell => (cell === '' ? undefined : cell));
    return Object.fromEntries(names.map((name, i) => [name, cells[i]]));
  });
}

describe('csvLines', () => {
  it('gives a row a guest and tick, with what is known and nothing for what is not', async () => {
    const stale = { value: 7, ageSeconds: 60, quality: 'stale' } as const;
    const guest = sampleOf({ readings: { available: known(GiB, 1), free: ABSENT, cache: stale } });
    const [first, second, ...rest] = await rows(tick(1, [guest, sampleOf({ uuid: 'b', name: 'db-1' })]));
    expect(rest).toEqual([]);
    expect(first).toMatchObject({
      time: '2023-11-14T22:13:21.500Z',
      seconds: '11',
      tick: '1',
      name: 'web-1',
      available: String(GiB),
      free: undefined,
      cache: undefined,
      swap_in_rate: '0',
      host_total: String(16 * GiB),
      action: undefined,
    });
    expect(second).toMatchObject({ uuid: 'b', name: 'db-1' });
  });

  it('says what was last decided of each guest, and a target only in the tick of a move', async () => {
    const hold = decisionOf({ action: 'hold', reason: 'COOLDOWN' });
    const said = await rows(
      tick(1, [sampleOf()], { decisions: [decisionOf()] }),
      tick(2, [sampleOf()], { decisions: [hold] }),
      tick(3, [sampleOf()]),
    );
    expect(said.map(({ action, reason, target }) => [action, reason, target])).toEqual([
      ['shrink', 'SHRINK', String(1.5 * GiB)],
      ['hold', 'COOLDOWN', undefined],
      ['hold', 'COOLDOWN', undefined],
    ]);
  });

  it('quotes names that would break a row', async () => {
    async function* given() {
      yield tick(1, [sampleOf({ name: 'a "b", c' })]);
    }
    let text = '';
    for await (const part of csvLines(given())) text += part;
    expect(text.split('\n')[1]).toContain(',"a ""b"", c",');
    expect(text.split('\n')[0]?.split(',')).toHaveLength(CSV_COLUMNS.length);
  });
});
