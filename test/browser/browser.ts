/** Debian's Chromium, and pages that keep account of what they load and complain of. */
import axe from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Patient enough for a machine that does much else. */
const PATIENCE_MS = 15_000;

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
}

export interface Watched extends AsyncDisposable {
  readonly page: Page;
  /** What the page wrote to its console as a warning or error, and what it threw. */
  readonly complaints: readonly string[];
  /** What came over the network so far, with headers. */
  readonly bytes: () => number;
  /** Every address that was asked for. */
  readonly asked: ReadonlySet<string>;
}

interface Wish {
  readonly theme?: 'light' | 'dark';
  readonly width?: number;
  readonly height?: number;
}

export async function openPage(browser: Browser, wish: Wish = {}): Promise<Watched> {
  const { theme = 'light', width = 1280, height = 800 } = wish;
  const context = await browser.newContext({
    colorScheme: theme,
    viewport: { width, height },
    locale: 'en-GB',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked = new Set<string>();
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', error => complaints.push(error.message));
  page.on('request', request => asked.add(request.url()));
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  // A stream never finishes: what comes of it is counted as it comes.
  let bytes = 0;
  network.on('Network.responseReceived', ({ response }) => {
    bytes += response.encodedDataLength;
  });
  network.on('Network.dataReceived', ({ encodedDataLength, dataLength }) => {
    bytes += encodedDataLength > 0 ? encodedDataLength : dataLength;
  });
  return {
    page,
    complaints,
    asked,
    bytes: () => bytes,
    [Symbol.asyncDispose]: () => context.close(),
  };
}

/** What axe finds that is serious or critical, with the first place of each. */
export async function seriousFindings(page: Page): Promise<string[]> {
  // Through the debugger, which the page's policy for scripts does not hold up.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<axe.AxeResults>(
    'axe.run(document, { resultTypes: ["violations"] })',
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join('; ')}`,
    );
}
