import { parseRedisAddress } from '../../internal/adapter/out/redis/redis-address.ts';
import { RedisLatestPrices } from '../../internal/adapter/out/redis/redis-latest-prices.ts';
import type { PublishingRun } from '../../internal/application/port/out/latest-prices.ts';
import { atEnd, type CleanUp } from './clean-up.ts';
import { waitUntil } from './wait.ts';

export interface CacheOptions {
  readonly prefix?: string;
  readonly run?: PublishingRun;
}

/** The Redis adapter over a URL; closed after the test. It may not be connected yet. */
export function openCache(
  cleanUp: CleanUp,
  url: string,
  { prefix = 'marketflow', run = { startedAtMs: 1, tag: 'test' } }: CacheOptions = {},
): RedisLatestPrices {
  const address = parseRedisAddress(url);
  if (address === null) throw new Error(`no address: ${url}`);
  const cache = new RedisLatestPrices({ address, prefix, run, nowMs: Date.now, random: Math.random });
  atEnd(cleanUp, () => cache.close());
  return cache;
}

export async function connected(cache: RedisLatestPrices, deadlineMs = 10_000): Promise<RedisLatestPrices> {
  const answers = () =>
    cache.standing().then(
      () => true,
      () => false,
    );
  await waitUntil('the cache answers', answers, deadlineMs);
  return cache;
}
