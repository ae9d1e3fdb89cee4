import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { assertBalanced, rejectedOf } from './candle-check.ts';
import { makeFolder, readCandles } from './data-folder.ts';
import { LineFeed, sourcesOf } from './line-feed.ts';
import { startService } from './service.ts';
import { untilQuiet } from './wait.ts';

const FOLDER = join(process.env['MARKETFLOW_CAPTURES'] ?? '../shared/captures', 'derived');
const GOOD_LINES = 200;

/** What the odd lines are for, one reason each: of 24, two are blank and two are good. */
const ODD_REASONS = {
  bad_json: 4,
  bad_schema: 9,
  bad_price: 3,
  bad_time: 2,
  unknown_symbol: 2,
};

interface PlainCandle {
  open: number;
  high: number;
  low: number;
  close: number;
  count: number;
  sum: number;
}

/** Feeds the captured lines to live mode, two exchanges at once, and compares books and candles with the files. */
export async function replayCaptures(t: TestContext, environment: Readonly<Record<string, string>>): Promise<void> {
  if (!existsSync(FOLDER)) {
    t.skip(`no captures in ${FOLDER}: set MARKETFLOW_CAPTURES`);
    return;
  }
  const good = readFileSync(join(FOLDER, 'marketflow_feed_good.ndjson'));
  const odd = readFileSync(join(FOLDER, 'marketflow_feed_odd.ndjson'));
  const dataDir = makeFolder(t);
  const feeds = { exchange1: await LineFeed.listen(t), exchange2: await LineFeed.listen(t) };
  const live = { MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: sourcesOf(feeds) };
  const service = await startService(t, { dataDir, environment: { ...live, ...environment } });
  await Promise.all([feeds.exchange1.connected(), feeds.exchange2.connected()]);
  await Promise.all([feeds.exchange1.send(good), feeds.exchange2.send(odd)]);
  await untilQuiet(async () => (await service.audit()).received);

  const audit = await service.audit();
  assertBalanced(audit);
  const [ofGood, ofOdd] = audit.exchanges;
  assert.deepEqual([ofGood?.received, ofGood?.counted], [GOOD_LINES, GOOD_LINES]);
  assert.deepEqual(rejectedOf(ofOdd ?? audit), ODD_REASONS);
  assert.equal(ofOdd?.counted, 2);
  assert.deepEqual(await service.stop(), { code: 0, signal: null });

  const expected = candlesOf(good.toString());
  const stored = readCandles(dataDir).filter((row) => row.exchange === 'exchange1');
  assert.deepEqual(stored.map((row) => `${row.symbol} ${row.open_time}`).sort(), [...expected.keys()].sort());
  for (const row of stored) {
    const { sum, ...rest } = expected.get(`${row.symbol} ${row.open_time}`) as PlainCandle;
    const { open, high, low, close, count } = row;
    assert.deepEqual({ open, high, low, close, count }, rest, `${row.symbol} ${row.open_time}`);
    assert.ok(Math.abs(row.sum_hi + row.sum_lo - sum) < sum * 1e-13, `sum ${row.sum_hi} is not ${sum}`);
    assert.equal(row.volume, null);
  }
}

/** By `symbol openMs`. */
function candlesOf(ndjson: string): Map<string, PlainCandle> {
  const candles = new Map<string, PlainCandle>();
  const ticks = ndjson
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { symbol: string; price: number; timestamp: number })
    .sort((a, b) => a.timestamp - b.timestamp);
  for (const { symbol, price, timestamp } of ticks) {
    const key = `${symbol} ${timestamp - (timestamp % 60_000)}`;
    const candle = candles.get(key) ?? { open: price, high: price, low: price, close: price, count: 0, sum: 0 };
    candle.high = Math.max(candle.high, price);
    candle.low = Math.min(candle.low, price);
    candle.close = price;
    candle.count++;
    candle.sum += price;
    candles.set(key, candle);
  }
  return candles;
}
