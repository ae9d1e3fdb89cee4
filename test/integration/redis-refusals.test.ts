import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RedisLatestPrices } from '../../internal/adapter/out/redis/redis-latest-prices.ts';
import type { SystemReport } from '../../internal/application/port/out/latest-prices.ts';
import { news, second, tick } from '../contract/latest-prices.contract.ts';
import { connected, openCache } from '../harness/redis-cache.ts';
import { type RedisServer, startRedis } from '../harness/redis-server.ts';
import { waitUntil } from '../harness/wait.ts';

const SOURCE = 'marketflow:{live:exchange1}:source';
const LATEST = 'marketflow:{live:exchange1}:latest';
const SECONDS = `marketflow:{live:exchange1}:1s:BTCUSDT:${second().openMs}`;
const FULL = news({ full: true, latest: [tick()], seconds: [second()] });

async function start(t: TestContext): Promise<{ server: RedisServer; cache: RedisLatestPrices }> {
  const server = await startRedis(t);
  return { server, cache: await connected(openCache(t, server.url)) };
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: { code: string; severity: string }) => {
      assert.equal(error.severity, 'retry');
      return error.code;
    },
  );
}

test('seconds go twelve minutes after their minute began, latest prices never', async (t) => {
  const { server, cache } = await start(t);
  await cache.publish(FULL);
  const leftMs = second().openMs + 720_000 - Date.now();
  const ttlMs = await server.client.pttl(SECONDS);
  assert.ok(Math.abs(ttlMs - leftMs) < 10_000, `${ttlMs} ms`);
  assert.deepEqual([await server.client.pttl(LATEST), await server.client.pttl(SOURCE)], [-1, -1]);
});

test('something foreign under a key of ours is named and left alone; the other keys go on; it heals when it is gone', async (t) => {
  const { server, cache } = await start(t);
  const foreign: [string, () => Promise<unknown>][] = [
    [LATEST, () => server.client.set(LATEST, 'theirs')],
    [SECONDS, () => server.client.rpush(SECONDS, 'theirs')],
    [SOURCE, () => server.client.set(SOURCE, 'theirs')],
    [SOURCE, () => server.client.rpush(SOURCE, 'theirs')],
  ];
  for (const [key, put] of foreign) {
    await server.client.flushall();
    await put();
    const before = await server.client.dump(key);
    assert.deepEqual(await cache.publish(FULL), { outcome: 'done', foreignKeys: [key] });
    assert.equal((await cache.publish({ ...FULL, exchange: 'exchange2' })).foreignKeys.length, 0);
    assert.deepEqual(await server.client.dump(key), before);
    if (key !== SOURCE) {
      assert.equal(await server.client.exists(key === LATEST ? SECONDS : LATEST), 1, 'what belongs under other keys');
    }
    await server.client.del(key);
    assert.deepEqual(await cache.publish(FULL), { outcome: 'done', foreignKeys: [] });
    assert.deepEqual(await cache.latest('live', 'exchange1', 'BTCUSDT'), tick());
  }
  await server.client.rpush('marketflow:current', 'theirs');
  const standing = {
    mode: { mode: 'live', epoch: 1, sinceMs: 1, switched: false } as const,
    exchanges: { live: [], test: [] },
    symbols: [],
  };
  assert.deepEqual(await cache.announce(standing), { outcome: 'done', foreignKeys: ['marketflow:current'] });
  assert.equal(await codeOf(cache.standing()), 'wrong_type');
  const report = { atMs: Date.now() } as SystemReport;
  assert.deepEqual((await cache.report(report)).foreignKeys, []);
  for (const put of [
    () => server.client.set('marketflow:report', 'theirs'),
    () => server.client.lpush('marketflow:report', 'theirs'),
  ]) {
    await server.client.del('marketflow:report');
    await put();
    assert.deepEqual((await cache.report(report)).foreignKeys, ['marketflow:report']);
    assert.equal(await server.client.pttl('marketflow:report'), -1);
  }
  await server.client.del(LATEST);
  await server.client.set(LATEST, 'theirs');
  assert.equal(await codeOf(cache.latest('live', 'exchange1', 'BTCUSDT')), 'wrong_type');
});

test('a server that has gone back in time, as a replica that lagged, is told everything again', async (t) => {
  const { server, cache } = await start(t);
  await cache.publish(FULL);
  const before = await server.client.get(SOURCE);
  assert.equal((await cache.publish(news({ latest: [tick({ position: 6 })] }))).outcome, 'done');
  await server.client.set(SOURCE, before!);
  assert.equal((await cache.publish(news())).outcome, 'lost');
  assert.equal((await cache.publish(FULL)).outcome, 'done');
  await server.client.del(LATEST);
  assert.equal((await cache.publish(news())).outcome, 'lost', 'a part of it is gone');
  assert.equal((await cache.publish(FULL)).outcome, 'done');
  assert.equal((await cache.publish(news())).outcome, 'done');
});

test('what is not of our form reads as nothing', async (t) => {
  const { server, cache } = await start(t);
  await cache.publish(FULL);
  await server.client.hset(LATEST, 'BTCUSDT', 'nonsense', 'ETHUSDT', '1 2 3 x');
  await server.client.hset(SECONDS, '0', 'test 1 2', '61', 'x', 'y', 'z');
  assert.equal(await cache.latest('live', 'exchange1', 'BTCUSDT'), null);
  assert.equal(await cache.latest('live', 'exchange1', 'ETHUSDT'), null);
  const { openMs } = second();
  assert.deepEqual((await cache.seconds('live', 'exchange1', 'BTCUSDT', openMs, openMs + 120_000))?.seconds, []);
  await server.client.set('marketflow:current', '1 a {"mode":3}');
  await server.client.set('marketflow:report', 'not JSON');
  assert.equal(await cache.standing(), null);
  assert.equal(await cache.lastReport(), null);
});

test('every refusal has its code, ends in time, and is over when the server says so', async (t) => {
  const { server, cache } = await start(t);
  const publish = () => cache.publish(FULL);
  const heals = () => waitUntil('it takes news again', async () => (await codeOf(publish())) === 'none');

  await server.client.config('SET', 'maxmemory', '1');
  assert.equal(await codeOf(publish()), 'out_of_memory');
  await server.client.config('SET', 'maxmemory', '0');
  await heals();

  await server.client.replicaof('127.0.0.1', '1');
  assert.equal(await codeOf(publish()), 'readonly');
  await server.client.replicaof('NO', 'ONE');
  await heals();

  await server.client.config('SET', 'maxclients', '1');
  await server.cutClients();
  await waitUntil('it is refused', async () => (await codeOf(publish())) === 'too_many_clients');
  await server.client.config('SET', 'maxclients', '1000');
  await heals();

  await server.client.config('SET', 'requirepass', 'secret');
  await server.cutClients();
  await waitUntil('it is refused', async () => (await codeOf(publish())) === 'authentication');
  await server.client.config('SET', 'requirepass', '');
  await heals();

  server.signal('SIGSTOP');
  for (let k = 0; k < 3; k++) {
    const atMs = performance.now();
    assert.equal(await codeOf(publish()), 'timeout');
    assert.ok(performance.now() - atMs < 2_500, 'it ends after half a second, and some for a busy machine');
  }
  server.signal('SIGCONT');
  await heals();

  await server.kill();
  await waitUntil('it is away', async () => (await codeOf(publish())) === 'unavailable');
  await server.start();
  await heals();
  assert.deepEqual(await cache.latest('live', 'exchange1', 'BTCUSDT'), tick());
});

test('a connection on which nothing comes any more is replaced by a new one', async (t) => {
  const { server, cache } = await start(t);
  await cache.publish(FULL);
  const ownId = await server.client.client('ID');
  const idOf = async () => {
    const ids = [...String(await server.client.call('CLIENT', 'LIST', 'TYPE', 'normal')).matchAll(/^id=(\d+)/gm)];
    return ids.map(([, id]) => Number(id)).find((id) => id !== ownId);
  };
  const before = await idOf();
  assert.ok(before !== undefined);
  server.signal('SIGSTOP');
  const endAtMs = performance.now() + 3_000;
  while (performance.now() < endAtMs) {
    await codeOf(cache.publish(FULL));
    await sleep(100);
  }
  server.signal('SIGCONT');
  await waitUntil('another connection is up', async () => {
    const id = await idOf();
    return id !== undefined && id !== before;
  });
});

test('a later run keeps an earlier one out while it publishes, and no longer', async (t) => {
  const { server, cache: earlier } = await start(t);
  const later = await connected(
    openCache(t, server.url, { run: { startedAtMs: Date.now() + 3_600_000, tag: 'ahead' } }),
  );
  const standing = { mode: { mode: 'live' as const, epoch: 1, sinceMs: 1, switched: false }, symbols: [] };
  const names = { ...standing, exchanges: { live: ['exchange1'], test: [] } };
  const report = { atMs: 1, health: { status: 'ok', sources: [] }, audit: { received: 0 }, symbols: [], exchanges: [] };
  const outcomes = async () => [(await earlier.publish(FULL)).outcome, (await earlier.announce(names)).outcome];
  await later.publish(FULL);
  await later.announce(names);
  for (let round = 0; round < 24; round++) {
    await later.publish({ ...FULL, full: false });
    await later.report({ ...report, atMs: round } as unknown as SystemReport);
    assert.deepEqual(await outcomes(), ['superseded', 'superseded'], `round ${round}`);
    await sleep(500);
  }
  await waitUntil(
    'the earlier one publishes',
    async () => (await outcomes()).every((outcome) => outcome === 'done'),
    30_000,
    250,
  );
  assert.equal((await later.publish(FULL)).outcome, 'superseded');
  assert.equal((await later.announce({ ...names, symbols: ['X'] })).outcome, 'superseded');
});

test('news of any size ends in an answer or an error, and so do calls beside it', async (t) => {
  const { cache } = await start(t);
  const openMs = second().openMs;
  const pairs = Array.from({ length: 3_000 }, (_, k) => `S${k}USDT`);
  const seconds = pairs.flatMap((symbol) =>
    Array.from({ length: 40 }, (_, k) => second({ symbol, openMs: openMs - (openMs % 60_000) + k * 1_000 })),
  );
  const big = news({ full: true, seconds });
  const settled = await Promise.allSettled([cache.standing(), cache.publish(big), cache.lastReport()]);
  for (const one of settled) if (one.status === 'rejected') assert.equal(one.reason.code, 'timeout');
  await waitUntil('the cache answers', async () => (await codeOf(cache.publish(FULL))) === 'none', 20_000);
});
