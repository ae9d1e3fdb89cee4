import { randomBytes } from 'node:crypto';
import type { LatestPrices } from '../../internal/application/port/out/latest-prices.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';
import type { Settings } from './settings.ts';

export interface LatestPricesParts {
  readonly settings: NonNullable<Settings['redis']>;
  readonly startedAtMs: number;
  readonly nowMs: () => number;
}

/** Connects in the background: a Redis that is not there yet is no reason not to start. The client is loaded only when there is one. */
export async function openLatestPrices({ settings, startedAtMs, nowMs }: LatestPricesParts): Promise<LatestPrices> {
  const { RedisLatestPrices } = await import('../../internal/adapter/out/redis/redis-latest-prices.ts');
  const { parseRedisAddress } = await import('../../internal/adapter/out/redis/redis-address.ts');
  const address = parseRedisAddress(settings.url);
  if (address === null) throw new StartupError(EXIT_CODE.config, 'redis.url: is not a Redis address');
  const run = { startedAtMs: Math.floor(startedAtMs), tag: randomBytes(5).toString('hex') };
  try {
    return new RedisLatestPrices({ address, prefix: settings.prefix, run, nowMs, random: Math.random });
  } catch (error) {
    // A file of certificates that can't be read.
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartupError(EXIT_CODE.config, `redis.url: ${reason}`, { cause: error });
  }
}
