/** The console before a daemon that wants tokens. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openPage, seriousFindings, startBrowser } from './browser.ts';
import { type Daemon, startDaemon } from './daemon.ts';

const TOKENS = { read: 'read-token-0123456789', write: 'write-token-0123456789' };

let browser: Browser;
let daemon: Daemon;

beforeAll(async () => {
  [browser, daemon] = await Promise.all([startBrowser(), startDaemon({ guests: 2, tokens: TOKENS })]);
});
afterAll(async () => {
  await browser?.close();
  await daemon?.[Symbol.asyncDispose]();
});

it('asks for a token, says when it is refused, keeps it in this tab, and shows what it allows', async () => {
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${daemon.url}#/guests/web-1`);
  const dialog = page.getByRole('dialog', { name: 'This daemon wants a token' });
  await dialog.waitFor();
  expect(await dialog.getByRole('alert').count()).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
  await dialog.getByRole('textbox', { name: 'Token' }).fill('not-the-token-at-all');
  await page.keyboard.press('Enter');
  expect(await dialog.getByRole('alert').innerText()).toContain('refused');
  await dialog.getByRole('textbox', { name: 'Token' }).fill(TOKENS.read);
  await page.keyboard.press('Enter');
  await page.getByText('Read only').waitFor();
  expect(await dialog.isVisible()).toBe(false);
  await page.reload();
  await page.getByText('Read only').waitFor();
  expect(page.url()).not.toContain('token');
  const kept = await page.evaluate(() => [
    Object.keys(localStorage),
    Object.keys(sessionStorage),
    document.cookie,
  ]);
  expect(kept).toEqual([[], ['ballonet.token'], '']);
  expect([...watched.asked].filter(url => url.includes('token-0123'))).toEqual([]);
});

it('lets the writer pause, resume and release a guest, with a reason', async () => {
  await using watched = await openPage(browser);
  const { page } = watched;
  await page.goto(`${daemon.url}#/guests/web-2`);
  await page.getByRole('textbox', { name: 'Token' }).fill(TOKENS.write);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Pause…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Pause web-2' });
  await dialog.getByLabel('Reason, for the log').fill('load test');
  await dialog.getByRole('button', { name: 'Pause' }).click();
  await page.getByText(/Paused by write token from 127\.0\.0\.1 since .*: load test/).waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByRole('button', { name: 'Pause…' }).waitFor();
  await page.getByRole('button', { name: 'Release…' }).click();
  await page.getByLabel('Reason, for the log').fill('end of test');
  await page.getByRole('button', { name: 'Release', exact: true }).click();
  await page.getByText(/Paused by .*: end of test/).waitFor();
});
