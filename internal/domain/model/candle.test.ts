import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addExact, exactValue } from '../service/exact-sum.ts';
import { cutBy, cutSizes, rawTicks, TickClock } from '../service/market.arbitrary.ts';
import type { Tick } from '../service/market.test-kit.ts';
import { exactSumOf, naiveCandles } from '../service/naive-market.test-kit.ts';
import { type Bucket, emptyBucket, mergeBucket, precedes } from './candle.ts';
import { NO_TRADE_ID } from './tick-batch.ts';

function bucketOf({ price, atMs, quantity, tradeId = NO_TRADE_ID }: Tick): Bucket {
  const bucket = emptyBucket();
  const moment = { openAtMs: atMs, closeAtMs: atMs, highAtMs: atMs, lowAtMs: atMs, firstAtMs: atMs, lastAtMs: atMs };
  Object.assign(bucket, moment, { count: 1, sumHi: price, high: price, low: price, open: price, close: price });
  Object.assign(bucket, { openId: tradeId, closeId: tradeId });
  if (quantity !== undefined) {
    const quote = { sumHi: 0, sumLo: 0 };
    addExact(quote, price * quantity, 0);
    Object.assign(bucket, {
      quantityCount: 1,
      volumeHi: quantity,
      quoteVolumeHi: quote.sumHi,
      quoteVolumeLo: quote.sumLo,
    });
  }
  return bucket;
}

function fold(parts: readonly Bucket[]): Bucket {
  const into = emptyBucket();
  for (const part of parts) mergeBucket(into, part);
  return into;
}

/** Sums as numbers: their two parts may be split otherwise, and mean the same. */
function figures({ sumHi, sumLo, volumeHi, volumeLo, quoteVolumeHi, quoteVolumeLo, ...rest }: Bucket): object {
  return {
    ...rest,
    sum: exactValue({ sumHi, sumLo }),
    volume: exactValue({ sumHi: volumeHi, sumLo: volumeLo }),
    quoteVolume: exactValue({ sumHi: quoteVolumeHi, sumLo: quoteVolumeLo }),
  };
}

test('fold = merge of folds, over any cutting: prices, times, quantities, ids on all, some or none of the ticks', () => {
  fc.assert(
    fc.property(rawTicks(60), cutSizes, cutSizes, (raw, sizes, outer) => {
      const buckets = new TickClock().ticks(raw).map(bucketOf);
      const parts = cutBy(buckets, sizes).map(fold);
      const groups = cutBy(parts, outer).map(fold);
      const expected = figures(fold(buckets));
      assert.deepEqual(figures(fold(parts)), expected);
      assert.deepEqual(figures(fold(groups)), expected);
    }),
    { numRuns: 1_500 },
  );
});

test('the fold says what a list of the ticks says', () => {
  fc.assert(
    fc.property(rawTicks(40), (raw) => {
      const ticks = new TickClock().ticks(raw).map((tick) => ({ ...tick, symbol: 0, source: 0 }));
      for (const [key, expected] of naiveCandles(ticks)) {
        const inMinute = ticks.filter((tick) => naiveCandles([tick]).has(key));
        const { openAtMs, openId, closeAtMs, closeId, ...actual } = figures(fold(inMinute.map(bucketOf))) as Bucket;
        assert.deepEqual(actual, expected);
        assert.ok(openId < closeId || (openId === closeId && openAtMs <= closeAtMs));
      }
    }),
  );
});

test('a merge with an empty fold changes nothing', () => {
  const bucket = fold([bucketOf({ symbol: 0, price: 5, atMs: 9, quantity: 2, tradeId: 3 })]);
  const before = { ...bucket };
  mergeBucket(bucket, emptyBucket());
  assert.deepEqual(bucket, before);
  const empty = emptyBucket();
  mergeBucket(empty, bucket);
  assert.deepEqual(empty, before);
});

test('the order of ticks is total: by id, then by event time, then by arrival', () => {
  const moment = fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: NO_TRADE_ID, max: 2 }));
  fc.assert(
    fc.property(moment, moment, moment, (a, b, c) => {
      const before = (x: readonly [number, number], y: readonly [number, number]) => precedes(...x, ...y);
      assert.ok(!(before(a, b) && before(b, a)));
      if (before(a, b) && before(b, c)) assert.ok(before(a, c));
      // Neither before the other is an equivalence, so that "first" and "last" do not depend on the grouping.
      if (!before(a, b) && !before(b, a) && before(b, c)) assert.ok(before(a, c));
    }),
    { numRuns: 2_000 },
  );
});

test('volume is the sum of the quantities, quote volume that of price × quantity, both exact', () => {
  fc.assert(
    fc.property(rawTicks(60), (raw) => {
      const ticks = new TickClock().ticks(raw);
      const sized = ticks.flatMap(({ price, quantity }) =>
        quantity === undefined ? [] : [[price, quantity] as const],
      );
      const bucket = fold(ticks.map(bucketOf));
      assert.equal(bucket.quantityCount, sized.length);
      assert.equal(
        exactValue({ sumHi: bucket.quoteVolumeHi, sumLo: bucket.quoteVolumeLo }),
        exactSumOf(sized.map(([price, quantity]) => price * quantity)),
      );
    }),
  );
});
