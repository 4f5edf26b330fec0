import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../telemetry/log.ts';
import { type Part, part, withParts } from './parts.ts';

function bench() {
  const steps: string[] = [];
  const noisy = (name: string, failing?: 'start' | 'stop'): Part => ({
    name,
    start() {
      steps.push(`start ${name}`);
      if (failing === 'start') throw new Error('no start');
    },
    async stop() {
      steps.push(`stop ${name}`);
      if (failing === 'stop') throw new Error('no stop');
    },
  });
  const out = new PassThrough();
  return { steps, noisy, out, log: createLog('info', out) };
}

describe('parts of the daemon', () => {
  it('start in order and stop in the opposite one, around the work', async () => {
    const { steps, noisy, log } = bench();
    const work = async () => steps.push('work');
    await withParts([noisy('a'), noisy('b')], log, work);
    expect(steps).toEqual(['start a', 'start b', 'work', 'stop b', 'stop a']);
  });

  it('are stopped when the work throws, and the error comes out', async () => {
    const { steps, noisy, log } = bench();
    const work = () => Promise.reject(new Error('work failed'));
    await expect(withParts([noisy('a')], log, work)).rejects.toThrow('work failed');
    expect(steps).toEqual(['start a', 'stop a']);
  });

  it('that fail to start are stopped with those before, and those after never start', async () => {
    const { steps, noisy, log } = bench();
    const parts = [noisy('a'), noisy('b', 'start'), noisy('c')];
    await expect(withParts(parts, log, async () => {})).rejects.toThrow('no start');
    expect(steps).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  it('that fail to stop are logged and do not keep the others', async () => {
    const { steps, noisy, log, out } = bench();
    await withParts([noisy('a'), noisy('b', 'stop')], log, async () => {});
    expect(steps.at(-1)).toBe('stop a');
    expect(JSON.parse(String(out.read()))).toMatchObject({ part: 'b', problem: 'no stop' });
  });

  it('made of one function are undone by what it gave', async () => {
    const { steps, log } = bench();
    const one = part('one', () => {
      steps.push('on');
      return () => void steps.push('off');
    });
    await withParts([one], log, async () => {});
    expect(steps).toEqual(['on', 'off']);
  });
});
