/** Makes the picture of the dashboard that the README shows: a process with three exchanges that have a past. */
import type { HealthReport } from '../internal/application/port/in/queries.ts';
import { openBrowser, openPage } from '../test/harness/browser.ts';
import { makeFolder } from '../test/harness/data-folder.ts';
import { lineOf, sourcesOf } from '../test/harness/line-feed.ts';
import { startHistoryFeed } from '../test/harness/market-history.ts';
import { startService } from '../test/harness/service.ts';
import { waitUntil } from '../test/harness/wait.ts';

const PATH = 'internal/adapter/in/http/dashboard/screenshot.png';
const SYMBOLS = { BTCUSDT: 67_000, DOGEUSDT: 0.12, TONUSDT: 5.2, SOLUSDT: 150, ETHUSDT: 3_400 };
const MINUTE_MS = 60_000;
/** Of the past, for each symbol. */
const TICKS_PER_MINUTE = 6;
const RATES_SEEN_MS = 40_000;
/** Of all exchanges, once the past is in. */
const RATE_MAX = 150;

const steps: (() => Promise<void> | void)[] = [];
const cleanUp = { after: (step: () => Promise<void> | void) => steps.push(step) };
try {
  const past = { symbols: SYMBOLS, minutes: 600, seed: 5 };
  const exchange1 = await startHistoryFeed(cleanUp, { ...past, everyMs: 90 });
  const exchange2 = await startHistoryFeed(cleanUp, { ...past, everyMs: 140 });
  const exchange3 = await startHistoryFeed(cleanUp, { ...past, everyMs: 230 });
  const environment = { MARKETFLOW_TEST_SOURCES: sourcesOf({ exchange1, exchange2, exchange3 }) };
  const service = await startService(cleanUp, { dataDir: makeFolder(cleanUp), environment });
  const counted = (past.minutes - 1) * TICKS_PER_MINUTE * 3 * Object.keys(SYMBOLS).length;
  await waitUntil('the past', async () => (await service.audit()).counted > counted, 30_000);
  const rate = async (): Promise<number> => {
    const { sources } = (await service.get('/health')).json() as HealthReport;
    return sources.reduce((sum, { ticksPerSecond }) => sum + ticksPerSecond, 0);
  };
  await waitUntil('the usual rate', async () => (await rate()) < RATE_MAX, 20_000);
  const { price } = (await service.get('/prices/latest/exchange1/BTCUSDT')).json() as { price: number };
  const browser = await openBrowser(cleanUp);
  const { page, errors } = await openPage(browser, { viewport: { width: 1_440, height: 900 }, colorScheme: 'dark' });
  await page.goto(`${service.url}/#symbol=BTCUSDT&exchange=exchange1&interval=1m&period=1h`);
  // A revised candle, and one of a minute in which the feed was away.
  await exchange1.sendLines([lineOf({ symbol: 'BTCUSDT', price, timestamp: Date.now() - 1.6 * MINUTE_MS })]);
  exchange1.cut();
  await page.waitForTimeout(RATES_SEEN_MS);
  await page.screenshot({ path: PATH });
  if (errors.length > 0) throw new Error(errors.join('\n'));
} finally {
  for (const step of steps.reverse()) await step();
}
