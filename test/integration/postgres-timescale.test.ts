import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import type { PostgresOptions } from '../../internal/adapter/out/postgres/open-database.ts';
import { PostgresCandleStore } from '../../internal/adapter/out/postgres/postgres-candle-store.ts';
import { candle, delta, source } from '../contract/candle-store-samples.ts';
import { atEnd } from '../harness/clean-up.ts';
import { startPostgres } from '../harness/postgres-server.ts';

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Sixty days ago, on a minute. */
const OLD_MS = Math.floor((Date.now() - 60 * DAY_MS) / MINUTE_MS) * MINUTE_MS;

const server = await startPostgres({ after });
const skip = server.hasTimescale ? false : 'TimescaleDB is not installed beside this PostgreSQL';
if (skip) process.stdout.write(`# ${skip}: these tests are left out\n`);

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

async function opened(
  t: TestContext,
  url: string,
  changes: Partial<PostgresOptions> = {},
): Promise<PostgresCandleStore> {
  const store = await PostgresCandleStore.open({
    ...{ url, schema: 'market', poolSize: 2, log: { id: 'log', isEmpty: true }, nowMs: Date.now },
    ...{ compressAfterMs: 7 * DAY_MS, retentionMs: null },
    ...changes,
  });
  atEnd(t, () => store.close());
  return store;
}

const series = { mode: 'live', exchange: 'exchange1', symbol: 'BTCUSDT', intervalMs: MINUTE_MS } as const;
const everything = { ...series, fromMs: 0, toMs: Infinity, limit: 100_000, order: 'asc' } as const;
const minutes = (count: number, position: number) =>
  Array.from({ length: count }, (_, i) => candle({ openMs: OLD_MS + i * MINUTE_MS, position }));

async function chunks(url: string): Promise<{ compressed: number; all: number }> {
  const [row] = await server.query(
    `SELECT count(*)::int AS "all", count(*) FILTER (WHERE is_compressed)::int AS compressed
     FROM timescaledb_information.chunks WHERE hypertable_schema = 'market' AND hypertable_name = 'candles'`,
    databaseOf(url),
  );
  return { all: Number(row?.['all']), compressed: Number(row?.['compressed']) };
}

const runPolicy = (url: string, name: string) =>
  server.query(
    `DO $$ DECLARE job int; BEGIN
       SELECT job_id INTO STRICT job FROM timescaledb_information.jobs
       WHERE hypertable_schema = 'market' AND hypertable_name = 'candles' AND proc_name = '${name}';
       CALL public.run_job(job); END $$`,
    databaseOf(url),
  );

test('candles are in chunks, old ones are compressed, and late revisions get in all the same', { skip }, async (t) => {
  const url = await server.createDatabase();
  const store = await opened(t, url);
  assert.match(store.features['timescale'] ?? '', /^2\.\d+/);
  assert.deepEqual([store.features['compressAfter'], store.missing], ['7d', null]);
  await store.commit(delta(1, { candles: minutes(15_000, 1), sources: [source()] }));
  await runPolicy(url, 'policy_compression');
  const { all, compressed } = await chunks(url);
  assert.ok(all >= 2 && compressed === all, `${compressed} of ${all} chunks`);
  const revised = candle({ openMs: OLD_MS + 77 * MINUTE_MS, position: 3, revision: 1, state: 'revised' });
  const older = candle({ openMs: OLD_MS + 78 * MINUTE_MS, position: 0, revision: 9 });
  const added = candle({ openMs: OLD_MS - MINUTE_MS, position: 3 });
  await store.commit(delta(3, { candles: [revised, older, added] }));
  const wanted = [added, ...minutes(15_000, 1)].map((row) => (row.openMs === revised.openMs ? revised : row));
  assert.deepEqual(await store.candles(everything), wanted);
  await store.commit(delta(4, { candles: minutes(15_000, 4) }));
  assert.deepEqual(await store.candles(everything), [added, ...minutes(15_000, 4)]);
  const total = await store.summarise('live', 'exchange1', 'BTCUSDT', 0, Infinity);
  assert.equal(total.count, 15_001);
  const ofSource = { mode: 'live', exchange: 'exchange1', intervalMs: MINUTE_MS } as const;
  await store.commit(delta(5, { expiredCandles: [{ ...ofSource, beforeMs: OLD_MS + 10 * MINUTE_MS }] }));
  assert.equal((await store.candles(everything)).length, 14_990);
});

test('both policies follow the settings at each start, without a migration', { skip }, async (t) => {
  const url = await server.createDatabase();
  const shown = async (changes: Partial<PostgresOptions>) => {
    const store = await opened(t, url, changes);
    const jobs = await server.query(
      `SELECT coalesce(config ->> 'compress_after', config ->> 'drop_after') AS after
       FROM timescaledb_information.jobs WHERE hypertable_name = 'candles' ORDER BY proc_name`,
      databaseOf(url),
    );
    const { compressAfter, retention } = store.features;
    await store.close();
    return { compressAfter, retention, jobs: jobs.map((job) => Number(job['after'])) };
  };
  assert.deepEqual(await shown({}), { compressAfter: '7d', retention: 'off', jobs: [7 * DAY_MS] });
  const both = { compressAfterMs: DAY_MS, retentionMs: 30 * DAY_MS };
  const wanted = { compressAfter: '1d', retention: '30d', jobs: [DAY_MS, 30 * DAY_MS] };
  assert.deepEqual(await shown(both), wanted);
  assert.deepEqual(await shown(both), wanted);
  assert.deepEqual(await shown({ compressAfterMs: null }), { compressAfter: 'off', retention: 'off', jobs: [] });
});

test('retention drops old chunks', { skip }, async (t) => {
  const url = await server.createDatabase();
  const store = await opened(t, url, { retentionMs: 30 * DAY_MS });
  const fresh = candle({ openMs: Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS });
  await store.commit(delta(1, { candles: [...minutes(100, 1), fresh] }));
  await runPolicy(url, 'policy_retention');
  assert.deepEqual(await store.candles(everything), [fresh]);
});

test('a plain table becomes a hypertable when the extension comes, with what is in it', { skip }, async (t) => {
  const url = await server.createDatabase();
  const plain = await opened(t, url, { useTimescale: false });
  await plain.commit(delta(1, { candles: minutes(3_000, 1) }));
  await plain.close();
  assert.equal(plain.features['timescale'], 'off');
  const store = await opened(t, url);
  assert.notEqual(store.features['timescale'], 'off');
  assert.deepEqual(await store.candles(everything), minutes(3_000, 1));
  assert.ok((await chunks(url)).all >= 1);
  const reader = await opened(t, url, { log: null });
  assert.deepEqual(reader.features, store.features);
});

test('who may not create the extension goes on without, and says so', { skip }, async (t) => {
  await server.query("CREATE ROLE humble LOGIN PASSWORD 'x'");
  const url = await server.createDatabase();
  await server.query('CREATE SCHEMA market AUTHORIZATION humble', databaseOf(url));
  const store = await opened(t, server.urlOf(databaseOf(url), 'humble', 'x'));
  assert.match(store.missing ?? '', /can't be created: .*permission denied/);
  await store.commit(delta(1, { candles: minutes(10, 1) }));
  assert.equal((await store.candles(everything)).length, 10);
});
