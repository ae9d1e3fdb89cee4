import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chownSync, statSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { parseAddress } from '../../internal/adapter/out/postgres/address.ts';
import { Link } from '../../internal/adapter/out/postgres/link.ts';
import { checkMigrations, migrate } from '../../internal/adapter/out/postgres/migrate.ts';
import { MIGRATIONS } from '../../internal/adapter/out/postgres/migrations.ts';
import type { PostgresOptions } from '../../internal/adapter/out/postgres/open-database.ts';
import { PostgresCandleStore } from '../../internal/adapter/out/postgres/postgres-candle-store.ts';
import { candle, delta, source, T0_MS } from '../contract/candle-store-samples.ts';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder, queryRows } from '../harness/data-folder.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { spawnService, startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

const PASSWORD = 'not-for-logs';
const server = await startPostgres({ after }, { timescale: false });
await server.query(`CREATE ROLE guest LOGIN PASSWORD '${PASSWORD}'`);

const OPTIONS = { schema: 'public', poolSize: 2, compressAfterMs: null, retentionMs: null, nowMs: Date.now };
const LOG = { id: 'log', isEmpty: true };

function open(url: string, changes: Partial<PostgresOptions> = {}): Promise<PostgresCandleStore> {
  return PostgresCandleStore.open({ url, log: LOG, ...OPTIONS, ...changes });
}

async function opened(
  t: TestContext,
  url: string,
  changes: Partial<PostgresOptions> = {},
): Promise<PostgresCandleStore> {
  const store = await open(url, changes);
  atEnd(t, () => store.close());
  return store;
}

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

test('ten that start at once migrate once, and one of them may write', async () => {
  const url = await server.createDatabase();
  const stores = await Promise.all(Array.from({ length: 10 }, () => open(url, { schema: 'market' })));
  const applied = await server.query('SELECT version, name FROM market.schema_migrations ORDER BY 1', databaseOf(url));
  assert.deepEqual(
    applied,
    MIGRATIONS.map(({ version, name }) => ({ version, name })),
  );
  const outcomes = await Promise.allSettled(stores.map((store) => store.commit(delta(1))));
  const codes = outcomes.map((outcome) => (outcome.status === 'fulfilled' ? 'written' : outcome.reason.code));
  assert.deepEqual(codes.toSorted(), [...Array(9).fill('fenced'), 'written']);
  const [owner] = await server.query('SELECT epoch::int FROM market.owner', databaseOf(url));
  assert.equal(owner?.['epoch'], 10);
  await Promise.all(stores.map((store) => store.close()));
});

test('refuses a schema that is newer, and one whose migration was edited', async () => {
  const newer = await server.createDatabase();
  await (await open(newer)).close();
  const insert = "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'x', 'y')";
  await server.query(insert, databaseOf(newer));
  await assert.rejects(open(newer), { code: 'newer_format', severity: 'fatal', message: /schema 99 is newer/ });
  const edited = await server.createDatabase();
  await (await open(edited)).close();
  await server.query("UPDATE schema_migrations SET checksum = 'y' WHERE version = 2", databaseOf(edited));
  await assert.rejects(open(edited), {
    code: 'corrupt_schema',
    severity: 'fatal',
    message: /migration 2 \(checkpoint\)/,
  });
});

test('a migration that fails leaves nothing, those before it stay; some run outside a transaction', async (t) => {
  const address = parseAddress(await server.createDatabase());
  const [host] = address.servers;
  assert.ok(host);
  const link = new Link({ address, server: host, parameters: {} });
  atEnd(t, () => link.close());
  const sound = { version: 1, name: 'sound', sql: 'CREATE TABLE a (x int)' };
  const broken = { version: 2, name: 'broken', sql: 'CREATE TABLE b (x int); CREATE TABLE a (x int)' };
  await assert.rejects(migrate(link, [sound, broken], 'test'), { code: 'internal', sqlState: '42P07' });
  assert.equal(await checkMigrations(link, [sound, broken], 'test'), 1);
  const mended = { ...broken, sql: 'CREATE TABLE b (x int)' };
  const outside = {
    version: 3,
    name: 'outside',
    sql: 'CREATE INDEX CONCURRENTLY i ON a (x)',
    outsideTransaction: true,
  } as const;
  await migrate(link, [sound, mended, outside], 'test');
  assert.equal(await checkMigrations(link, [sound, mended, outside], 'test'), 3);
});

test('another data folder takes over only with an empty log', async (t) => {
  const url = await server.createDatabase();
  const first = await opened(t, url);
  await first.commit(delta(5, { sources: [source()], candles: [candle({ position: 5 })] }));
  const other = { id: 'other', isEmpty: false };
  await assert.rejects(open(url, { log: other }), { code: 'other_log', severity: 'fatal' });
  await first.commit(delta(6));
  const second = await opened(t, url, { log: { ...other, isEmpty: true } });
  assert.equal((await second.load())?.position, 6);
  await assert.rejects(first.commit(delta(7)), { code: 'fenced', severity: 'fatal' });
  await second.commit(delta(7));
  await assert.rejects(open(url, { log: { ...LOG, isEmpty: false } }), { code: 'other_log' });
});

test('a reader needs no right to write and takes nothing over', async (t) => {
  const url = await server.createDatabase();
  const writer = await opened(t, url);
  await writer.commit(delta(1, { sources: [source()], candles: [candle()] }));
  await server.query('GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest', databaseOf(url));
  const guest = server.urlOf(databaseOf(url), 'guest', PASSWORD);
  const reader = await opened(t, guest, { log: null });
  assert.deepEqual(await reader.newest('live'), [candle()]);
  await assert.rejects(reader.commit(delta(2)), { code: 'reader' });
  await writer.commit(delta(2));
});

test('without TimescaleDB old candles are dropped by age all the same', async (t) => {
  const url = await server.createDatabase();
  const first = await open(url);
  const candles = Array.from({ length: 3_000 }, (_, i) => candle({ openMs: T0_MS + i * 60_000 }));
  await first.commit(delta(1, { candles }));
  await first.close();
  const retentionMs = 60_000_000;
  const store = await opened(t, url, { retentionMs, nowMs: () => T0_MS + 1_000 * 60_000 + retentionMs });
  const range = { mode: 'live', exchange: 'exchange1', symbol: 'BTCUSDT', intervalMs: 60_000 } as const;
  const left = () => store.candles({ ...range, fromMs: 0, toMs: Infinity, limit: 10_000, order: 'asc' });
  await waitUntil('old candles are gone', async () => (await left()).length === 2_000);
  assert.deepEqual(await left(), candles.slice(1_000));
  assert.equal(store.features['retention'], '1000m');
});

test('of several servers the first that answers is used', async (t) => {
  const url = await server.createDatabase();
  const { host } = new URL(url);
  const store = await opened(t, url.replace(host, `127.0.0.1:1,${host}`));
  await store.commit(delta(1, { candles: [candle()] }));
  assert.deepEqual(await store.newest('live'), [candle()]);
});

test('the view shows final minutes of live mode with their time', async (t) => {
  const url = await server.createDatabase();
  const store = await opened(t, url);
  const hidden = [
    candle({ mode: 'test' }),
    candle({ symbol: 'OPEN', state: 'forming' }),
    candle({ intervalMs: 1_000 }),
  ];
  await store.commit(delta(1, { candles: [candle({ state: 'revised' }), ...hidden] }));
  const rows = await server.query(
    `SELECT *, pg_typeof("timestamp")::text AS type FROM aggregated_prices`,
    databaseOf(url),
  );
  const prices = { average_price: 67_321.5, min_price: 67_321.5, max_price: 67_321.5 };
  assert.deepEqual(rows, [
    {
      ...{ pair_name: 'BTCUSDT', exchange: 'exchange1', timestamp: new Date(T0_MS), ...prices },
      type: 'timestamp with time zone',
    },
  ]);
});

/** The process refuses to start: its exit code, and the one line that it says. */
async function refusalOf(t: TestContext, url: string, environment: Readonly<Record<string, string>> = {}) {
  const service = spawnService(t, {
    dataDir: makeFolder(t),
    environment: { MARKETFLOW_POSTGRES_URL: url, ...environment },
  });
  const { code } = await service.ended;
  assert.equal(service.stderr.trimEnd().split('\n').length, 1, service.stderr);
  assert.doesNotMatch(service.stderr + service.stdout, new RegExp(PASSWORD));
  return { code, line: service.stderr };
}

test('the process says why it can’t start, and with which code', async (t) => {
  const database = databaseOf(await server.createDatabase());
  const at = (user: string, password: string, name = database) => server.urlOf(name, user, password);
  const newer = await server.createDatabase();
  await (await open(newer)).close();
  await server.query("INSERT INTO schema_migrations VALUES (99, 'x', 'y')", databaseOf(newer));
  const [password, unknown, rights, schema, format, tls] = await Promise.all([
    refusalOf(t, at('guest', `${PASSWORD}x`)),
    refusalOf(t, at('guest', PASSWORD, 'nowhere')),
    refusalOf(t, at('guest', PASSWORD)),
    refusalOf(t, at('guest', PASSWORD), { MARKETFLOW_POSTGRES_SCHEMA: 'mine' }),
    refusalOf(t, newer),
    refusalOf(t, `${at('guest', PASSWORD)}?sslmode=verify-full`),
  ]);
  assert.deepEqual(
    [password.code, unknown.code, rights.code, schema.code, format.code, tls.code],
    [69, 69, 69, 69, 78, 69],
  );
  assert.match(password.line, /^marketflow: 127\.0\.0\.1:\d+\/test_\d+: password authentication failed .*\(28P01\)$/m);
  assert.match(unknown.line, /database "nowhere" does not exist \(3D000\)$/m);
  assert.match(rights.line, /permission denied for schema public \(42501\)$/m);
  assert.match(schema.line, /permission denied for database test_\d+ \(42501\)$/m);
  assert.match(tls.line, /does not speak TLS, and sslmode asks for it$/m);
  assert.match(format.line, /schema 99 is newer than this program's \d+$/m);
});

test('a server that is not there, or does not answer, is tried for ten seconds', async (t) => {
  const silent = createServer((socket: Socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => silent.close());
  const { port } = silent.address() as { port: number };
  const fromMs = performance.now();
  const [nobody, mute] = await Promise.all([
    refusalOf(t, `postgres://guest:${PASSWORD}@127.0.0.1:1/x`),
    refusalOf(t, `postgres://guest:${PASSWORD}@127.0.0.1:${port}/x`),
  ]);
  assert.ok(performance.now() - fromMs > 8_000);
  assert.deepEqual([nobody.code, mute.code], [69, 69]);
  assert.match(nobody.line, /127\.0\.0\.1:1\/x: .*ECONNREFUSED/);
  assert.match(mute.line, /no answer within \d+ ms/);
});

test('a data folder of SQLite goes on over PostgreSQL: candles and books move, once', async (t) => {
  const dataDir = makeFolder(t);
  const environment = { MARKETFLOW_MODE: 'test', MARKETFLOW_CANDLES_FLUSH_INTERVAL: '200ms' };
  const before = await startService(t, { dataDir, environment });
  await waitUntil('ticks are counted', async () => (await before.audit()).counted > 50);
  assert.deepEqual(await before.stop(), { code: 0, signal: null });
  const stored = queryRows<{ ticks: number }>(dataDir, "SELECT sum(count) AS ticks FROM candles WHERE interval = '1m'");

  const url = await server.createDatabase();
  const after = await startService(t, { dataDir, environment: { ...environment, MARKETFLOW_POSTGRES_URL: url } });
  const audit = await after.audit();
  assert.ok(audit.balanced);
  assert.ok(audit.counted >= (stored[0]?.ticks ?? Infinity));
  assert.deepEqual(await after.stop(), { code: 0, signal: null });
  const select = `SELECT sum(count)::float8 AS ticks FROM candles WHERE "interval" = '1m'`;
  const [moved] = await server.query(select, databaseOf(url));
  assert.ok(Number(moved?.['ticks']) >= audit.counted);

  const again = await startService(t, { dataDir, environment: { ...environment, MARKETFLOW_POSTGRES_URL: url } });
  assert.doesNotMatch(again.stdout, /moving candles/);
  assert.ok((await again.audit()).balanced);
  await again.kill();
});

test('TLS: what sslmode asks for is what is had', async (t) => {
  const secure = await startPostgres(t, { timescale: false });
  const [key, certificate] = [join(secure.dataFolder, 'server.key'), join(secure.dataFolder, 'server.crt')];
  try {
    const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'];
    const names = ['-addext', 'subjectAltName=DNS:localhost'];
    execFileSync('openssl', [...request, ...names, '-keyout', key, '-out', certificate], { stdio: 'pipe' });
  } catch {
    t.skip('there is no openssl to make a certificate with');
    return;
  }
  const { uid, gid } = statSync(secure.dataFolder);
  for (const path of [key, certificate]) chownSync(path, uid, gid);
  await secure.restartWith({ ssl: 'on' });
  const url = await secure.createDatabase();
  const byName = url.replace('127.0.0.1', 'localhost');
  for (const good of [
    `${url}?sslmode=require`,
    `${url}?sslmode=prefer`,
    `${byName}?sslmode=verify-full&sslrootcert=${certificate}`,
  ]) {
    const store = await open(good);
    assert.equal(await store.load(), null);
    const [now] = await secure.query(
      'SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = $$marketflow$$',
    );
    assert.equal(now?.['ssl'], true, good);
    await store.close();
  }
  for (const bad of [`${byName}?sslmode=verify-full`, `${url}?sslmode=verify-full&sslrootcert=${certificate}`]) {
    await assert.rejects(open(bad), { code: 'certificate', severity: 'fatal' }, bad);
  }
});
