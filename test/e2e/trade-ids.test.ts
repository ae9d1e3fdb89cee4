import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertBalanced, assertCandlesEqual, rejectedOf } from '../harness/candle-check.ts';
import { makeFolder, queryRows, readAllCandles, readCandles } from '../harness/data-folder.ts';
import { type FeedTick, LineFeed, lineOf } from '../harness/line-feed.ts';
import { LogOracle } from '../harness/log-oracle.ts';
import { startService } from '../harness/service.ts';
import { readTickLog } from '../harness/tick-log-files.ts';
import { untilQuiet } from '../harness/wait.ts';

const MINUTE_MS = 60_000;
const OPEN_MS = Math.floor(Date.UTC(2025, 5, 1, 12) / MINUTE_MS) * MINUTE_MS;

test('quantities become volumes, ids order ticks of one millisecond, duplicates are found out over a kill -9', async (t) => {
  const feed = await LineFeed.listen(t);
  const dataDir = makeFolder(t);
  const environment = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: `exchange1=tcp://127.0.0.1:${feed.port}` };
  const tick = (tradeId: number, price: number, quantity: number, second: number): FeedTick => ({
    ...{ symbol: 'BTCUSDT', price, timestamp: OPEN_MS + second * 1_000, quantity, tradeId },
  });
  const first = [
    tick(5_000, 100, 0.5, 10),
    tick(5_003, 103, 0.25, 13),
    // Less than the newest id, and later in time: time goes first.
    tick(5_002, 99, 1, 20),
    tick(5_001, 104, 0, 11),
    tick(5_003, 103, 0.25, 13),
    tick(5_000, 1, 9, 12),
  ];
  const settled = async (run: { audit(): Promise<{ received: number }> }) => {
    await untilQuiet(async () => (await run.audit()).received);
  };

  let service = await startService(t, { dataDir, environment });
  await feed.connected(1);
  await feed.sendLines(first.map(lineOf));
  await settled(service);
  let audit = await service.audit();
  assert.deepEqual([audit.counted, rejectedOf(audit)], [4, { duplicate: 2 }]);
  await service.kill();

  // All of it again, as a feed does that begins anew; then 1,030 new ids, which push the old ones out of the window.
  service = await startService(t, { dataDir, environment });
  await feed.connected(2);
  const newer = Array.from({ length: 1_030 }, (_, i) => tick(5_990 + i, 110, 1, 30));
  const tooOld = tick(4_000, 50, 1, 31);
  await feed.sendLines([...first, tick(5_003, 103, 0.25, 13), ...newer, ...newer, tooOld].map(lineOf));
  await settled(service);
  await service.kill();
  service = await startService(t, { dataDir, environment });
  await feed.connected(3);
  // Of the last millisecond the greatest id closes, whichever came last.
  const closing = [tick(7_030, 105, 2, 40), tick(7_029, 106, 1, 40)];
  await feed.sendLines([newer[1_029], newer[7], newer[0], ...closing].map((line) => lineOf(line as FeedTick)));
  await settled(service);
  audit = await service.audit();
  assertBalanced(audit);
  const again = first.length + 1 + newer.length + 1 + 3;
  assert.deepEqual([audit.counted, rejectedOf(audit)], [4 + 1_030 + 2, { duplicate: 2 + again }]);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });

  const oracle = new LogOracle();
  await readTickLog(dataDir, oracle.take);
  assertCandlesEqual(readAllCandles(dataDir), oracle);
  const [row] = readCandles(dataDir);
  assert.deepEqual([row?.open, row?.close, row?.high, row?.low], [100, 105, 110, 99]);
  assert.deepEqual([row?.first_trade_id, row?.last_trade_id, row?.quantity_count], [5_000, 7_030, 1_036]);
  const sums = queryRows(dataDir, "SELECT volume, quote_volume FROM candles WHERE interval = '1m'").map((sum) => ({
    ...(sum as object),
  }));
  assert.deepEqual(sums, [{ volume: 1_034.75, quote_volume: 50 + 25.75 + 99 + 1_030 * 110 + 210 + 106 }]);
});
