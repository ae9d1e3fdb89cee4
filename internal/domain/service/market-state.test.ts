import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { emptyExtremes } from '../model/candle.ts';
import type { LogRecord } from '../model/log-record.ts';
import { Reason, totalRejected } from '../model/rejection.ts';
import { anyLog, cutBy, cutSizes, rawTicks, TickClock } from './market.arbitrary.ts';
import {
  DICTIONARY,
  feedRecord,
  OPTIONS,
  plainExtremes,
  plainRow,
  rowsOf,
  stateOf,
  T0,
  type Tick,
  ticksRecord,
  viewOf,
} from './market.test-kit.ts';
import { COARSE_STEP_MS, COARSE_WINDOW_MS, FINE_STEP_MS, FINE_WINDOW_MS, type MarketState } from './market-state.ts';
import { naiveCandles, naiveMarket } from './naive-market.test-kit.ts';

const figuresOf = (row: object, keys: readonly string[]) =>
  Object.fromEntries(keys.map((key) => [key, (row as Record<string, unknown>)[key]]));

test('any cutting of the ticks into batches gives the same state: candles, revisions, counts, watermark, windows', () => {
  const segment = fc.tuple(rawTicks(40), fc.boolean());
  fc.assert(
    fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), cutSizes, cutSizes, (segments, sizesA, sizesB) => {
      const clock = new TickClock();
      const parts = segments.map(([raw, up]) => ({ ticks: clock.ticks(raw), up, atMs: clock.nowMs }));
      const cutInto = (sizes: readonly number[]) =>
        stateOf([
          ...DICTIONARY,
          ...parts.flatMap(({ ticks, up, atMs }) => [
            ...cutBy(ticks, sizes).map((part) => ticksRecord(part, { receivedAtMs: clock.nowMs })),
            feedRecord(up, atMs),
          ]),
        ]);
      const [a, b] = [cutInto(sizesA), cutInto(sizesB)];
      const whole = cutInto([1_000]);
      assert.deepEqual(viewOf(a), viewOf(whole));
      assert.deepEqual(viewOf(b), viewOf(whole));
      assert.deepEqual(rowsOf(a).map(plainRow), rowsOf(whole).map(plainRow));
      assert.deepEqual(rowsOf(b).map(plainRow), rowsOf(whole).map(plainRow));
    }),
    { numRuns: 500 },
  );
});

test('a state says what lists of all ticks say: which count, why the others do not, and every figure of every candle', () => {
  fc.assert(
    fc.property(anyLog, (records) => {
      const state = stateOf(records);
      const naive = naiveMarket(records, OPTIONS.latenessMs);
      const sum = (reason: number) => state.knownSources().reduce((n, source) => n + source.rejected[reason]!, 0);
      const carried = (reason: number) =>
        records.reduce((n, record) => n + (record.kind === 'ticks' ? record.batch.rejected[reason]! : 0), 0);
      assert.equal(sum(Reason.late) - carried(Reason.late), naive.late);
      assert.equal(sum(Reason.duplicate) - carried(Reason.duplicate), naive.duplicate);
      for (const intervalMs of OPTIONS.intervalsMs) {
        const expected = naiveCandles(naive.counted, intervalMs);
        const actual = new Map(
          state.knownSources().flatMap((source) =>
            source.instruments.flatMap((instrument) => {
              if (instrument === undefined) return [];
              return source.candlesInMemory(instrument, intervalMs).map((row) => {
                const key = `${source.id} ${instrument.symbolId} ${row.openMs}`;
                return [key, figuresOf(plainRow(row), Object.keys(expected.get(key) ?? {}))] as const;
              });
            }),
          ),
        );
        assert.deepEqual(new Map([...actual].sort()), new Map([...expected].sort()));
      }
    }),
    { numRuns: 500 },
  );
});

test('the books balance after every record: frames = counted + rejected, counted = ticks in candles', () => {
  fc.assert(
    fc.property(anyLog, (records) => {
      const state = stateOf([]);
      for (const [index, record] of records.entries()) {
        state.apply(record, index + 1);
        for (const source of state.knownSources()) {
          assert.equal(source.frames, source.counted + totalRejected(source.rejected));
          assert.equal(source.counted, source.countInCandles());
          assert.ok(source.rejected.every((count) => count >= 0));
        }
      }
      assert.equal(state.candleCount(), rowsOf(state).length + rowsOf(state, 1_000).length);
    }),
    { numRuns: 300 },
  );
});

test('permutations inside the lateness give equal candles of every interval and equal windows, ticks being told apart by time or by id', () => {
  const spread = fc.uniqueArray(fc.nat({ max: OPTIONS.latenessMs - 1 }), { maxLength: 50 });
  const shuffled = spread.chain((times) =>
    fc.record({
      times: fc.constant(times),
      order: fc.shuffledSubarray([...times.keys()], { minLength: times.length }),
      withIds: fc.boolean(),
      prices: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      sizes: cutSizes,
    }),
  );
  fc.assert(
    fc.property(shuffled, ({ times, order, withIds, prices, sizes }) => {
      const ticks = times.map(
        (offset, k): Tick => ({
          symbol: k % 3,
          price: prices[k % prices.length]! / 10,
          // With ids, several ticks may share a time.
          atMs: T0 + (withIds ? offset - (offset % 20_000) : offset),
          quantity: k % 2 ? k : undefined,
          tradeId: withIds ? 900 + k : undefined,
        }),
      );
      const said = (inOrder: readonly Tick[]) => {
        const batches = cutBy(inOrder, sizes).map((part) => ticksRecord(part));
        const state = stateOf([...DICTIONARY, ...batches], { ...OPTIONS, slackMs: OPTIONS.latenessMs });
        const rows = OPTIONS.intervalsMs
          .flatMap((intervalMs) => rowsOf(state, intervalMs))
          .map((row) => ({ ...plainRow(row), complete: null }))
          .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
        return { rows, windows: ['A', 'B', 'C'].map((symbol) => windowsOfPair(state, symbol)) };
      };
      assert.deepEqual(said(order.map((k) => ticks[k]!)), said(ticks));
    }),
    { numRuns: 300 },
  );
});

/** Of one pair of source 0: what its windows know, as far back as each is asked. */
function windowsOfPair(state: MarketState, symbol: string): object[] {
  const source = state.sources[0]!;
  const instrument = state.instrument(source, symbol);
  if (instrument === undefined) return [];
  return [
    [FINE_STEP_MS, FINE_WINDOW_MS],
    [COARSE_STEP_MS, COARSE_WINDOW_MS],
  ].map(([stepMs = 0, windowMs = 0]) => {
    const summary = emptyExtremes();
    const toMs = Math.floor(source.watermarkMs / stepMs) * stepMs + stepMs;
    state.summariseSteps(instrument, stepMs, toMs - windowMs, toMs, summary);
    // First and last are no figures of a window.
    return plainExtremes({ ...summary, firstAtMs: 0, lastAtMs: 0 });
  });
}

const one = (atMs: number, more: Partial<Tick> = {}): Tick => ({ symbol: 0, price: 10, atMs, ...more });
const bookOf = (...records: LogRecord[]) => stateOf([...DICTIONARY, ...records]).sources[0]!;

test('late: further behind the watermark of its own source than the lateness; exactly at it is in time', () => {
  const book = bookOf(ticksRecord([one(T0), one(T0 - 120_000), one(T0 - 120_001)]));
  assert.deepEqual([book.counted, book.rejected[Reason.late], book.watermarkMs], [2, 1, T0]);
  const two = stateOf([...DICTIONARY, ticksRecord([one(T0)]), ticksRecord([one(T0 - 9e6)], { source: 1 })]);
  assert.equal(two.sources[1]!.counted, 1, 'a feed of old data is accepted as it comes');
});

test('duplicate: an id that came before, of the same pair; judged before late, and a late tick leaves no id', () => {
  const late = { tradeId: 7 };
  const book = bookOf(
    ticksRecord([
      one(T0, { tradeId: 5 }),
      one(T0 + 1, { tradeId: 5 }),
      one(T0, { tradeId: 5, symbol: 1 }),
      one(T0 - 500_000, { tradeId: 5 }),
      one(T0 - 500_000, late),
      one(T0 + 2, late),
    ]),
  );
  assert.deepEqual([book.counted, book.rejected[Reason.duplicate], book.rejected[Reason.late]], [3, 2, 1]);
});

test('a pair whose only ticks are refused is not known: it has no newest price', () => {
  const state = stateOf([
    ...DICTIONARY,
    ticksRecord([one(T0)]),
    ticksRecord([one(T0 - 500_000, { symbol: 1, tradeId: 5 })]),
  ]);
  assert.equal(state.sources[0]!.rejected[Reason.late], 1);
  assert.equal(state.instrument(state.sources[0]!, 'B'), undefined);
});

test('stale_epoch: a chunk of an older epoch, its future ticks too; nothing else of the source changes', () => {
  const old = ticksRecord([one(T0 + 5_000)], { epoch: 0, rejected: [0, 0, 3, 0, 0, 0, 0, 0, 0, 2] });
  const book = bookOf(ticksRecord([one(T0)]), old);
  assert.deepEqual([book.frames, book.counted, book.watermarkMs], [7, 1, T0]);
  assert.deepEqual(
    [book.rejected[Reason.stale_epoch], book.rejected[Reason.future], book.rejected[Reason.bad_json]],
    [3, 0, 3],
  );
});

test('the newest price is that of the newest tick by time, of several the one that came last, in whatever batches', () => {
  const at = (price: number, atMs: number, tradeId?: number) => ticksRecord([one(atMs, { price, tradeId })]);
  const latest = (...records: LogRecord[]) =>
    stateOf([...DICTIONARY, ...records]).sources[0]!.instruments[0]!.lastPrice;
  assert.equal(latest(at(1, T0), at(2, T0 - 1)), 1);
  assert.equal(latest(at(1, T0), at(2, T0)), 2);
  assert.equal(latest(at(1, T0, 5), at(2, T0, 4)), 2);
  assert.equal(latest(at(1, T0 - 500, 10), at(2, T0, 9)), 2);
  assert.equal(latest(at(1, T0, 10), at(2, T0 + 1)), 2);
  assert.equal(latest(ticksRecord([one(T0, { price: 1, tradeId: 10 }), one(T0 + 1, { price: 2, tradeId: 9 })])), 2);
  assert.equal(latest(at(1, T0, 4), at(2, T0, 5)), 2);
  assert.equal(latest(at(1, T0 + 60_000), at(2, T0)), 1);
});

test('a minute that ticks close is reported, once, so that a checkpoint can follow', () => {
  const state = stateOf([...DICTIONARY, ticksRecord([one(T0)])]);
  assert.equal(state.minuteClosed, false);
  state.apply(ticksRecord([one(T0 + 61_999)]), 20);
  assert.equal(state.minuteClosed, false);
  state.apply(ticksRecord([one(T0 + 62_000)]), 21);
  assert.equal(state.minuteClosed, true);
  state.minuteClosed = false;
  state.apply(ticksRecord([one(T0 + 62_001)]), 22);
  assert.equal(state.minuteClosed, false);
});

test('prices and quantities near the greatest double leave finite candles', () => {
  const huge = [1, 2, 3].map((k) => one(T0 + k, { price: 1.7e308 }));
  const sized = [4, 5].map((k) => one(T0 + k, { price: 1e200, quantity: 1e200, tradeId: k }));
  for (const records of [[ticksRecord(huge)], huge.map((tick) => ticksRecord([tick])), [ticksRecord(sized)]]) {
    const delta = stateOf([...DICTIONARY, ...records]).delta();
    const { bucket } = delta?.candles[0] ?? assert.fail('no candle');
    for (const [name, value] of Object.entries(bucket)) assert.ok(Number.isFinite(value), `${name} is ${value}`);
  }
});

test('ticks whose dictionary entry is lost are counted as damage, and names that were lost have a place', () => {
  const [mode, source, ...symbols] = DICTIONARY;
  const damage: LogRecord = { kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null };
  const noSource = stateOf([mode!, damage, ...symbols, ticksRecord([one(T0)])]);
  assert.deepEqual([noSource.damagedBatches, noSource.damagedTicks], [2, 1]);
  const noSymbol = stateOf([mode!, source!, damage, ticksRecord([one(T0)])]);
  assert.deepEqual([noSymbol.damagedTicks, noSymbol.sources[0]?.counted], [1, 0]);
  const hole = stateOf([mode!, source!, damage, { kind: 'symbol', id: 2, name: 'LATERUSDT' }]);
  assert.deepEqual(hole.delta()?.newSymbols, ['?0', '?1', 'LATERUSDT']);
});

test('ticks of a later epoch than any that is known: the record of their mode was lost, and they count', () => {
  const damage: LogRecord = { kind: 'damage', batches: 1, ticks: 0, source: null, fromMs: null, toMs: null };
  const later = ticksRecord([one(T0), one(T0 + 1)], { epoch: 3, receivedAtMs: T0 + 5 });
  const state = stateOf([...DICTIONARY, damage, later]);
  assert.deepEqual(state.mode, { mode: 'live', epoch: 3, sinceMs: T0 + 5, switched: true });
  assert.deepEqual([state.sources[0]?.counted, state.sources[0]?.rejected[Reason.stale_epoch]], [2, 0]);
  const intact = stateOf([...DICTIONARY, later]);
  assert.deepEqual([intact.mode?.epoch, intact.sources[0]?.rejected[Reason.stale_epoch]], [1, 2]);
});
