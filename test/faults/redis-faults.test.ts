import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RedisLatestPrices } from '../../internal/adapter/out/redis/redis-latest-prices.ts';
import { assertCacheEquals } from '../harness/cache-check.ts';
import { assertBalanced } from '../harness/candle-check.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { openCache } from '../harness/redis-cache.ts';
import { type RedisServer, startRedis } from '../harness/redis-server.ts';
import { type Service, startService } from '../harness/service.ts';
import { SteadyFeeds } from '../harness/steady-feeds.ts';
import { waitUntil } from '../harness/wait.ts';

const LATEST = 'marketflow:{live:exchange1}:latest';
const SECONDS_PATTERN = 'marketflow:{live:exchange1}:1s:BTCUSDT:*';
const ANSWER_MS = 2_500;
const HEAL_MS = 20_000;

interface Running {
  readonly server: RedisServer;
  readonly service: Service;
  readonly feeds: SteadyFeeds;
  readonly cache: RedisLatestPrices;
}

interface Fault {
  readonly name: string;
  readonly inflict: (running: Running) => Promise<unknown>;
  /** What health says of the cache; null: it may be over before anyone looks. */
  readonly detail: RegExp | null;
  readonly during?: (running: Running) => Promise<void>;
  readonly end: (running: Running) => Promise<unknown>;
}

const config = (server: RedisServer, name: string, value: string) => server.client.config('SET', name, value);

const FAULTS: readonly Fault[] = [
  {
    name: 'kill -9 and a restart with nothing in it',
    inflict: ({ server }) => server.kill(),
    detail: /cannot be reached/,
    end: ({ server }) => server.start(),
  },
  {
    name: 'frozen',
    inflict: async ({ server }) => server.signal('SIGSTOP'),
    detail: /does not answer/,
    during: ({ service }) => assertPricesFor(service, 10_000),
    end: async ({ server }) => server.signal('SIGCONT'),
  },
  {
    name: 'FLUSHALL',
    inflict: ({ server }) => server.client.flushall(),
    detail: null,
    end: ({ server }) => assertRightAgain(server),
  },
  {
    name: 'FLUSHALL while no tick comes',
    inflict: async ({ server, service, feeds }) => {
      await feeds.pause(service);
      await server.client.flushall();
    },
    detail: null,
    end: ({ server }) => assertRightAgain(server),
  },
  {
    name: 'a foreign type under the latest prices of one exchange',
    inflict: ({ server }) => server.client.multi().del(LATEST).set(LATEST, 'theirs').exec(),
    detail: /WRONGTYPE.*marketflow:\{live:exchange1\}:latest/,
    during: async ({ server, cache }) => {
      const first = await cache.latest('live', 'exchange2', 'BTCUSDT');
      await waitUntil('the other exchange goes on', async () => {
        return ((await cache.latest('live', 'exchange2', 'BTCUSDT'))?.eventAtMs ?? 0) > (first?.eventAtMs ?? 0);
      });
      assert.equal(await server.client.get(LATEST), 'theirs');
    },
    end: ({ server }) => server.client.del(LATEST),
  },
  {
    name: 'a foreign type under the seconds of one pair',
    inflict: async ({ server }) => {
      for (const key of await server.client.keys(SECONDS_PATTERN))
        await server.client.multi().del(key).rpush(key, 'theirs').exec();
    },
    detail: /WRONGTYPE.*:1s:BTCUSDT:/,
    end: async ({ server }) => {
      for (const key of await server.client.keys(SECONDS_PATTERN))
        if ((await server.client.type(key)) === 'list') await server.client.del(key);
    },
  },
  {
    name: 'full: maxmemory, noeviction',
    inflict: ({ server }) => config(server, 'maxmemory', '1'),
    detail: /is full \(maxmemory\)/,
    end: ({ server }) => config(server, 'maxmemory', '0'),
  },
  {
    name: 'a replica of another server',
    inflict: ({ server }) => server.client.replicaof('127.0.0.1', '1'),
    detail: /is read-only/,
    end: ({ server }) => server.client.replicaof('NO', 'ONE'),
  },
  {
    name: 'a wrong password',
    inflict: async ({ server }) => {
      await config(server, 'requirepass', 'another');
      await server.cutClients();
    },
    detail: /refuses the password/,
    end: ({ server }) => config(server, 'requirepass', ''),
  },
  {
    name: 'too many clients',
    inflict: async ({ server }) => {
      await config(server, 'maxclients', '1');
      await server.cutClients();
    },
    detail: /refuses further clients/,
    end: ({ server }) => config(server, 'maxclients', '1000'),
  },
];

/** Within two seconds, as promised. */
async function assertRightAgain(server: RedisServer): Promise<void> {
  const isBack = async () => (await server.client.exists(LATEST, 'marketflow:current', 'marketflow:report')) === 3;
  await waitUntil('it is right again', isBack, 2_000);
}

async function cacheHealth(service: Service) {
  const answer = await service.get('/health');
  assert.equal(answer.status, 200);
  const { status, cache } = answer.json();
  return { status, cache: cache as { kind: string; status: string; detail?: string } };
}

const isWell = async (service: Service) => (await cacheHealth(service)).cache.status === 'ok';

async function timed(service: Service, path: string) {
  const atMs = performance.now();
  const answer = await service.get(path);
  assert.equal(answer.status, 200, answer.text);
  assert.ok(performance.now() - atMs < ANSWER_MS, path);
  return answer.json();
}

/** Newer ones all the time, and period queries with them. */
async function assertPricesFor(service: Service, forMs: number): Promise<void> {
  const endAtMs = performance.now() + forMs;
  do {
    const { timestamp } = await timed(service, '/prices/latest/BTCUSDT');
    await waitUntil('a newer price', async () => {
      return (await timed(service, '/prices/latest/BTCUSDT')).timestamp > timestamp;
    });
    await timed(service, '/prices/average/BTCUSDT?period=10s');
  } while (performance.now() < endAtMs);
}

async function suffer(running: Running, fault: Fault): Promise<void> {
  const { service, feeds, cache } = running;
  await feeds.run();
  await waitUntil('all is well', () => isWell(service), HEAL_MS);
  const { counted } = await service.audit();
  await fault.inflict(running);
  if (fault.detail !== null) {
    await waitUntil(
      'it is told',
      async () => fault.detail?.test((await cacheHealth(service)).cache.detail ?? '') ?? true,
    );
    assert.equal((await cacheHealth(service)).status, 'degraded');
    await assertPricesFor(service, 0);
  }
  await fault.during?.(running);
  await fault.end(running);
  await waitUntil('it has healed', () => isWell(service), HEAL_MS);
  const audit = await feeds.pause(service);
  assertBalanced(audit);
  assert.ok(audit.counted > counted || fault.name.includes('no tick'));
  await waitUntil(
    'the cache has it all',
    () =>
      assertCacheEquals(cache, service, feeds).then(
        () => true,
        () => false,
      ),
    HEAL_MS,
  );
  await assertCacheEquals(cache, service, feeds);
}

test('Redis fails in every way: prices go on, health names it, it heals, the books balance, and what it holds is right', async (t: TestContext) => {
  const server = await startRedis(t);
  const feeds = await SteadyFeeds.listen(t);
  const service = await startService(t, {
    dataDir: makeFolder(t),
    environment: {
      MARKETFLOW_MODE: 'live',
      MARKETFLOW_LIVE_SOURCES: feeds.sources,
      MARKETFLOW_REDIS_URL: server.url,
    },
  });
  const running = { server, service, feeds, cache: openCache(t, server.url) };
  for (const fault of FAULTS) await t.test(fault.name, () => suffer(running, fault));
  assert.deepEqual(await service.stop(), { code: 0, signal: null });
  assert.equal(service.stderr, '');
});
