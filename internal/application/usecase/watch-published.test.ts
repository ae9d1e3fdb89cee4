import { test } from 'node:test';
import { waitUntil } from '../../../test/harness/wait.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { LatestPrices, Standing } from '../port/out/latest-prices.ts';
import { STORE_DEADLINE_MS, WatchPublished } from './watch-published.ts';

const STANDING: Standing = {
  mode: { mode: 'live', epoch: 1, sinceMs: 0, switched: false },
  exchanges: { live: ['one'], test: [] },
  symbols: ['BTC'],
};

test('the cache is asked again while a silent store is waited for: a mode switch is not seen later for it', async (t) => {
  let storeAskedAtMs = Number.NEGATIVE_INFINITY;
  const gapsMs: number[] = [];
  const cache: Pick<LatestPrices, 'standing' | 'lastReport'> = {
    standing: () => {
      gapsMs.push(performance.now() - storeAskedAtMs);
      return Promise.resolve(STANDING);
    },
    lastReport: () => Promise.resolve(null),
  };
  const store: Pick<CandleStore, 'candles'> = {
    candles: () => {
      storeAskedAtMs = performance.now();
      return new Promise(() => undefined);
    },
  };
  const watch = new WatchPublished({
    cache: cache as LatestPrices,
    store: store as CandleStore,
    settings: { mode: 'test', symbols: ['BTC'] },
    nowMs: Date.now,
  });
  await watch.start();
  t.after(() => watch.stop());
  await waitUntil('the cache is asked', () => gapsMs.some((gapMs) => gapMs < STORE_DEADLINE_MS), 15_000);
});
