/**
 * Hazards shown on guests that run, the same in each world: behind libvirt, behind QMP, simulated. One story of three guests of 512 MiB:
 * they are shrunk by a policy that wants far too much, one swaps, somebody else moves it, it is reset, started anew, and left to a later daemon.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needFloor } from '../../src/model/floor.ts';
import { type GuestFigure, type GuestSample, trusted } from '../../src/model/snapshot.ts';
import { type Bytes, GiB, MiB, type Seconds } from '../../src/model/units.ts';
import { expression, guestPolicy, hostPolicy, policySet } from '../../src/policy/testing.ts';
import { type Loop, type LoopWorld, startLoop } from './loop.ts';

/** A hand on a guest that is not Ballonet's. */
interface HazardGuest {
  /** Programs in it take so much, as fast as they can. */
  take(bytes: Bytes): Promise<void>;
  free(): Promise<void>;
  /** Its size as its hypervisor's own tools tell it. */
  size(): Promise<Bytes>;
  setMemory(bytes: Bytes): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Presses the reset button; resolves when its programs run again. */
  reset(): Promise<void>;
  /** Pulls the plug and starts it; resolves when its programs run again. */
  restart(): Promise<void>;
  oomKills(): Promise<number>;
}

/** Three guests that nobody has asked for statistics: `worker`, `auto` (auto-deflate, free page reporting) and `bare` (no balloon). */
export interface HazardWorld extends LoopWorld, AsyncDisposable {
  guest(name: 'worker' | 'auto'): HazardGuest;
}

export const MAX: Bytes = 512 * MiB;
const GUARANTEE = 0.45;
const STEP_MIN: Bytes = 16 * MiB;
const YIELD_FOR: Seconds = 6;
const RESERVE: Bytes = 64 * MiB;

const greedy = (name: string, min: number) =>
  guestPolicy({
    name,
    mismatch: guest => (guest.name === name ? undefined : 'another guest'),
    guarantees: { min: { ratio: min }, max: { ratio: 1 }, reserve: RESERVE },
    estimate: { windowSeconds: 8, quantile: 0.95, growthSeconds: 1 },
    target: expression<number>(() => 16 * MiB),
    tolerance: { ratio: 0.01, bytes: 8 * MiB },
    shrink: { stepMax: { ratio: 0.3 }, stepMin: STEP_MIN, cooldownSeconds: 2 },
  });

const policies = (pool: Bytes) =>
  policySet(
    [greedy('worker', 0.1), greedy('auto', GUARANTEE), greedy('bare', 0.1)],
    hostPolicy({ memory: { kind: 'size', bytes: pool }, yieldForSeconds: YIELD_FOR }),
  );

const figure = ({ readings }: GuestSample, name: GuestFigure): number =>
  trusted(readings[name]) ?? Number.NaN;

/** @param open boots the guests */
export function hazardsOfGuests(world: string, open: () => Promise<HazardWorld>): void {
  describe(`three guests, ${world}`, () => {
    let host: HazardWorld;
    let loop: Loop;
    /** Use of a guest before it was ever shrunk. */
    const usedAtFirst = new Map<string, Bytes>();

    beforeAll(async () => {
      host = await open();
      loop = startLoop(host, policies(4 * GiB));
    });

    afterAll(async () => {
      loop?.close();
      await host?.[Symbol.asyncDispose]();
    });

    const shrinks = (name: string) =>
      loop.of(name).filter(({ decision, asked }) => decision.action === 'shrink' && asked !== undefined);
    const quiet = async (name: string, seconds: Seconds) => {
      let since = loop.ticks.length;
      await loop.until(name, `it rests for ${seconds} s`, ({ asked, sample }) => {
        const moved = loop.ticks.at(-2)?.snapshot.guests.find(guest => guest.name === name);
        if (asked !== undefined || figure(sample, 'current') !== moved?.readings.current.value)
          since = loop.ticks.length;
        return loop.ticks.length - since >= seconds;
      });
    };

    it('H10: report from the first tick on, though nobody had asked them to', async () => {
      for (const name of ['worker', 'auto']) {
        const { sample } = await loop.until(
          name,
          'it reports',
          seen => seen.sample.reportsInEpoch > 1 && seen.sample.readings.used.quality === 'ok',
        );
        expect(sample.statsAgeSeconds).toBeLessThan(5);
        usedAtFirst.set(name, figure(sample, 'used'));
      }
    });

    it('H22: come to rest, and stay there while their use does', async () => {
      await quiet('worker', 6);
      expect(shrinks('worker').length).toBeGreaterThan(1);
    });

    it('H23: come there from above, and never go back and forth', () => {
      const moves = loop.of('worker').flatMap(({ asked }) => (asked === undefined ? [] : [asked]));
      expect(moves).toEqual(moves.toSorted((a, b) => b - a));
    });

    it('H1, H7: are left what they use, what their kernels keep, and a reserve', () => {
      for (const { sample, decision } of shrinks('worker')) {
        const kernel = Math.max(0, figure(sample, 'current') - figure(sample, 'total'));
        expect(decision.targetBytes).toBeGreaterThanOrEqual((needFloor(sample, kernel) ?? GiB) - MiB);
      }
      const [last] = loop.of('worker').slice(-1);
      expect(last && figure(last.sample, 'available')).toBeGreaterThan(RESERVE / 2);
    });

    it('H3: lose half of what they could still give, while a shrink is on probation', () => {
      expect(shrinks('worker').map(({ decision }) => decision.reason)).toContain('SHRINK');
      const limits = loop
        .of('worker')
        .flatMap(({ decision }) => decision.stages.filter(({ stage }) => stage === 'restraint'));
      expect(limits.map(({ code }) => code)).toContain('SLACK_LIMITED');
    });

    it('H6, H8: keep their guarantee, whatever the policy asks for', async () => {
      const sizes = loop.of('auto').map(({ sample }) => figure(sample, 'current'));
      expect(Math.min(...sizes)).toBeGreaterThanOrEqual(GUARANTEE * MAX);
      expect(await host.guest('auto').size()).toBeLessThan(MAX);
    });

    it('H15: use the same with auto-deflate, whose MemTotal does not shrink', () => {
      const [seen] = loop.of('auto').slice(-1);
      if (seen === undefined) throw new Error('it was not seen');
      expect(figure(seen.sample, 'total')).toBeGreaterThan(0.75 * MAX);
      expect(Math.abs(figure(seen.sample, 'used') - (usedAtFirst.get('auto') ?? 0))).toBeLessThan(40 * MiB);
    });

    it('H40: are known to report free pages themselves', () => {
      const reporting = (name: string) =>
        loop
          .of(name)
          .slice(-1)
          .map(({ sample }) => sample.balloon?.freePageReporting ?? false);
      expect([reporting('auto'), reporting('worker')]).toEqual([[true], [false]]);
    });

    it('H18, H21: are left alone where there is no balloon', () => {
      const seen = loop.of('bare');
      expect(seen.flatMap(({ asked }) => (asked === undefined ? [] : [asked]))).toEqual([]);
      expect(seen.at(-1)?.decision.reason).toBe('NO_BALLOON');
    });

    it('H24: are asked once a report, and not while they move', () => {
      for (const name of ['worker', 'auto']) {
        const reports = shrinks(name).map(({ sample }) => sample.reportsInEpoch);
        expect(new Set(reports).size).toBe(reports.length);
        for (const { sample, asked = 0 } of shrinks(name))
          expect(figure(sample, 'current') - asked).toBeLessThanOrEqual(0.3 * MAX + MiB);
      }
    });

    it('H39: are shrunk by no less than is worth it', () => {
      for (const { sample, asked = 0 } of shrinks('worker'))
        expect(figure(sample, 'current') - asked).toBeGreaterThanOrEqual(STEP_MIN - MiB);
    });

    it('H38: have the size that they were asked to take, by the tools of their hypervisor too', async () => {
      const [last] = shrinks('worker').slice(-1);
      expect(Math.abs((await host.guest('worker').size()) - (last?.asked ?? 0))).toBeLessThanOrEqual(2 * MiB);
    });

    it('H13, H29: get back what they lost when they swap, and the size that did harm is remembered', async () => {
      const from = loop.ticks.length;
      const before = await host.guest('worker').size();
      // Nobody looks meanwhile: what does not fit goes to swap.
      await host.guest('worker').take(140 * MiB);
      await host.pass(2);
      await loop.until('worker', 'it has been given what it took', ({ sample }) => {
        return figure(sample, 'current') > before + 100 * MiB;
      });
      const seen = loop.of('worker', from);
      expect(Math.max(...seen.map(({ sample }) => sample.readings.swapOutRate.value ?? 0))).toBeGreaterThan(
        MiB,
      );
      expect(seen.filter(({ decision }) => decision.action === 'shrink')).toEqual([]);
      const { uuid } = seen[0]?.sample ?? {};
      expect(loop.state.guests.get(uuid ?? '')?.learned?.bytes).toBeGreaterThan(before);
    });

    it('H4, H25: got it in one move, at once', () => {
      const first = loop.of('worker').find(({ decision }) => decision.action === 'grow');
      expect(first && (first.asked ?? 0) - figure(first.sample, 'current')).toBeGreaterThan(100 * MiB);
      expect(first?.decision.reason).toMatch(/ROLLED_BACK|DISTRESS/);
    });

    it('H41: are never asked for more than they have', () => {
      for (const { asked } of ['worker', 'auto'].flatMap(name => loop.of(name)))
        expect(asked ?? 0).toBeLessThanOrEqual(MAX);
    });

    it('H42: are left alone while they are paused', async () => {
      await host.guest('auto').pause();
      const { decision } = await loop.until('auto', 'it is held', seen => seen.sample.state !== 'running');
      await host.guest('auto').resume();
      expect(decision).toMatchObject({ action: 'hold', reason: 'NOT_RUNNING' });
      await loop.until('auto', 'it goes on', seen => seen.sample.state === 'running');
    });

    it('H26: are left to somebody else who moves them', async () => {
      await host.guest('worker').free();
      await quiet('worker', 6);
      const size = await host.guest('worker').size();
      await host.guest('worker').setMemory(size + (size + 48 * MiB > MAX ? -48 : 48) * MiB);
      const { at } = await loop.until(
        'worker',
        'it is held',
        ({ decision }) => decision.reason === 'FOREIGN_CHANGE',
      );
      const { at: over } = await loop.until(
        'worker',
        'it is its own again',
        ({ decision }) => decision.reason !== 'FOREIGN_CHANGE',
      );
      expect(over - at).toBeGreaterThan(YIELD_FOR - 2);
      const meanwhile = loop.of('worker').filter(seen => seen.at >= at && seen.at < over);
      expect(meanwhile.flatMap(({ asked }) => (asked === undefined ? [] : [asked]))).toEqual([]);
    });

    it('H9, H12, H34: are whole in one new epoch after a reset, and not shrunk while they boot', async () => {
      const [before] = loop.of('worker').slice(-1);
      const from = loop.ticks.length;
      const reset = host.guest('worker').reset();
      const { sample } = await loop.until(
        'worker',
        'it reports at its full size',
        seen =>
          seen.sample.epoch !== before?.sample.epoch &&
          seen.sample.reportsInEpoch > 3 &&
          figure(seen.sample, 'current') === MAX,
      );
      await reset;
      expect(sample.epoch).toBe((before?.sample.epoch ?? 0) + 1);
      const seen = loop.of('worker', from);
      expect(seen.filter(({ decision }) => decision.action === 'shrink')).toEqual([]);
      expect(seen.some(({ asked }) => asked === MAX)).toBe(true);
      expect(figure(sample, 'total')).toBeGreaterThan(0.75 * MAX);
    });

    it('H35, H37: are others after a cold start, by the same name', async () => {
      const [before] = loop.of('auto').slice(-1);
      const from = loop.ticks.length;
      const restart = host.guest('auto').restart();
      const { sample } = await loop.until(
        'auto',
        'it reports again',
        seen => seen.sample.epoch !== before?.sample.epoch && seen.sample.reportsInEpoch > 1,
      );
      await restart;
      expect(sample.epoch).toBe((before?.sample.epoch ?? 0) + 1);
      expect(sample.id).not.toBe(before?.sample.id);
      expect(loop.of('auto', from).filter(({ decision }) => decision.action === 'shrink')).toEqual([]);
    });

    it('H33: are taken over as they are by a later daemon, grace and learned floor and all', async () => {
      const sizes = [await host.guest('worker').size(), await host.guest('auto').size()];
      loop = startLoop(host, policies(4 * GiB), loop.close());
      for (let i = 0; i < 3; i++) await loop.tick();
      expect(loop.ticks.flatMap(({ asked }) => [...asked])).toEqual([]);
      expect(loop.of('auto').at(-1)?.decision.reason).toBe('BOOT_GRACE');
      expect([await host.guest('worker').size(), await host.guest('auto').size()]).toEqual(sizes);
    });

    it('H28: keep their guarantees on a host that has not got them, which is said', async () => {
      loop.reload(policies(128 * MiB));
      for (let i = 0; i < 3; i++) await loop.tick();
      expect(loop.ticks.map(({ budget }) => budget?.split)).toContain('insufficient');
      for (const { asked = MAX } of loop.of('auto'))
        expect(asked).toBeGreaterThanOrEqual(Math.floor(GUARANTEE * MAX));
    });

    it('H1: have lost no program for want of memory, all the while', async () => {
      for (const name of ['worker', 'auto'] as const) expect(await host.guest(name).oomKills(), name).toBe(0);
    });
  });
}
