import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RedisLatestPrices } from '../../internal/adapter/out/redis/redis-latest-prices.ts';
import { news, second, tick } from '../contract/latest-prices.contract.ts';
import { connected, openCache } from '../harness/redis-cache.ts';
import { type RedisServer, startRedis } from '../harness/redis-server.ts';
import { waitUntil } from '../harness/wait.ts';

async function roundTrip(cache: RedisLatestPrices, exchange = 'exchange1'): Promise<void> {
  const told = await cache.publish(news({ exchange, full: true, latest: [tick()], seconds: [second()] }));
  assert.deepEqual(told, { outcome: 'done', foreignKeys: [] });
  assert.deepEqual((await cache.publish(news({ exchange }))).outcome, 'done');
  assert.deepEqual(await cache.latest('live', exchange, 'BTCUSDT'), tick());
  assert.deepEqual(
    (await cache.seconds('live', exchange, 'BTCUSDT', second().openMs, second().openMs + 1_000))?.seconds,
    [second()],
  );
}

const failureOf = (cache: RedisLatestPrices) =>
  cache.standing().then(
    () => 'none',
    (error: { code: string }) => error.code,
  );

test('a password, a user and a database number are used', async (t) => {
  const server = await startRedis(t, { password: 'p@ss/w:rd' });
  await roundTrip(await connected(openCache(t, `${server.url}/3`)));
  assert.equal(await server.client.dbsize(), 0);
  await server.client.select(3);
  assert.equal(await server.client.exists('marketflow:{live:exchange1}:latest'), 1);
  await server.client.acl(
    'SETUSER',
    'flow',
    'on',
    '>secret',
    ...'~marketflow:* +@read +@write +@scripting +info +ping +select'.split(' '),
  );
  await roundTrip(await connected(openCache(t, `redis://flow:secret@127.0.0.1:${server.port}/3`)), 'exchange2');
});

test('a wrong password is told as such, without the password, and the right one is taken later', async (t) => {
  const server = await startRedis(t, { password: 'right' });
  const cache = openCache(t, `redis://:hunter2@127.0.0.1:${server.port}`);
  await waitUntil('it is refused', async () => (await failureOf(cache)) === 'authentication');
  await assert.rejects(cache.standing(), (error: Error) => !error.message.includes('hunter2'));
  await server.client.config('SET', 'requirepass', 'hunter2');
  await connected(cache);
  await roundTrip(cache);
});

test('TLS is spoken with a server that the authority of the address vouches for, and with no other', async (t) => {
  const server = await startRedis(t, { tls: true, password: 'secret' });
  await roundTrip(await connected(openCache(t, server.url)));
  const distrustful = openCache(t, server.url.replace(/\?.*/, ''));
  await waitUntil('the certificate is refused', async () => (await failureOf(distrustful)) !== 'unavailable');
  await assert.rejects(distrustful.standing(), /self-signed certificate/);
});

async function startSentinel(t: TestContext, master: RedisServer): Promise<RedisServer> {
  const sentinel = await startRedis(t, { sentinelOf: master });
  await waitUntil(
    'Sentinel knows the replica',
    async () => {
      const replicas = (await sentinel.client.call('SENTINEL', 'REPLICAS', 'prices')) as unknown[];
      return replicas.length === 1;
    },
    20_000,
  );
  return sentinel;
}

test('Sentinel tells where the master is, and after a failover where the new one is', async (t) => {
  const master = await startRedis(t);
  const replica = await startRedis(t, { args: ['--replicaof', '127.0.0.1', String(master.port)] });
  const sentinel = await startSentinel(t, master);
  const cache = await connected(openCache(t, `redis+sentinel://127.0.0.1:${sentinel.port}/prices/0`));
  await roundTrip(cache);
  await waitUntil(
    'a failover begins',
    async () => {
      const answer = await sentinel.client.call('SENTINEL', 'FAILOVER', 'prices').catch(() => null);
      return answer !== null;
    },
    20_000,
    200,
  );
  const isMaster = async () => ((await replica.client.role()) as unknown[])[0] === 'master';
  await waitUntil('the replica is the master', isMaster, 20_000);
  await waitUntil(
    'it writes there',
    async () => {
      const told = await cache.publish(news({ full: true, latest: [tick({ price: 7 })] })).catch(() => null);
      if (told === null) return false;
      return (await replica.client.hget('marketflow:{live:exchange1}:latest', 'BTCUSDT'))?.endsWith(' 7') ?? false;
    },
    20_000,
  );
});

test('a cluster has each source on one node, and a node that is away keeps only its sources away', async (t) => {
  const nodes = await Promise.all([0, 1, 2].map(() => startRedis(t, { args: ['--cluster-enabled', 'yes'] })));
  const [first] = nodes;
  for (const [k, node] of nodes.entries()) {
    const [from, to] = [
      [0, 5460],
      [5461, 10922],
      [10923, 16383],
    ][k]!;
    await node.client.call('CLUSTER', 'ADDSLOTSRANGE', from!, to!);
    await node.client.call('CLUSTER', 'SET-CONFIG-EPOCH', k + 1);
  }
  for (const node of nodes.slice(1)) await first!.client.call('CLUSTER', 'MEET', '127.0.0.1', node.port);
  const isOk = async (node: RedisServer) =>
    String(await node.client.call('CLUSTER', 'INFO')).includes('cluster_state:ok');
  await waitUntil('the cluster is up', async () => (await Promise.all(nodes.map(isOk))).every(Boolean), 30_000);

  const cache = await connected(
    openCache(t, `redis+cluster://${nodes.map(({ port }) => `127.0.0.1:${port}`).join(',')}`),
  );
  const exchanges = Array.from({ length: 12 }, (_, k) => `exchange${k}`);
  for (const exchange of exchanges) await roundTrip(cache, exchange);
  const sizes = await Promise.all(nodes.map((node) => node.client.dbsize()));
  assert.ok(
    sizes.every((size) => size > 0),
    `every node has some of it: ${sizes}`,
  );
  assert.equal(
    sizes.reduce((a, b) => a + b),
    12 * 3,
  );

  for (const node of nodes) await node.client.config('SET', 'cluster-require-full-coverage', 'no');
  await nodes[2]!.kill();
  const outcomes = await Promise.all(
    exchanges.map((exchange) =>
      cache.publish(news({ exchange })).then(
        ({ outcome }) => outcome,
        () => 'failed',
      ),
    ),
  );
  assert.deepEqual(new Set(outcomes), new Set(['done', 'failed']));
});
