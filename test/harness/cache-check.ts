import assert from 'node:assert/strict';
import type { RedisLatestPrices } from '../../internal/adapter/out/redis/redis-latest-prices.ts';
import { emptyExtremes, mergeExtremes } from '../../internal/domain/model/candle.ts';
import { exactValue } from '../../internal/domain/service/exact-sum.ts';
import type { Service } from './service.ts';
import type { SteadyFeeds } from './steady-feeds.ts';

/** While no tick comes: what the cache holds of live mode is what the process answers, latest prices and seconds. */
export async function assertCacheEquals(
  cache: RedisLatestPrices,
  service: Service,
  { exchanges, symbols }: SteadyFeeds,
): Promise<void> {
  for (const exchange of exchanges) {
    for (const symbol of symbols) {
      const own = (await service.get(`/prices/latest/${exchange}/${symbol}`)).json();
      const held = await cache.latest('live', exchange, symbol);
      assert.deepEqual(
        [held?.price, held?.eventAtMs, held?.receivedAtMs],
        [own.price, own.timestamp, own.receivedAt],
        `latest of ${exchange} ${symbol}`,
      );
      const [highest, lowest, average] = await Promise.all(
        ['highest', 'lowest', 'average'].map(async (figure) =>
          (await service.get(`/prices/${figure}/${exchange}/${symbol}?period=5m`)).json(),
        ),
      );
      const known = await cache.seconds('live', exchange, symbol, highest.from, highest.to);
      assert.equal(known?.coveredFromMs, 0);
      const total = emptyExtremes();
      for (const { summary } of known?.seconds ?? []) mergeExtremes(total, summary);
      assert.deepEqual(
        [total.count, total.high, total.highAtMs, total.low, total.lowAtMs, exactValue(total) / total.count],
        [highest.count, highest.price, highest.timestamp, lowest.price, lowest.timestamp, average.price],
        `seconds of ${exchange} ${symbol}`,
      );
    }
  }
}
