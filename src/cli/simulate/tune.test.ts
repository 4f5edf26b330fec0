import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BallonetError } from '../../model/errors.ts';
import { parseRange, type Range } from '../../simulator/tuning/range.ts';
import { tune } from './tune.ts';

const SHORT = fileURLToPath(new URL('../../../test/fixtures/scenarios/short.yaml', import.meta.url));
const QUIET = { out: () => {}, err: () => {} };

function ranges(...texts: readonly string[]): Range[] {
  return texts.map(text => {
    const parsed = parseRange(text);
    if ('problem' in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
}

const OPTIONS = {
  scenario: [SHORT],
  vary: ranges('guest.idleTax=0..0.99'),
  stallLimit: 0.001,
  budget: 3,
  seed: 1,
};

async function codeOf(
  options: Partial<typeof OPTIONS> & { readonly out?: string; readonly report?: string },
  policy = 'policies/dense.yaml',
): Promise<string> {
  return tune(policy, { ...OPTIONS, ...options }, 1, QUIET).then(
    () => 'none',
    (error: unknown) => (error instanceof BallonetError ? error.code : 'another'),
  );
}

describe('tune', { timeout: 60_000 }, () => {
  it('knows the policy as it was, finds nothing worse, and reaches no more than the oracle', async () => {
    const vary = ranges('guest.behavior.shrink.step.max=1%..100%', 'guest.guarantees.min=5%..60%');
    const report = await tune('policies/dense.yaml', { ...OPTIONS, vary }, 1, QUIET);
    expect(report).toMatchObject({ kind: 'TuningReport', policy: 'dense', scenarios: ['short'] });
    expect(report.best.densityShare).toBeGreaterThanOrEqual(report.before.densityShare);
    expect(report.before.settings.map(({ path }) => path)).toEqual(vary.map(({ path }) => path));
    for (const { trials } of report.tried)
      expect(trials[0]?.density).toBeLessThanOrEqual(trials[0]?.limit ?? 0);
  });

  it('leaves what it does not move as it is written', async () => {
    const vary = ranges('guest.estimate.window=10s..1h', 'guest.guarantees.reserve=1MiB..10GiB');
    const { before } = await tune('policies/standard.yaml', { ...OPTIONS, vary, budget: 1 }, 1, QUIET);
    expect(before.settings.map(({ value }) => value)).toEqual(['10m', '256MiB']);
  });

  it.each([
    ['no scenario', { scenario: [] }, 'USAGE'],
    ['nothing to vary', { vary: [] }, 'USAGE'],
    ['a field that is not there', { vary: ranges('guest.idelTax=0..0.9') }, 'USAGE'],
    ['bounds of another unit', { vary: ranges('guest.idleTax=1s..2s') }, 'USAGE'],
    ['a scenario that is not there', { scenario: ['overcomitted'] }, 'URI_INVALID'],
    ['one file for policy and page', { out: './x.yaml', report: 'x.yaml' }, 'USAGE'],
    ['a policy that finds no place', { out: 'no/such/x.yaml' }, 'REPORT_UNWRITABLE'],
    ['a page that finds no place', { report: 'no/such/x.html' }, 'REPORT_UNWRITABLE'],
  ])('refuses %s', async (_, options, code) => {
    expect(await codeOf(options)).toBe(code);
  });

  it('refuses before the search to write a set of several files into one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ballonet-tune-'));
    cpSync('policies/dense.yaml', join(folder, 'a.yaml'));
    writeFileSync(join(folder, 'b.yaml'), '# nothing yet\n');
    expect(await codeOf({ out: join(folder, 'x.yaml') }, folder)).toBe('USAGE');
    rmSync(folder, { recursive: true });
  });
});
