import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Bucket, emptyBucket, mergeBucket } from '../model/candle.ts';
import { REASON_COUNT, Reason } from '../model/rejection.ts';
import { cutBy, cutSizes, rawTicks, TickClock } from './market.arbitrary.ts';
import { batchOf, T0, type Tick } from './market.test-kit.ts';
import { naiveCandles } from './naive-market.test-kit.ts';
import { type FoldSource, SPAN_MS, TickFold } from './tick-fold.ts';
import { TradeIdWindow } from './trade-id-window.ts';

/** Takes what the fold gives, and looks that it keeps its promises. */
class Sink implements FoldSource {
  watermarkMs = Number.NEGATIVE_INFINITY;
  readonly evictedBeforeMs = 0;
  readonly spans = new Map<string, Bucket>();
  readonly merges: string[] = [];
  private readonly ids = new Map<number, TradeIdWindow>();

  tradeIds(symbol: number): TradeIdWindow | null {
    return this.ids.get(symbol) ?? null;
  }

  openTradeIds(symbol: number): TradeIdWindow {
    const ids = this.ids.get(symbol) ?? new TradeIdWindow();
    this.ids.set(symbol, ids);
    return ids;
  }

  merge(symbol: number, spanStartMs: number, part: Bucket): void {
    assert.equal(spanStartMs % SPAN_MS, 0);
    for (const atMs of [part.firstAtMs, part.lastAtMs, part.highAtMs, part.lowAtMs, part.openAtMs, part.closeAtMs]) {
      assert.ok(atMs >= spanStartMs && atMs < spanStartMs + SPAN_MS);
    }
    const key = `${symbol} ${spanStartMs}`;
    const span = this.spans.get(key) ?? emptyBucket();
    mergeBucket(span, part);
    this.spans.set(key, span);
    this.merges.push(`${key} ×${part.count}`);
  }
}

function foldAll(batches: readonly (readonly Tick[])[], symbols = 4, fold = new TickFold(120_000)) {
  const sink = new Sink();
  const rejected = new Float64Array(REASON_COUNT);
  let counted = 0;
  for (const ticks of batches) counted += fold.fold(batchOf(ticks), sink, symbols, rejected);
  return { sink, rejected, counted };
}

test('the path without quantities and ids says what the full one says of the same ticks', () => {
  fc.assert(
    fc.property(rawTicks(60), cutSizes, ([raw], sizes) => {
      const plain = new TickClock().ticks([raw, 'none']).map((tick) => ({ ...tick, quantity: undefined }));
      const a = foldAll(cutBy(plain, sizes));
      // A far symbol with a quantity sends the whole batch the full way; its ticks are left out of the comparison.
      const full = cutBy(plain, sizes).map((part) =>
        part.length === 0 ? part : [...part, { ...part.at(-1)!, symbol: 9, quantity: 1 }],
      );
      const b = foldAll(full, 10);
      for (const key of b.sink.spans.keys()) if (key.startsWith('9 ')) b.sink.spans.delete(key);
      assert.deepEqual(a.sink.spans, b.sink.spans);
      assert.equal(a.sink.watermarkMs, b.sink.watermarkMs);
    }),
    { numRuns: 500 },
  );
});

test('every tick is in one span or one rejection, and none is left in the fold for the next source', () => {
  fc.assert(
    fc.property(rawTicks(60), cutSizes, (raw, sizes) => {
      const ticks = new TickClock().ticks(raw);
      const fold = new TickFold(120_000);
      const { sink, rejected, counted } = foldAll(cutBy(ticks, sizes), 4, fold);
      const inSpans = [...sink.spans.values()].reduce((sum, span) => sum + span.count, 0);
      assert.equal(inSpans, counted);
      assert.equal(counted + rejected[Reason.late]! + rejected[Reason.duplicate]!, ticks.length);
      const other = foldAll([[{ symbol: 0, price: 1, atMs: T0 }]], 4, fold);
      assert.deepEqual(
        [...other.sink.spans.values()].map((span) => [span.count, span.high, span.low]),
        [[1, 1, 1]],
      );
    }),
    { numRuns: 500 },
  );
});

test('consecutive ticks of a span come as one part, whichever symbols take turns', () => {
  const ticks = Array.from({ length: 40 }, (_, k): Tick => ({ symbol: k % 2, price: 1, atMs: T0 + k }));
  assert.deepEqual(foldAll([ticks]).sink.merges, [`0 ${T0} ×20`, `1 ${T0} ×20`]);
});

test('open, high, low and close with their moments, the earliest of equal prices, in any order of times', () => {
  const order = [50, 10, 90, 10, 70, 30];
  const ticks = order.map((ms, k): Tick => ({ symbol: 0, price: [3, 5, 2, 1, 5, 1][k]!, atMs: T0 + ms }));
  const { sink } = foldAll([ticks]);
  const span = sink.spans.get(`0 ${T0}`)!;
  const [expected] = naiveCandles(ticks.map((tick) => ({ ...tick, source: 0 }))).values();
  const { open, close, high, highAtMs, low, lowAtMs, firstAtMs, lastAtMs } = span;
  assert.deepEqual(
    { open, close, high, highAtMs, low, lowAtMs, firstAtMs, lastAtMs },
    {
      ...{
        open: 5,
        close: 2,
        high: 5,
        highAtMs: T0 + 10,
        low: 1,
        lowAtMs: T0 + 10,
        firstAtMs: T0 + 10,
        lastAtMs: T0 + 90,
      },
    },
  );
  assert.equal((expected as { open: number }).open, open);
});

test('symbols come to be known while it runs: the rows grow', () => {
  const fold = new TickFold(120_000);
  const ticks = (symbol: number): Tick[] => [{ symbol, price: symbol + 1, atMs: T0 }];
  for (const symbol of [0, 63, 64, 200, 32_000]) {
    const { sink } = foldAll([ticks(symbol)], symbol + 1, fold);
    assert.equal(sink.spans.get(`${symbol} ${T0}`)?.high, symbol + 1);
  }
});
