import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bucket, emptyBucket, mergeBucket } from '../model/candle.ts';
import type { CandleRow } from '../model/checkpoint.ts';
import { NO_TRADE_ID } from '../model/tick-batch.ts';
import { exactValue } from './exact-sum.ts';
import { mergeCandles } from './merge-candles.ts';

interface Tick {
  readonly exchange: string;
  readonly atMs: number;
  readonly price: number;
  readonly quantity: number;
}

function bucketOf(ticks: readonly Tick[], ids: boolean): Bucket {
  const bucket = emptyBucket();
  for (const { atMs, price, quantity } of ticks) {
    // Ids in the order of time, and of quite another size at each exchange.
    const id = ids ? 1_000 * (ticks[0]?.exchange.length ?? 0) + atMs : NO_TRADE_ID;
    mergeBucket(bucket, {
      ...emptyBucket(),
      ...{ count: 1, sumHi: price, high: price, low: price, open: price, close: price, openId: id, closeId: id },
      ...{ openAtMs: atMs, closeAtMs: atMs, highAtMs: atMs, lowAtMs: atMs, firstAtMs: atMs, lastAtMs: atMs },
      ...{ quantityCount: 1, volumeHi: quantity, quoteVolumeHi: price * quantity },
    });
  }
  return bucket;
}

function rowOf(exchange: string, bucket: Bucket, changes: Partial<CandleRow> = {}): CandleRow {
  return {
    ...{ mode: 'live', exchange, symbol: 'BTC', intervalMs: 60_000, openMs: 120_000, state: 'final', complete: true },
    ...{ source: 'ticks', revision: 0, epoch: 1, position: 1, bucket, ...changes },
  };
}

test('merged over exchanges a candle is the fold of all their ticks by time; ids do not matter, nor the order of rows', () => {
  const tick = fc.record({
    exchange: fc.constantFrom('a', 'bb', 'ccc'),
    atMs: fc.integer({ min: 0, max: 900 }),
    price: fc.integer({ min: 1, max: 20 }),
    quantity: fc.double({ min: 0, max: 1e6, noNaN: true }),
  });
  // Of two ticks of one millisecond at different exchanges nobody can say which came first.
  const ticks = fc.uniqueArray(tick, { minLength: 1, maxLength: 40, selector: ({ atMs }) => atMs });
  fc.assert(
    fc.property(ticks, fc.boolean(), (drawn, ids) => {
      const sorted = drawn.toSorted((x, y) => x.atMs - y.atMs);
      const names = [...new Set(drawn.map(({ exchange }) => exchange))];
      const rows = names.map((name) =>
        rowOf(
          name,
          bucketOf(
            sorted.filter((one) => one.exchange === name),
            ids,
          ),
        ),
      );
      const merged = mergeCandles(rows);
      assert.deepEqual(figures(merged.bucket), figures(bucketOf(sorted, false)));
      assert.deepEqual(merged.exchanges, names.toSorted());
      assert.deepEqual(mergeCandles(rows.toReversed()), merged);
    }),
  );
});

test('of ticks of one millisecond the exchange that is later by name closes, the earlier opens', () => {
  const tick = (exchange: string, price: number) => ({ exchange, atMs: 5, price, quantity: 1 });
  const rows = ['b', 'a', 'c'].map((name, i) => rowOf(name, bucketOf([tick(name, i + 1)], true)));
  const { bucket } = mergeCandles(rows);
  assert.deepEqual([bucket.open, bucket.close, bucket.openId, bucket.closeId], [2, 3, NO_TRADE_ID, NO_TRADE_ID]);
});

test('what it says of itself: forming if any is, complete if all are, revisions added up', () => {
  const bucket = bucketOf([{ exchange: 'a', atMs: 1, price: 1, quantity: 1 }], false);
  const merged = (...changes: Partial<CandleRow>[]) => {
    const { state, complete, revision, source } = mergeCandles(changes.map((one, i) => rowOf(`x${i}`, bucket, one)));
    return [state, complete, revision, source];
  };
  assert.deepEqual(merged({}), ['final', true, 0, 'ticks']);
  assert.deepEqual(merged({}, { state: 'forming', complete: false }), ['forming', false, 0, 'ticks']);
  assert.deepEqual(merged({ state: 'revised', revision: 2 }, { state: 'revised', revision: 3 }, {}), [
    'revised',
    true,
    5,
    'ticks',
  ]);
  assert.deepEqual(merged({ state: 'revised', revision: 2 }, { state: 'forming' }), ['forming', true, 2, 'ticks']);
  assert.deepEqual(merged({ complete: false }, {}), ['final', false, 0, 'ticks']);
});

function figures({ sumHi, sumLo, volumeHi, volumeLo, quoteVolumeHi, quoteVolumeLo, ...rest }: Bucket): object {
  return {
    ...rest,
    sum: exactValue({ sumHi, sumLo }),
    volume: exactValue({ sumHi: volumeHi, sumLo: volumeLo }),
    quoteVolume: exactValue({ sumHi: quoteVolumeHi, sumLo: quoteVolumeLo }),
  };
}
