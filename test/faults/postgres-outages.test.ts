import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { STATEMENT_MS } from '../../internal/adapter/out/postgres/checkpoint-writer.ts';
import { assertBalanced } from '../harness/candle-check.ts';
import { atEnd } from '../harness/clean-up.ts';
import {
  assertPricesAnswer,
  type MarketPlan,
  PostgresMarket,
  storageOf,
  untilCommitted,
  untilStorageIs,
} from '../harness/postgres-market.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { establishedSockets } from '../harness/process-sockets.ts';
import type { Service } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

const POOL_SIZE = 3;
const FROZEN_MS = 10_000;
/** `MARKETFLOW_TEST_OUTAGE_S=300` is the outage that the figures in the README are of. */
const OUTAGE_MS = Number(process.env['MARKETFLOW_TEST_OUTAGE_S'] ?? 20) * 1_000;
const OUTAGE_TICKS_PER_SECOND = 10_000;
const ANSWER_MAX_MS = 2_500;
const RECOVERY_MAX_MS = 6_000;
const MIB = 1024 * 1024;

const server = await startPostgres({ after }, { timescale: false });
const port = Number(new URL(server.url).port);

async function openMarket(t: TestContext, plan: Partial<MarketPlan> = {}): Promise<[PostgresMarket, Service]> {
  const database = `market_${Math.random().toString(36).slice(2)}`;
  await server.createDatabase(database);
  const environment = {
    MARKETFLOW_POSTGRES_POOL_SIZE: String(POOL_SIZE),
    ...plan.environment,
  };
  const market = await PostgresMarket.open(t, {
    server,
    database,
    ticksPerSecond: 1_000,
    seed: 1,
    ...plan,
    environment,
  });
  const service = await market.start();
  await untilCommitted(service);
  return [market, service];
}

/** Questions that only the store can answer, many at a time: all are answered in time. Returns the statuses. */
async function askTheStore(service: Service): Promise<Set<number>> {
  const ask = async () => {
    const fromMs = performance.now();
    const { status } = await service.get('/prices/highest/BTCUSDT?period=30d');
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs < ANSWER_MAX_MS, `answered after ${tookMs} ms`);
    return status;
  };
  return new Set(await Promise.all(Array.from({ length: 4 * POOL_SIZE }, ask)));
}

/** Readers, too, go on soon. */
function untilItAnswers(service: Service): Promise<void> {
  const answers = async () => !(await askTheStore(service)).has(503);
  return waitUntil('the store answers', answers, RECOVERY_MAX_MS);
}

test('PostgreSQL killed and away: intake and prices go on, memory is bounded, it catches up when it is back', async (t) => {
  const [market, service] = await openMarket(t, { ticksPerSecond: OUTAGE_TICKS_PER_SECOND / 3 });
  const beforeBytes = service.rssBytes();
  await server.kill();
  const down = await untilStorageIs(service, 'degraded');
  assert.match(
    down.detail ?? '',
    /^127\.0\.0\.1:\d+\/\w+: .*(ECONNREFUSED|CONNECTION_CLOSED|ECONNRESET|no connection|closed)/,
  );
  const downSince = (await service.audit()).received;
  const endAtMs = performance.now() + OUTAGE_MS;
  let mostBytes = 0;
  while (performance.now() < endAtMs) {
    await assertPricesAnswer(service);
    assert.deepEqual(await askTheStore(service), new Set([503]));
    mostBytes = Math.max(mostBytes, service.rssBytes());
    await sleep(500);
  }
  const away = await service.audit();
  assertBalanced(away);
  const accepted = away.received - downSince;
  assert.ok(accepted > (OUTAGE_TICKS_PER_SECOND * OUTAGE_MS) / 1_000 / 2, `only ${accepted} ticks in the outage`);
  await server.start();
  const backAtMs = performance.now();
  await untilCommitted(service, Math.max(RECOVERY_MAX_MS, OUTAGE_MS / 10));
  const caughtUpMs = Math.round(performance.now() - backAtMs);
  assert.equal((await storageOf(service)).status, 'ok');
  await untilItAnswers(service);
  const { candles } = await market.settle(service);
  const grownMiB = Math.round((mostBytes - beforeBytes) / MIB);
  assert.ok(grownMiB < 100, `memory grew by ${grownMiB} MiB`);
  t.diagnostic(
    `${OUTAGE_MS / 1_000} s away, ${accepted} ticks accepted meanwhile, caught up after ${caughtUpMs} ms, +${grownMiB} MiB, ${candles} candles`,
  );
});

test('a frozen PostgreSQL: readers are answered in time, no connection leaks, it goes on soon after the thaw', async (t) => {
  const [market, service] = await openMarket(t);
  assert.deepEqual(await askTheStore(service), new Set([200]));
  server.signal('SIGSTOP');
  const thawAtMs = performance.now() + FROZEN_MS;
  try {
    let isDegraded = false;
    while (performance.now() < thawAtMs) {
      const [statuses] = await Promise.all([askTheStore(service), assertPricesAnswer(service)]);
      assert.deepEqual(statuses, new Set([503]));
      const connections = establishedSockets(service.pid, port);
      assert.ok(connections <= POOL_SIZE + 1, `${connections} connections`);
      isDegraded ||= (await storageOf(service)).status === 'degraded';
    }
    assert.ok(isDegraded);
  } finally {
    server.signal('SIGCONT');
  }
  await untilCommitted(service, RECOVERY_MAX_MS);
  await untilItAnswers(service);
  assert.ok(establishedSockets(service.pid, port) <= POOL_SIZE + 1);
  await market.settle(service);
});

test('a stop while PostgreSQL is frozen is a clean one, also when a commit gives up in the middle of it', async (t) => {
  const [market, service] = await openMarket(t);
  server.signal('SIGSTOP');
  atEnd(t, () => server.signal('SIGCONT'));
  // The commit that is under way ends when the store is already being closed.
  await sleep(STATEMENT_MS - 3_000);
  assert.deepEqual(await service.stop(), { code: 0, signal: null }, service.stderr);
  assert.equal(service.stderr, '');
  server.signal('SIGCONT');
  const again = await market.start();
  await untilCommitted(again);
  await market.settle(again);
});

test('PostgreSQL that only reads: nothing is lost, and it writes again when it may', async (t) => {
  const [market, service] = await openMarket(t);
  await server.query("ALTER SYSTEM SET default_transaction_read_only = 'on'");
  await server.query('SELECT pg_reload_conf()');
  try {
    const storage = await untilStorageIs(service, 'degraded');
    assert.match(storage.detail ?? '', /\(25006\)$/);
    assert.deepEqual(await askTheStore(service), new Set([200]));
    await assertPricesAnswer(service);
  } finally {
    await server.query('ALTER SYSTEM RESET default_transaction_read_only');
    await server.query('SELECT pg_reload_conf()');
  }
  await untilCommitted(service);
  await market.settle(service);
});

test('no connection is left on the server, then a deadlock: both are tried again', async (t) => {
  await server.query("CREATE ROLE trader LOGIN PASSWORD 'secret' CONNECTION LIMIT 3");
  await server.query('CREATE DATABASE limited OWNER trader');
  const url = server.urlOf('limited', 'trader', 'secret');
  const environment = { MARKETFLOW_POSTGRES_POOL_SIZE: '2' };
  const market = await PostgresMarket.open(t, {
    ...{ server, database: 'limited', url, ticksPerSecond: 1_000, seed: 4, environment },
  });
  const service = await market.start();
  await untilCommitted(service);

  await server.query('ALTER ROLE trader CONNECTION LIMIT 0');
  await server.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'trader'");
  const refused = await untilStorageIs(service, 'degraded');
  assert.match(refused.detail ?? '', /\(53300\)$|closed|terminat/i);
  assert.deepEqual(await askTheStore(service), new Set([503]));
  await server.query('ALTER ROLE trader CONNECTION LIMIT 3');
  await untilCommitted(service);

  // Its check comes a second after it began to wait, ours not in a minute: it is the one that gives up.
  const deadlock = server.query(
    `SET deadlock_timeout = '60s'; SET lock_timeout = '15s'; BEGIN;
     SELECT "position" FROM checkpoint FOR UPDATE;
     DO $$ BEGIN WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) LOOP
       PERFORM pg_sleep(0.01); END LOOP; END $$;
     SELECT epoch FROM owner FOR UPDATE; COMMIT`,
    'limited',
  );
  const stuck = await untilStorageIs(service, 'degraded');
  assert.match(stuck.detail ?? '', /\(40P01\)$/);
  await deadlock;
  await untilCommitted(service);
  await market.settle(service);
});
