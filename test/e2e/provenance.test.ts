import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rejectedOf } from '../harness/candle-check.ts';
import { makeFolder, queryRows, readCandles } from '../harness/data-folder.ts';
import { LineFeed, lineOf } from '../harness/line-feed.ts';
import { startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

const MINUTE_MS = 60_000;
/** An hour of long ago: a feed of old data is taken as it comes, as fast as it comes. */
const HOUR_MS = Date.UTC(2025, 2, 3, 4);

test('a candle says what it is: forming, final or revised, complete or not', async (t) => {
  const feed = await LineFeed.listen(t);
  const dataDir = makeFolder(t);
  const environment = {
    MARKETFLOW_MODE: 'live',
    MARKETFLOW_LIVE_SOURCES: `exchange1=tcp://127.0.0.1:${feed.port}`,
    MARKETFLOW_CANDLES_FLUSH_INTERVAL: '100ms',
    MARKETFLOW_FEEDS_BACKOFF_MIN: '10ms',
    MARKETFLOW_FEEDS_BACKOFF_MAX: '20ms',
    MARKETFLOW_FEEDS_STALE_AFTER: '2s',
  };
  const service = await startService(t, { dataDir, environment });
  await feed.connected(1);
  let price = 100;
  let ticks = 0;
  const send = async (minute: number, ...seconds: number[]) => {
    const times = seconds.map((second) => HOUR_MS + minute * MINUTE_MS + Math.round(second * 1_000));
    await feed.sendLines(times.map((timestamp) => lineOf({ symbol: 'BTCUSDT', price: price++, timestamp })));
    ticks += seconds.length;
    await waitUntil(`tick ${ticks}`, async () => (await service.audit()).received === ticks, 10_000, 5);
  };
  const rows = async () => {
    const { folded } = (await service.audit()).position;
    await waitUntil('a checkpoint', async () => (await service.audit()).position.checkpoint >= folded);
    return readCandles(dataDir).map((row) => [
      (row.open_time - HOUR_MS) / MINUTE_MS,
      row.state,
      row.complete,
      row.revision,
      row.count,
    ]);
  };

  // The feed began within minute 0; 1 is whole; of 2 the slack of two seconds has not passed.
  await send(0, 10, 50);
  await send(1, 0, 30, 59.9);
  await send(2, 5);
  await send(3, 0, 1.9);
  assert.deepEqual(await rows(), [
    [0, 'final', 0, 0, 2],
    [1, 'final', 1, 0, 3],
    [2, 'forming', 0, 0, 1],
    [3, 'forming', 0, 0, 2],
  ]);

  // Within minute 3 the feed is cut; it goes on in minute 5.
  await send(3, 30);
  feed.cut();
  await feed.connected(2);
  await send(5, 20);
  await send(6, 1, 59);
  await send(7, 2);
  assert.deepEqual(await rows(), [
    [0, 'final', 0, 0, 2],
    [1, 'final', 1, 0, 3],
    [2, 'final', 1, 0, 1],
    [3, 'final', 0, 0, 3],
    [5, 'final', 0, 0, 1],
    [6, 'final', 1, 0, 2],
    [7, 'forming', 0, 0, 1],
  ]);

  // Two minutes back from 7:02 is 5:02: that is a revision, a millisecond more is late.
  await send(6, 20, 21);
  await send(5, 2);
  await send(5, 1.999);
  assert.deepEqual((await rows()).slice(4), [
    [5, 'revised', 0, 1, 2],
    [6, 'revised', 1, 2, 4],
    [7, 'forming', 0, 0, 1],
  ]);
  assert.deepEqual(rejectedOf(await service.audit()), { late: 1 });

  const view = queryRows<Record<string, number>>(dataDir, 'SELECT * FROM aggregated_prices ORDER BY timestamp');
  assert.deepEqual(
    view.map((row) => [row['pair_name'], row['exchange'], ((row['timestamp'] ?? 0) - HOUR_MS) / MINUTE_MS]),
    [0, 1, 2, 3, 5, 6].map((minute) => ['BTCUSDT', 'exchange1', minute]),
  );
  const [first] = view;
  assert.deepEqual([first?.['average_price'], first?.['min_price'], first?.['max_price']], [100.5, 100, 101]);

  // A feed that dies leaves no minute open for ever, and the last one is not complete.
  await feed.close();
  await waitUntil('the clock closes minute 7', async () => (await rows()).at(-1)?.[1] === 'final', 12_000);
  assert.deepEqual((await rows()).at(-1), [7, 'final', 0, 0, 1]);
});
