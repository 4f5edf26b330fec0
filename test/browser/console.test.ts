/** The console in a real browser, served by a real daemon over a few simulated guests. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openPage, seriousFindings, startBrowser, type Watched } from './browser.ts';
import { type Daemon, SHRINKS_ALWAYS, SHRINKS_AT, startDaemon } from './daemon.ts';

const WITHIN = { timeout: 15_000, interval: 100 };

let browser: Browser;
let daemon: Daemon;
const open: Watched[] = [];

beforeAll(async () => {
  [browser, daemon] = await Promise.all([startBrowser(), startDaemon({ guests: 6 })]);
});
afterEach(async () => {
  for (const watched of open.splice(0)) await watched[Symbol.asyncDispose]();
});
afterAll(async () => {
  await browser?.close();
  await daemon?.[Symbol.asyncDispose]();
});

async function visit(hash = '', wish: Parameters<typeof openPage>[1] = {}): Promise<Watched> {
  const watched = await openPage(browser, wish);
  open.push(watched);
  await watched.page.goto(`${daemon.url}#/${hash}`);
  return watched;
}

describe('the console', () => {
  it('shows the host from files of its own, without a complaint', async () => {
    const { page, complaints, asked } = await visit();
    await page.getByRole('heading', { level: 1, name: 'Host' }).waitFor();
    await page.getByRole('navigation', { name: 'Views' }).waitFor();
    await page.locator('.chart canvas').waitFor();
    await page.getByText('The same as a table').click();
    const figures = page.getByRole('region', { name: 'What the host’s memory is used for, table' });
    expect(await figures.getByRole('row').nth(1).innerText()).toMatch(/\d GiB/);
    await page.getByRole('button', { name: 'Guest', exact: true }).click();
    await page.getByText('Other guests').first().waitFor();
    expect([...asked].filter(url => !url.startsWith(daemon.url))).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('shows each tick as it comes, says when the daemon is gone, and goes on when it is back', async () => {
    const { page } = await visit('guests');
    const used = page.getByRole('row').nth(1).locator('.c-used');
    const before = await used.innerText();
    await expect.poll(() => used.innerText(), WITHIN).not.toBe(before);
    const restarted = daemon.restart();
    await page.getByText('no answer, trying again').waitFor();
    expect(await page.getByRole('status').innerText()).toContain('lost');
    await restarted;
    await page.locator('.dot.live').waitFor();
    const after = await used.innerText();
    await expect.poll(() => used.innerText(), WITHIN).not.toBe(after);
  });

  it('keeps its rows when the window becomes another size', async () => {
    const { page } = await visit('guests');
    await page.getByRole('link', { name: 'web-6' }).waitFor();
    await page.setViewportSize({ width: 1000, height: 900 });
    // What watches the size is told between a frame's layout and its paint.
    await page.evaluate(
      () => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    expect(await page.getByRole('link', { name: /^web-/ }).count()).toBe(6);
  });

  it('leads from the table to a guest, a decision, its stages, and the line of the policy', async () => {
    const { page, complaints } = await visit('guests');
    await page.getByRole('searchbox').fill('web-3');
    await expect.poll(() => page.getByRole('row').count(), WITHIN).toBe(2);
    await page.getByRole('link', { name: 'web-3' }).click();
    await page.getByRole('heading', { level: 1, name: 'web-3' }).waitFor();
    await page.getByText('Read only').waitFor();
    // The first decisions of a daemon are that it knows nothing yet.
    const decision = page.locator('.decision', { hasText: 'level forbids' }).first();
    await decision.click();
    const stages = page.getByRole('region', { name: 'Stages of the decision' });
    const names = await stages.getByRole('rowheader').allInnerTexts();
    expect(names).toEqual(expect.arrayContaining(['demand', 'target', 'guarantees']));
    await page.getByRole('button', { name: 'Explain' }).click();
    expect(await page.locator('.explanation').innerText()).toMatch(/^web-3 /);
    await stages
      .getByRole('row', { name: /^target/ })
      .getByRole('link')
      .click();
    await page.getByRole('heading', { level: 1, name: 'Policies' }).waitFor();
    expect(await page.locator('.source .wanted').innerText()).toContain('target: guest.demand');
    await page.getByText('1 passed, 0 failed').waitFor();
    expect(complaints).toEqual([]);
  });

  it('checks a policy as it is typed, and plays it over what has been', async () => {
    const { page, complaints } = await visit('what-if');
    const text = page.getByRole('textbox', { name: /^Text of/ });
    await page.locator('.verdict', { hasText: '✓ sound' }).waitFor();
    await text.fill(daemon.policy.replace('cooldown: 2s', 'cooldown: 2'));
    await page.locator('.verdict', { hasText: '✗ 1 error' }).waitFor();
    await page.locator('.findings button').click();
    const [line, selected] = await text.evaluate(area =>
      area instanceof HTMLTextAreaElement
        ? [area.value.slice(0, area.selectionStart).split('\n').length, document.activeElement === area]
        : [],
    );
    expect(selected).toBe(true);
    expect(daemon.policy.split('\n')[(line ?? 0) - 1]).toContain('cooldown: 2s');
    expect(await page.getByRole('button', { name: 'Replay' }).isDisabled()).toBe(true);

    await text.fill(daemon.policy.replace(SHRINKS_AT, SHRINKS_ALWAYS));
    await page.locator('.verdict', { hasText: '✓ sound' }).waitFor();
    await page.getByRole('button', { name: 'Replay' }).click();
    const totals = page.getByRole('region', { name: 'All guests together' });
    await totals.waitFor();
    const shrinks = async (row: string) =>
      Number(await totals.getByRole('row', { name: row }).getByRole('cell').nth(1).innerText());
    expect(await shrinks('As it was')).toBe(0);
    expect(await shrinks('As edited')).toBeGreaterThan(0);
    const differences = page.getByRole('region', { name: 'Differences' });
    expect(await differences.getByRole('row').nth(1).innerText()).toMatch(
      /hold[\s\S]*level forbids[\s\S]*shrink/,
    );

    await page.getByRole('button', { name: 'Run its tests' }).click();
    await page.locator('p', { hasText: '0 passed, 1 failed' }).waitFor();
    await page.getByRole('link', { name: 'Host' }).click();
    await page.getByRole('link', { name: 'What if' }).click();
    await expect.poll(() => text.inputValue(), WITHIN).toContain(SHRINKS_ALWAYS);
    expect(complaints).toEqual([]);
  });

  it('can be used with the keyboard alone', async () => {
    const { page } = await visit('guests');
    const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
    const isInMain = () => page.evaluate(() => document.activeElement?.id === 'main');
    await page.getByRole('link', { name: 'web-6' }).waitFor();
    await page.keyboard.press('Tab');
    expect(await focused()).toContain('Skip');
    await page.keyboard.press('Enter');
    expect(await isInMain()).toBe(true);
    const tabTo = async (wanted: string) => {
      for (let i = 0; i < 30 && (await focused()) !== wanted; i++) await page.keyboard.press('Tab');
      expect(await focused()).toBe(wanted);
    };
    await tabTo('Guest ▴');
    await page.keyboard.press('Enter');
    expect(await page.getByRole('columnheader', { name: 'Guest' }).getAttribute('aria-sort')).toBe(
      'descending',
    );
    await tabTo('web-6');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'web-6' }).waitFor();
    await expect.poll(isInMain, WITHIN).toBe(true);
    await page.locator('.decision').first().waitFor();
    await page.locator('.decision').first().focus();
    await page.keyboard.press('Space');
    expect(await page.locator('.decision').first().getAttribute('aria-expanded')).toBe('true');
    await page.goBack();
    await page.getByRole('heading', { level: 1, name: 'Guests' }).waitFor();
  });

  it.each(['policies', 'events'] as const)(
    'shows the %s on a telephone without scrolling sideways',
    async view => {
      const { page } = await visit(view, { width: 390, height: 844 });
      const table = page.locator(`table.${view}`);
      await table.waitFor();
      const hidden = await table.evaluate(({ parentElement: scroll }) =>
        scroll === null ? Number.NaN : scroll.scrollWidth - scroll.clientWidth,
      );
      expect(hidden).toBe(0);
      const telling = {
        policies: page.getByRole('rowheader', { name: 'everybody' }),
        events: table.getByRole('link'),
      };
      expect(await telling[view].first().isVisible()).toBe(true);
      expect(await seriousFindings(page)).toEqual([]);
    },
  );

  it.each(['light', 'dark'] as const)('has no serious finding of axe in the %s theme', async theme => {
    const { page, complaints } = await visit('', { theme });
    const findings: string[] = [];
    const look = async (view: string, ready: string) => {
      await page.goto(`${daemon.url}#/${view}`);
      await page.locator(ready).first().waitFor();
      findings.push(...(await seriousFindings(page)).map(text => `${view} ${text}`));
    };
    await look('', '.chart canvas');
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe(theme);
    await look('guests', '.guests td');
    await look('policies', '.tests li');
    await look('what-if', '.verdict.passed');
    await look('events', '.events td');
    await page.goto(`${daemon.url}#/guests/web-1`);
    await page.locator('.decision').first().click();
    await look('guests/web-1', '.stages table');
    expect(findings).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
