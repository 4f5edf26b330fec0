import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histories } from '../../test/fakes/histories.ts';
import { sampleOf, snapshotOf } from '../../test/fakes/samples.ts';
import { ABSENT, known, type Snapshot } from '../model/snapshot.ts';
import { GiB, MiB } from '../model/units.ts';
import { type Frame, frameSchema } from './frame.ts';
import { createFrameDecoder } from './frame-decoder.ts';
import { createFrameEncoder, FULL_EVERY } from './frame-encoder.ts';

function written(frame: Frame) {
  return frameSchema.parse(JSON.parse(JSON.stringify(frame)));
}

/** Frames of a history, as they stand in a file. */
function framesOf(history: readonly Snapshot[]) {
  const encoder = createFrameEncoder();
  return history.map(snapshot => written(encoder.encode(snapshot, false)));
}

/** A guest that reports each second: everything moves as foreseen but what it has available. */
function reporting(second: number, available = GiB, parts: Parameters<typeof sampleOf>[0] = {}) {
  const age = 0.25;
  return sampleOf({
    statsAgeSeconds: age,
    reportsInEpoch: 10 + second,
    uptimeSeconds: 100.125 + second,
    ...parts,
    readings: {
      total: known(2 * GiB, age),
      available: known(available, age),
      used: known(2 * GiB - available, age),
      free: known(512 * MiB, age),
      cache: known(64 * MiB, age),
      swapInRate: known(0, age),
      swapOutRate: known(0, age),
      majorFaultRate: known(1 / 3, age),
      ...parts.readings,
    },
  });
}

describe('frames', () => {
  it('give back every snapshot of any history exactly', () => {
    fc.assert(
      fc.property(histories(12), history => {
        const decoder = createFrameDecoder();
        expect(framesOf(history).map(frame => decoder.decode(frame))).toStrictEqual(history);
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it('say nothing of figures that went on as foreseen, and once what follows from another', () => {
    const [, quiet, moved] = framesOf([
      snapshotOf([reporting(0), reporting(0, GiB, { uuid: 'b' })], 1),
      snapshotOf([reporting(1), reporting(1, GiB, { uuid: 'b' })], 2),
      snapshotOf([reporting(2, GiB - 8 * MiB), reporting(2, GiB, { uuid: 'b' })], 3),
    ]);
    expect(quiet).toEqual({ sequence: 2, columns: { uptimeSeconds: [1], reportsInEpoch: [1] } });
    expect(moved?.columns).toEqual({
      uptimeSeconds: [1],
      reportsInEpoch: [1],
      available: [MiB, -8, 0],
    });
  });

  it('stand for themselves again after a while, so that a lost one costs no more than that', () => {
    const history = Array.from({ length: 2 * FULL_EVERY }, (_, i) => snapshotOf([reporting(i)], i));
    const decoder = createFrameDecoder();
    const decoded = framesOf(history).map((frame, i) => {
      if (i === 5) decoder.lose();
      return decoder.decode(frame);
    });
    const lost = decoded.filter(snapshot => 'problem' in snapshot).length;
    expect(lost).toBe(FULL_EVERY - 5);
    expect(decoded.slice(FULL_EVERY)).toStrictEqual(history.slice(FULL_EVERY));
  });

  it('stand for themselves when asked to, and when more guests have come than there was room for', () => {
    const encoder = createFrameEncoder();
    const guests = Array.from({ length: 200 }, (_, i) => reporting(0, GiB, { uuid: `guest-${i}` }));
    encoder.encode(snapshotOf(guests.slice(0, 2)), false);
    expect(encoder.encode(snapshotOf(guests.slice(0, 3)), false).places).toBeUndefined();
    expect(encoder.encode(snapshotOf(guests.slice(0, 3)), true).places).toBeGreaterThanOrEqual(3);
    const crowded = encoder.encode(snapshotOf(guests), false);
    expect(crowded.places).toBeGreaterThanOrEqual(200);
    expect(createFrameDecoder().decode(written(crowded))).toStrictEqual(snapshotOf(guests));
  });

  it('take a figure that the writer did not know for absent', () => {
    const frame = written(createFrameEncoder().encode(snapshotOf([reporting(0)]), false));
    const columns = Object.entries(frame.columns ?? {}).filter(([name]) => !name.startsWith('free'));
    const snapshot = createFrameDecoder().decode({ ...frame, columns: Object.fromEntries(columns) });
    if ('problem' in snapshot) throw new Error(snapshot.problem);
    expect(snapshot.guests[0]?.readings.free).toEqual(ABSENT);
    expect(snapshot.guests[0]?.readings.available).toEqual(known(GiB, 0.25));
  });

  it.each([
    ['a column for more guests', { columns: { available: [1, 2, 3, 4] } }],
    ['a column of something else', { columns: { available: [1, true] } }],
    ['a column without a base', { columns: { available: [] } }],
    ['a quality that there is none of', { columns: { 'available.quality': [1, 9] } }],
    ['a place that there is none of', { order: [999] }],
    ['a place of nobody', { order: [3] }],
    ['a host reading of no quality', { host: { total: [1, 0, 9] } }],
  ])('refuse %s, and every frame after it until a full one', (_, damage: object) => {
    const encoder = createFrameEncoder();
    const decoder = createFrameDecoder();
    const next = (i: number, full = false) => written(encoder.encode(snapshotOf([reporting(i)], i), full));
    decoder.decode(next(0));
    expect(decoder.decode(frameSchema.parse({ ...next(1), ...damage }))).toHaveProperty('problem');
    expect(decoder.decode(next(2))).toHaveProperty('problem');
    expect(decoder.decode(next(3, true))).toStrictEqual(snapshotOf([reporting(3)], 3));
  });
});
