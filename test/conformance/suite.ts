/** The suite: every check, put to one driver. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Hypervisor } from '../../src/hypervisor/driver.ts';
import type { Bench } from './check.ts';
import { CHECKS } from './checks.ts';
import { NOBODY } from './checks-names.ts';
import { DIFFERENCES } from './differences.ts';
import { DRIVERS, type DriverName, type Subject } from './subject.ts';

const CHECK_MS = 240_000;

/** Starts what a driver's tests need, and says how it ends. */
export type StartSubject = () => Promise<{ readonly subject: Subject; readonly close: () => Promise<void> }>;

/** Puts every check to a driver. What it answers must be what all answer, or what the table of differences says of it. */
export function conformance(driver: DriverName, start: StartSubject): void {
  describe(DRIVERS[driver], () => {
    let bench: Bench;
    let closeSubject: (() => Promise<void>) | undefined;
    let hypervisor: Hypervisor | undefined;

    beforeAll(async () => {
      const { subject, close } = await start();
      closeSubject = close;
      hypervisor = await subject.connect();
      const known = new Map((await hypervisor.domains()).map(domain => [domain.name, domain]));
      const [guest, bare, off] = [known.get('guest'), known.get('bare'), known.get('off')];
      if (!guest || !bare) throw new Error('the host lacks a guest');
      bench = { subject, hypervisor, guest, bare, off: off ?? hypervisor.domain(NOBODY) };
    }, CHECK_MS);

    afterAll(async () => {
      await hypervisor?.close();
      await closeSubject?.();
    }, CHECK_MS);

    // In their order: the last one ends a domain.
    for (const [id, check] of CHECKS) {
      it(`${id}: ${check.question}`, { timeout: CHECK_MS }, async () => {
        const difference = DIFFERENCES[id]?.[driver];
        expect(await check.ask(bench)).toEqual(difference?.answer ?? check.answer);
      });
    }
  });
}
