import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simulate } from './simulate.ts';

const SHORT = fileURLToPath(new URL('../../../test/fixtures/scenarios/short.yaml', import.meta.url));
const QUIET = { out: () => {}, err: () => {} };

describe('simulate --report', { timeout: 60_000 }, () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ballonet-report-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('writes one page with every run, and the same page every time', async () => {
    const pages: string[] = [];
    for (const name of ['a.html', 'b.html']) {
      const report = join(folder, name);
      await simulate(SHORT, { policy: ['policies/dense.yaml'], baseline: 'static', report }, 1, QUIET);
      pages.push(readFileSync(report, 'utf8'));
    }
    expect(pages[0]).toContain('<summary>policy:dense');
    expect(pages[0]).toContain('<summary>static');
    expect(pages[1]).toBe(pages[0]);
  });

  it('says before the first run that it cannot write', async () => {
    const told: string[] = [];
    const report = join(folder, 'no', 'such.html');
    const run = simulate(SHORT, { policy: [], baseline: 'static', report }, 1, {
      out: text => told.push(text),
      err: text => told.push(text),
    });
    await expect(run).rejects.toMatchObject({ code: 'REPORT_UNWRITABLE' });
    expect(told).toEqual([]);
  });

  it('has printed the scores when the page finds its folder gone', async () => {
    const inner = mkdtempSync(join(folder, 'inner-'));
    const printed: string[] = [];
    const run = simulate(SHORT, { policy: [], baseline: 'static', report: join(inner, 'a.html') }, 1, {
      out: text => printed.push(text),
      err: () => rmSync(inner, { recursive: true, force: true }),
    });
    await expect(run).rejects.toMatchObject({ code: 'REPORT_UNWRITABLE' });
    expect(printed.join('')).toMatch(/^static /m);
  });
});
