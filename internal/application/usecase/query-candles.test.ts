import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CandleRow } from '../../domain/model/checkpoint.ts';
import { mergeCandles } from '../../domain/service/merge-candles.ts';
import type { Candle } from '../port/in/candle-queries.ts';
import { MINUTE_MS, QUESTION, rowAt, rowOfTicks, rowSets, T0, walk, worldOf } from './query-candles.test-kit.ts';
import { candleOf, candleOfMerged, decimalOf } from './query-candles-view.ts';

const at = (minute: number): number => T0 + minute * MINUTE_MS;

/** What there is to say, from the plain list of rows. */
function expectedCandles(rows: readonly CandleRow[], exchange: string | null): Candle[] {
  if (exchange !== null) return rows.filter((row) => row.exchange === exchange).map(candleOf);
  const exchanges = ['one', 'two', 'three'];
  const sinceMs = exchanges.map(
    (name) => rows.find((row) => row.exchange === name)?.openMs ?? Number.POSITIVE_INFINITY,
  );
  return [...new Set(rows.map(({ openMs }) => openMs))].map((openMs) => {
    const of = rows.filter((row) => row.openMs === openMs);
    const lacks = exchanges.some((name, i) => (sinceMs[i] ?? 0) < openMs && !of.some((row) => row.exchange === name));
    return candleOfMerged(mergeCandles(of), MINUTE_MS, lacks);
  });
}

function expectedFill(candles: readonly Candle[]): Candle[] {
  return candles.flatMap((candle, i) => {
    const previous = candles[i - 1];
    const filled: Candle[] = [];
    if (previous === undefined) return [candle];
    for (let openTime = previous.openTime + MINUTE_MS; openTime < candle.openTime; openTime += MINUTE_MS) {
      const { close: price, volume } = previous;
      filled.push({
        ...{ openTime, closeTime: openTime + MINUTE_MS, open: price, high: price, low: price, close: price },
        ...{ volume: volume === null ? null : 0, quoteVolume: volume === null ? null : 0, count: 0 },
        ...{ average: null, vwap: null, firstTradeId: null, lastTradeId: null },
        state: candle.state === 'forming' ? 'forming' : 'final',
        ...{ complete: false, source: 'fill', revision: 0 },
        ...(previous.exchanges === undefined ? {} : { exchanges: [] }),
      });
    }
    return [...filled, candle];
  });
}

test('pages of any size, in both orders, filled or not, of one exchange or merged, add up to the list', async () => {
  await fc.assert(
    fc.asyncProperty(
      rowSets,
      fc.record({
        exchange: fc.constantFrom('one', null),
        order: fc.constantFrom('asc', 'desc'),
        fill: fc.constantFrom('none', 'previous'),
        limit: fc.integer({ min: 1, max: 25 }),
        from: fc.integer({ min: -5, max: 40 }),
        length: fc.integer({ min: 1, max: 70 }),
      }),
      async ({ stored, live, actual }, { exchange, order, fill, limit, from, length }) => {
        const { queries } = worldOf(stored, live);
        const range = { fromMs: at(from), toMs: at(from + length) };
        const { candles, pages } = await walk(queries, { exchange, order, fill, limit, ...range });
        const inRange = expectedCandles(actual, exchange).filter(
          ({ openTime }) => openTime >= range.fromMs && openTime < range.toMs,
        );
        const expected = fill === 'previous' ? expectedFill(inRange) : inRange;
        assert.deepEqual(candles, order === 'asc' ? expected : expected.toReversed());
        assert.equal(pages, Math.max(1, Math.ceil(expected.length / limit)));
      },
    ),
    { numRuns: 300 },
  );
});

test('without a beginning the newest are meant: ascending there is no next page, descending it leads back', async () => {
  const { queries } = worldOf([0, 1, 2, 5, 6].map((minute) => rowAt(minute, minute + 1)));
  const ascending = await walk(queries, { limit: 3, toMs: at(6) });
  assert.deepEqual([ascending.candles.map(({ close }) => close), ascending.pages], [[2, 3, 6], 1]);
  const filled = await walk(queries, { limit: 3, fill: 'previous' });
  assert.deepEqual(
    filled.candles.map(({ close, count }) => [close, count]),
    [
      [3, 0],
      [6, 1],
      [7, 1],
    ],
  );
  const descending = await walk(queries, { limit: 2, order: 'desc' });
  assert.deepEqual([descending.candles.map(({ close }) => close), descending.pages], [[7, 6, 3, 2, 1], 3]);
});

test('without an end it is up to now, with what an exchange may be ahead, and nothing is filled after now', async () => {
  const nowMs = at(3) + 57_000;
  const ahead = [rowAt(2, 1), rowAt(4, 2, { state: 'forming', complete: false }), rowAt(5, 3, { state: 'forming' })];
  const { queries } = worldOf([], ahead, { nowMs: () => nowMs });
  const { candles } = await walk(queries, { fromMs: T0 });
  assert.deepEqual(
    candles.map(({ openTime }) => openTime),
    [at(2), at(4)],
  );
  const answer = await queries.candles({ ...QUESTION, fromMs: T0 });
  assert.equal(answer.ok && answer.value.toMs, nowMs + 5_000);
  for (const order of ['asc', 'desc'] as const) {
    const early = worldOf([], ahead, { nowMs: () => at(2) + 59_000 }).queries;
    const filled = await walk(early, { fromMs: T0, toMs: at(9), fill: 'previous', order });
    assert.equal(
      filled.candles.some(({ count }) => count === 0),
      false,
      order,
    );
  }
});

test('a bucket during an outage is not complete, whether it is filled or merged', async () => {
  const one = [rowAt(0, 10), rowAt(1, 11), rowAt(4, 14), rowAt(5, 15)];
  const two = [1, 2, 3, 4, 5].map((minute) => rowAt(minute, 20 + minute, { exchange: 'two' }));
  const { queries } = worldOf([...one, ...two]);
  const filled = await walk(queries, { fill: 'previous', fromMs: T0 });
  const seen = filled.candles.map(({ count, complete, source, close }) => [count, complete, source, close]);
  assert.deepEqual(seen, [
    [1, true, 'ticks', 10],
    [1, true, 'ticks', 11],
    [0, false, 'fill', 11],
    [0, false, 'fill', 11],
    [1, true, 'ticks', 14],
    [1, true, 'ticks', 15],
  ]);
  // `two` began at minute 1: before that it is not missing. `three` has never had the pair.
  const merged = await walk(queries, { exchange: null, fromMs: T0 });
  assert.deepEqual(
    merged.candles.map(({ complete, exchanges }) => [complete, exchanges]),
    [
      [true, ['one']],
      [true, ['one', 'two']],
      [false, ['two']],
      [false, ['two']],
      [true, ['one', 'two']],
      [true, ['one', 'two']],
    ],
  );
  // A page that begins after `one` went silent knows it all the same.
  const later = await walk(queries, { exchange: null, fromMs: at(2), toMs: at(4) });
  assert.deepEqual(
    later.candles.map(({ complete }) => complete),
    [false, false],
  );
});

test('figures: exact sums rounded once, null where nothing is known, no average price of nothing', async () => {
  const tick = (quantity: number | null, price = 0.1) => ({ atMs: T0, price, quantity, tradeId: null });
  const of = (rows: CandleRow) => candleOf(rows);
  const ten = of(rowOfTicks(Array.from({ length: 10 }, (_, i) => ({ ...tick(0.1, 3), tradeId: i + 7 }))));
  assert.deepEqual([ten.volume, ten.count, ten.average, ten.firstTradeId, ten.lastTradeId], [1, 10, 3, 7, 16]);
  const none = of(rowOfTicks([tick(null)]));
  assert.deepEqual([none.volume, none.quoteVolume, none.vwap, none.firstTradeId], [null, null, null, null]);
  const empty = of(rowOfTicks([tick(0)]));
  assert.deepEqual([empty.volume, empty.quoteVolume, empty.vwap], [0, 0, null]);
  const half = of(rowOfTicks([tick(2, 10), tick(null, 90), tick(6, 30)]));
  assert.deepEqual([half.volume, half.quoteVolume, half.vwap, half.average], [8, 200, 25, 130 / 3]);
});

test('a range is settled when no tick can reach its last candle at any exchange, and none of it is forming', async () => {
  const { queries, memory } = worldOf([rowAt(0, 1), rowAt(1, 2, { exchange: 'two' })]);
  const settled = async (changes: object) => {
    const answer = await queries.candles({ ...QUESTION, ...changes });
    return answer.ok && answer.value.settled;
  };
  assert.equal(await settled({ toMs: at(2) }), false);
  memory.settledMs = { one: at(2), two: at(2) };
  assert.equal(await settled({ toMs: at(2) }), true);
  // The candle that opens before 2:30 ends at 3:00.
  assert.equal(await settled({ toMs: at(2) + 1 }), false);
  memory.settledMs = { one: at(2) + 30_000, two: at(2) };
  assert.equal(await settled({ toMs: at(2) + 1 }), false);
  assert.equal(await settled({}), false);
  assert.equal(await settled({ exchange: null, toMs: at(2) }), false);
  memory.settledMs['three'] = at(9);
  assert.equal(await settled({ exchange: null, toMs: at(2) }), true);
  memory.held.push(rowAt(1, 5, { state: 'forming' }));
  assert.equal(await settled({ toMs: at(2) }), false);
});

test('what settles while the candles are read may have changed before it did', async () => {
  const { queries, store, memory } = worldOf([rowAt(0, 1)]);
  let open = () => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  const asked = queries.candles({ ...QUESTION, toMs: at(1) });
  await new Promise((resolve) => setImmediate(resolve));
  memory.settledMs = { one: at(9) };
  open();
  const answer = await asked;
  assert.equal(answer.ok && answer.value.settled, false);
});

test('a process without the pipeline answers from the store, and calls nothing settled', async () => {
  const { queries } = worldOf([rowAt(0, 1), rowAt(1, 2)], [], { memory: null });
  const answer = await queries.candles({ ...QUESTION, toMs: at(2) });
  assert.ok(answer.ok);
  assert.deepEqual([answer.value.candles.length, answer.value.settled], [2, false]);
});

test('names: in any case, of the mode asked for; unknown ones are told apart', async () => {
  const { queries } = worldOf([rowAt(0, 1), { ...rowAt(0, 2), mode: 'test' }]);
  const asked = async (changes: object) => {
    const answer = await queries.candles({ ...QUESTION, ...changes });
    return answer.ok ? [answer.value.exchange, answer.value.symbol, answer.value.candles[0]?.close] : answer.failure;
  };
  assert.deepEqual(await asked({ exchange: 'ONE', symbol: 'btc' }), ['one', 'BTC', 1]);
  assert.deepEqual(await asked({ mode: 'test' }), ['one', 'BTC', 2]);
  assert.equal(await asked({ exchange: 'four' }), 'unknown_exchange');
  assert.equal(await asked({ exchange: 'two', mode: 'test' }), 'unknown_exchange');
  assert.equal(await asked({ symbol: 'ETH' }), 'unknown_symbol');
  assert.deepEqual(await asked({ exchange: 'three' }), ['three', 'BTC', undefined]);
});

test('a store that fails or hangs is unavailable, and the next question is answered again', async () => {
  const { queries, store } = worldOf([rowAt(0, 1)]);
  const cause = new Error('gone');
  store.gate = Promise.reject(cause);
  const failed = await queries.candles(QUESTION);
  assert.deepEqual(failed.ok ? null : failed.failure, 'unavailable');
  store.gate = new Promise(() => undefined);
  const hung = await queries.candles(QUESTION);
  assert.deepEqual(hung.ok ? null : hung.failure, 'unavailable');
  store.gate = Promise.resolve();
  assert.equal((await queries.candles(QUESTION)).ok, true);
});

test('a few questions are under way at once, others wait, too many are unavailable', async () => {
  const { queries, store } = worldOf([rowAt(0, 1)]);
  let open = () => {};
  store.gate = new Promise((resolve) => {
    open = resolve;
  });
  const asked = Array.from({ length: 300 }, () => queries.candles(QUESTION));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(store.asked.length, 8);
  open();
  const answers = await Promise.all(asked);
  const refused = answers.filter((answer) => !answer.ok && answer.failure === 'unavailable');
  assert.deepEqual([refused.length, answers.filter(({ ok }) => ok).length], [300 - 8 - 256, 8 + 256]);
  assert.equal((await queries.candles(QUESTION)).ok, true);
});

test('volumes are the decimals that were added up, as far as doubles can tell', () => {
  const decimals = fc.array(fc.tuple(fc.integer({ min: 0, max: 10 ** 9 }), fc.integer({ min: 0, max: 99_999_999 })), {
    ...{ minLength: 1, maxLength: 60 },
  });
  fc.assert(
    fc.property(decimals, fc.integer({ min: 0, max: 8 }), (quantities, places) => {
      const cut = quantities.map(([whole, part]) => [whole % 10 ** (6 - (places >> 1)), part % 10 ** places] as const);
      const units = cut.reduce((sum, [whole, part]) => sum + BigInt(whole) * 10n ** BigInt(places) + BigInt(part), 0n);
      const text = units.toString().padStart(places + 1, '0');
      const exact = `${text.slice(0, text.length - places)}.${text.slice(text.length - places)}`;
      const ticks = cut.map(([whole, part], i) => {
        const quantity = Number(`${whole}.${String(part).padStart(places, '0')}`);
        return { atMs: T0 + i, price: 1, quantity, tradeId: null };
      });
      assert.equal(candleOf(rowOfTicks(ticks)).volume, Number(exact));
    }),
  );
  // With more digits than a double holds for sure, the sum stays what it is.
  assert.equal(decimalOf(1_234_567_890.1234567, 2 ** -52), 1_234_567_890.1234567);
  assert.equal(decimalOf(0, 2 ** -52), 0);
  assert.equal(decimalOf(Number.MAX_VALUE, 2 ** -52), Number.MAX_VALUE);
});

test('means are in the range of the prices also where their sum is beyond the greatest double', () => {
  const ticks = Array.from({ length: 4 }, (_, i) => ({ atMs: T0 + i, price: 1e308, quantity: 1e308, tradeId: null }));
  const { average, vwap, low, high } = candleOf(rowOfTicks(ticks));
  assert.deepEqual({ average, vwap, low, high }, { average: 1e308, vwap: 1e308, low: 1e308, high: 1e308 });
});
