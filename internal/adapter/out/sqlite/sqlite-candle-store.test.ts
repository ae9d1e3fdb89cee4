import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { MINUTE_MS } from '../../../domain/model/candle.ts';
import { outputOf, runModule } from './child-process.test-kit.ts';
import { candleNo, candlesDelta, manyCandles, T0_MS } from './sample-deltas.test-kit.ts';
import { SqliteCandleStore } from './sqlite-candle-store.ts';

let dir = '';
let path = '';
let store: SqliteCandleStore;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sqlite-store-'));
  path = join(dir, 'marketflow.db');
  store = await SqliteCandleStore.open({ path });
});
afterEach(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

function rows(sql: string): object[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const found = db.prepare(sql).all();
  db.close();
  return found.map((row) => ({ ...row }));
}

test('aggregated_prices shows the closed one-minute rows of live mode', async () => {
  const row = candleNo(0, 2);
  const hidden = [
    { ...row, mode: 'test' as const },
    { ...row, intervalMs: 3_600_000 },
    { ...row, symbol: 'OPEN', state: 'forming' as const },
  ];
  const revised = { ...row, openMs: T0_MS + MINUTE_MS, state: 'revised' as const };
  await store.commit(candlesDelta(2, [row, revised, ...hidden]));
  const shown = { pair_name: 'S0', exchange: 'exchange1', average_price: 1.5, min_price: 0.5, max_price: 2.5 };
  assert.deepEqual(rows('SELECT * FROM aggregated_prices ORDER BY timestamp'), [
    { ...shown, timestamp: T0_MS },
    { ...shown, timestamp: T0_MS + MINUTE_MS },
  ]);
});

test('a person sees intervals as text, and NULL for what is not known', async () => {
  const known = candleNo(1, 1);
  Object.assign(known.bucket, {
    quantityCount: 1,
    volumeHi: 0.1,
    volumeLo: 0.2,
    quoteVolumeHi: 3,
    openId: 0,
    closeId: 7,
  });
  await store.commit(candlesDelta(1, [candleNo(0, 1), known]));
  const columns = 'interval, volume, quote_volume, first_trade_id, last_trade_id, average';
  const nothing = { volume: null, quote_volume: null, first_trade_id: null, last_trade_id: null };
  assert.deepEqual(rows(`SELECT ${columns} FROM candles ORDER BY symbol`), [
    { interval: '1m', ...nothing, average: 1.5 },
    { interval: '1m', volume: 0.1 + 0.2, quote_volume: 3, first_trade_id: 0, last_trade_id: 7, average: 1.5 },
  ]);
});

test('another process reads the last commit while the next one is under way', async () => {
  await store.commit(candlesDelta(1, manyCandles(5000, 1)));
  const reader = runModule(`
import { DatabaseSync } from 'node:sqlite';
const db = new DatabaseSync(${JSON.stringify(path)}, { readOnly: true });
const seen = new Set();
const query = db.prepare('SELECT count(DISTINCT position) AS n, (SELECT position FROM checkpoint) = max(position) AS same FROM candles');
for (let i = 0; i < 40; i++) seen.add(JSON.stringify(query.get()));
console.log([...seen].join(' '));`);
  const done = outputOf(reader);
  let running = true;
  void done.finally(() => {
    running = false;
  });
  for (let position = 2; running; position++) await store.commit(candlesDelta(position, manyCandles(5000, position)));
  assert.deepEqual(await done, { stdout: '{"n":1,"same":1}\n', stderr: '' });
});

test('reads inside this process see nothing of a commit that is under way', async () => {
  await store.commit(candlesDelta(1, manyCandles(100, 1)));
  const commit = store.commit(candlesDelta(2, manyCandles(20_000, 2)));
  const summaries = [];
  for (let i = 0; i < 5; i++) {
    await pause(2);
    summaries.push(await store.summarise('live', 'exchange1', 'S0', T0_MS, T0_MS + 200 * MINUTE_MS));
  }
  assert.equal((await store.load())?.position, 1);
  await commit;
  assert.deepEqual(new Set(summaries.map(({ count }) => count)), new Set([1]));
  assert.equal((await store.load())?.position, 2);
});

test('a lock of another connection is busy, to be tried again', async () => {
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(store.commit(candlesDelta(1, [])), { code: 'busy', severity: 'retry' });
  other.exec('ROLLBACK');
  other.close();
  await store.commit(candlesDelta(1, []));
});

test('too many commits at once are refused, the others are served', async () => {
  const calls = Array.from({ length: 17 }, () => store.commit(candlesDelta(1, [])));
  const results = await Promise.allSettled(calls);
  assert.deepEqual(new Set(results.slice(0, 16).map(({ status }) => status)), new Set(['fulfilled']));
  await assert.rejects(calls[16] ?? Promise.resolve(), { code: 'busy', severity: 'retry' });
});

test('a full file is disk_full, to be tried again, and costs nothing that was there', async () => {
  await store.close();
  store = await SqliteCandleStore.open({ path, maxBytes: 1_000_000 });
  await store.commit(candlesDelta(1, manyCandles(1000, 1)));
  for (let i = 0; i < 3; i++) {
    await assert.rejects(store.commit(candlesDelta(2, manyCandles(20_000, 2))), {
      code: 'disk_full',
      severity: 'retry',
    });
  }
  assert.equal((await store.load())?.position, 1);
  await store.commit(candlesDelta(2, manyCandles(1000, 2)));
  assert.deepEqual(rows('SELECT count(*) AS n, min(position) AS position FROM candles'), [{ n: 1000, position: 2 }]);
});

test('the log does not grow without end', async () => {
  const few = manyCandles(50, 1);
  for (let position = 1; position <= 300; position++) {
    await store.commit(
      candlesDelta(
        position,
        few.map((row) => ({ ...row, position })),
      ),
    );
  }
  await store.commit(candlesDelta(301, manyCandles(20_000, 301)));
  for (let position = 302; position <= 304; position++) await store.commit(candlesDelta(position, few));
  assert.ok((await stat(`${path}-wal`)).size < 16 * 1024 * 1024 + 4096);
  await store.close();
  await assert.rejects(stat(`${path}-wal`), { code: 'ENOENT' });
});

/** Processor time of this thread: what other processes take is not counted. */
function busyMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The longest the thread worked between two turns of the event loop while `work` ran. */
async function longestBlockMs(work: () => Promise<unknown>): Promise<number> {
  let longestMs = 0;
  let lastMs = busyMs();
  let watching = true;
  const look = () => {
    const nowMs = busyMs();
    longestMs = Math.max(longestMs, nowMs - lastMs);
    lastMs = nowMs;
    if (watching) setImmediate(look);
  };
  setImmediate(look);
  await work();
  watching = false;
  await pause(1);
  return longestMs;
}

// The least of several tries: collecting garbage and cold code can only make a block longer.
test('a commit of 20,000 rows and a summary of 100,000 never block the event loop for 20 ms', async () => {
  const blocksMs: number[] = [];
  for (let position = 1; position <= 5; position++) {
    const delta = candlesDelta(position, manyCandles(20_000, position));
    blocksMs.push(await longestBlockMs(() => store.commit(delta)));
  }
  assert.ok(Math.min(...blocksMs) < 20, `commit: ${blocksMs.join(', ')} ms`);
  const minutes = Array.from({ length: 20_000 }, (_, i) => ({ ...candleNo(0, 6), openMs: T0_MS + i * MINUTE_MS }));
  for (let part = 0; part < 5; part++) {
    const shifted = minutes.map((row) => ({ ...row, openMs: row.openMs + part * 20_000 * MINUTE_MS }));
    await store.commit(candlesDelta(6 + part, shifted));
  }
  const toMs = T0_MS + 100_000 * MINUTE_MS;
  const readsMs: number[] = [];
  for (let i = 0; i < 5; i++) {
    readsMs.push(
      await longestBlockMs(async () => {
        assert.equal((await store.summarise('live', 'exchange1', 'S0', T0_MS, toMs)).count, 600_000);
      }),
    );
  }
  assert.ok(Math.min(...readsMs) < 20, `summary: ${readsMs.join(', ')} ms`);
});
