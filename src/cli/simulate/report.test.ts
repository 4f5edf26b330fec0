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

  it('says when it cannot write', async () => {
    const report = join(folder, 'no', 'such.html');
    await expect(simulate(SHORT, { policy: [], baseline: 'static', report }, 1, QUIET)).rejects.toMatchObject(
      {
        code: 'REPORT_UNWRITABLE',
      },
    );
  });
});
