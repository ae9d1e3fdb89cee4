import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeFolder } from '../harness/data-folder.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { startRedis } from '../harness/redis-server.ts';
import { type HttpAnswer, type Service, startService } from '../harness/service.ts';
import { SteadyFeeds } from '../harness/steady-feeds.ts';
import { waitUntil } from '../harness/wait.ts';

const ANSWER_MS = 2_500;
const FIGURES = ['highest', 'lowest', 'average'];
const PAIRS = ['BTCUSDT', 'exchange1/BTCUSDT', 'exchange2/ETHUSDT', 'tonusdt', 'EXCHANGE1/TONUSDT'];
/** Those with the same edges in both roles. */
const PERIODS = ['?period=90s', '?period=10m', '?period=11m', '?period=1d', ''];
const PATHS = PAIRS.flatMap((pair) =>
  FIGURES.flatMap((figure) => PERIODS.map((period) => `/prices/${figure}/${pair}${period}`)),
);

interface Setting {
  readonly all: Service;
  readonly api: Service;
  readonly feeds: SteadyFeeds;
}

async function timed(service: Service, path: string): Promise<HttpAnswer> {
  const atMs = performance.now();
  const answer = await service.get(path);
  assert.ok(performance.now() - atMs < ANSWER_MS, `${path} took ${performance.now() - atMs} ms`);
  return answer;
}

async function startBoth(t: TestContext, redisUrl: string, postgresUrl: string): Promise<Setting> {
  const feeds = await SteadyFeeds.listen(t);
  const environment = {
    MARKETFLOW_MODE: 'live',
    MARKETFLOW_LIVE_SOURCES: feeds.sources,
    MARKETFLOW_REDIS_URL: redisUrl,
    MARKETFLOW_POSTGRES_URL: postgresUrl,
  };
  const all = await startService(t, { dataDir: makeFolder(t), environment });
  const api = await startService(t, { dataDir: makeFolder(t), environment, args: ['--role', 'api'] });
  return { all, api, feeds };
}

/** Both have said the same about one window; edges move on, so it may take another try. */
async function assertSame({ all, api }: Setting, path: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const [own, read] = await Promise.all([all.get(path), timed(api, path)]);
    assert.deepEqual([own.status, read.status], [200, 200], `${path}: ${read.text}`);
    if (own.json().to !== read.json().to) continue;
    assert.deepEqual(read.json(), own.json(), path);
    return;
  }
  assert.fail(`${path}: the windows never met`);
}

async function assertAlike(setting: Setting): Promise<void> {
  const { all, api } = setting;
  for (const path of PATHS) await assertSame(setting, path);
  for (const pair of PAIRS) {
    const [own, read] = await Promise.all([all.get(`/prices/latest/${pair}`), timed(api, `/prices/latest/${pair}`)]);
    const { ageMs: _, status: __, ...price } = own.json();
    const { ageMs, status: ___, ...readPrice } = read.json();
    assert.deepEqual(readPrice, price);
    assert.ok(ageMs >= 0);
  }
  for (const path of ['/mode', '/v1/audit', '/v1/exchanges']) {
    const isSame = async () => (await api.get(path)).text === (await all.get(path)).text;
    await waitUntil(`${path} is the same`, isSame);
  }
  const { symbols } = (await api.get('/v1/symbols')).json();
  assert.deepEqual(
    symbols.map(({ symbol }: { symbol: string }) => symbol),
    ['BTCUSDT', 'DOGEUSDT', 'TONUSDT', 'SOLUSDT', 'ETHUSDT'],
  );
}

async function codesOf(api: Service, paths: readonly string[]): Promise<string[]> {
  return Promise.all(
    paths.map(async (path) => {
      const answer = await timed(api, path);
      return `${answer.status} ${answer.json().code}`;
    }),
  );
}

const statusOf = async (api: Service) => (await timed(api, '/prices/latest/BTCUSDT')).json().status;
const counts = async (api: Service, period: string) =>
  Promise.all(PAIRS.map(async (pair) => (await timed(api, `/prices/average/${pair}${period}`)).json().count));

test('a process of the role api answers what the one with the pipeline does, and goes on as long as Redis or PostgreSQL answers', async (t) => {
  const redis = await startRedis(t);
  const postgres = await startPostgres(t, { timescale: false });
  const setting = await startBoth(t, redis.url, await postgres.createDatabase());
  const { all, api, feeds } = setting;
  let folded: number[] = [];

  await t.test('the same figures for the same windows, the same latest prices, the same books', async () => {
    await feeds.run();
    await waitUntil('it is live', async () => (await statusOf(api)) === 'live');
    await waitUntil('all is well', async () => (await api.get('/health')).json().status === 'ok');
    await waitUntil('seconds pass', async () => (await all.audit()).counted > 1_500);
    await feeds.pause(all);
    await waitUntil('it is told', async () => {
      const [own, read] = await Promise.all([all, api].map((one) => counts(one, '')));
      return String(own) === String(read);
    });
    await assertAlike(setting);
    folded = await counts(all, '');
    assert.ok(
      folded.every((count) => count > 100),
      String(folded),
    );
  });

  await t.test('questions without an answer say why, and the mode is switched elsewhere', async () => {
    assert.deepEqual(
      await codesOf(api, [
        '/prices/latest/XXX',
        '/prices/latest/nowhere/BTCUSDT',
        '/prices/average/SOLUSDT?period=1h',
        '/prices/latest/SOLUSDT',
        '/prices/highest/BTCUSDT?period=5',
      ]),
      ['404 unknown_symbol', '404 unknown_exchange', '404 no_data', '404 no_data', '400 invalid_period'],
    );
    const refused = await api.post('/mode/test');
    assert.deepEqual([refused.status, refused.json().code], [503, 'unavailable']);
    assert.match(refused.json().detail, /No pipeline runs in this process/);
  });

  await t.test('the pipeline is killed: the same figures, and prices are stale', async () => {
    await waitUntil('all is committed', async () => {
      const { position } = await all.audit();
      return position.checkpoint === position.folded;
    });
    await all.kill();
    await waitUntil('it is noticed', async () => (await statusOf(api)) === 'stale');
    assert.deepEqual(await counts(api, ''), folded);
    assert.deepEqual(await counts(api, '?period=10m'), folded);
    assert.deepEqual(await counts(api, '?period=1h'), folded);
    const { status, cache, sources } = (await api.get('/health')).json();
    assert.deepEqual([status, cache.status], ['degraded', 'degraded'], JSON.stringify(cache));
    assert.deepEqual(
      sources.map(({ state }: { state: string }) => state),
      ['stale', 'stale'],
    );
    assert.deepEqual(await codesOf(api, ['/v1/audit']), ['503 unavailable']);
    assert.equal((await api.get('/readyz')).status, 200);
  });

  await t.test('Redis is frozen, then gone: the store alone answers, in time', async () => {
    redis.signal('SIGSTOP');
    for (let k = 0; k < 6; k++) assert.equal(await statusOf(api), 'stale');
    assert.deepEqual(await counts(api, '?period=10m'), folded);
    await redis.kill();
    await waitUntil('health tells', async () =>
      (await api.get('/health')).json().cache.detail.includes('cannot be reached'),
    );
    const latest = (await timed(api, '/prices/latest/exchange1/BTCUSDT')).json();
    assert.deepEqual([latest.exchange, latest.status], ['exchange1', 'stale']);
    assert.deepEqual(await counts(api, ''), folded);
    const { from, to, count } = (await timed(api, '/prices/highest/BTCUSDT?period=5m')).json();
    assert.deepEqual([from % 60_000, count], [0, folded[0]]);
    assert.equal(to, (await timed(api, '/prices/highest/BTCUSDT')).json().to, 'just behind the newest tick');
    assert.deepEqual(await codesOf(api, ['/prices/latest/XXX']), ['404 unknown_symbol']);
  });

  await t.test('nobody answers: unavailable, in time; what comes back answers', async () => {
    postgres.signal('SIGSTOP');
    const silent = ['/prices/latest/BTCUSDT', '/prices/average/BTCUSDT?period=5m', '/prices/average/BTCUSDT'];
    assert.deepEqual(new Set(await codesOf(api, silent)), new Set(['503 unavailable']));
    await waitUntil('it is down', async () => (await api.get('/health')).status === 503);
    assert.equal((await api.get('/readyz')).status, 503);
    postgres.signal('SIGCONT');
    await waitUntil('it answers', async () => (await api.get('/prices/latest/BTCUSDT')).status === 200);
    assert.deepEqual(await counts(api, '?period=1h'), folded);
    await redis.start();
    await waitUntil(
      'Redis is empty',
      async () => (await api.get('/health')).json().cache.detail?.includes('nothing is published') === true,
    );
    assert.deepEqual(await counts(api, '?period=1h'), folded);
  });
  assert.deepEqual(await api.stop(), { code: 0, signal: null });
  assert.equal(api.stderr, '');
  assert.deepEqual(
    api.logLines().filter(({ level }) => Number(level) >= 50),
    [],
  );
});

test('a mode that is switched elsewhere is soon known, and prices are those of its feeds', async (t) => {
  const redis = await startRedis(t);
  const environment = { MARKETFLOW_REDIS_URL: redis.url, MARKETFLOW_LIVE_SOURCES: 'elsewhere=tcp://127.0.0.1:9' };
  const all = await startService(t, { dataDir: makeFolder(t), environment });
  const api = await startService(t, { dataDir: makeFolder(t), environment, args: ['--role', 'api'] });
  await waitUntil('it is live', async () => (await api.get('/health')).json().status === 'ok');
  await waitUntil('there are prices', async () => (await api.get('/prices/latest/exchange3/BTCUSDT')).status === 200);
  const switched = (await all.post('/mode/live')).text;
  await waitUntil('the switch is seen', async () => (await api.get('/mode')).text === switched);
  const paths = [
    '/prices/latest/exchange3/BTCUSDT',
    '/prices/latest/elsewhere/BTCUSDT',
    '/prices/average/BTCUSDT?period=1m',
  ];
  assert.deepEqual(await codesOf(api, paths), ['404 unknown_exchange', '404 no_data', '404 no_data']);
});

test('an api that starts on PostgreSQL alone knows mode and names from the candles', async (t) => {
  const postgres = await startPostgres(t, { timescale: false });
  const url = await postgres.createDatabase();
  const feeds = await SteadyFeeds.listen(t);
  const environment = { MARKETFLOW_POSTGRES_URL: url };
  const api = await startService(t, { dataDir: makeFolder(t), environment, args: ['--role', 'api'] });
  assert.deepEqual(await codesOf(api, ['/prices/latest/BTCUSDT']), ['503 unavailable']);
  const all = await startService(t, {
    dataDir: makeFolder(t),
    environment: { ...environment, MARKETFLOW_MODE: 'live', MARKETFLOW_LIVE_SOURCES: feeds.sources },
  });
  await feeds.run();
  await waitUntil('it answers', async () => (await api.get('/prices/latest/BTCUSDT')).status === 200);
  await feeds.pause(all);
  await waitUntil('it has all', async () => {
    const [own, read] = await Promise.all([all, api].map((one) => one.get('/prices/average/exchange2/ETHUSDT')));
    return own?.text === read?.text;
  });
  assert.equal(await statusOf(api), 'stale');
  assert.equal((await api.get('/mode')).json().mode, 'live');
  assert.deepEqual((await api.get('/health')).json().cache, { kind: 'none', status: 'ok' });
});
