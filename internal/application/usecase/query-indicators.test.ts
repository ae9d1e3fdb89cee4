import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IndicatorQuestion } from '../port/in/candle-queries.ts';
import type { IndicatorInput, Indicators } from '../port/out/indicators.ts';
import { MINUTE_MS, rowAt, rowOfTicks, T0, worldOf } from './query-candles.test-kit.ts';
import { QueryIndicators } from './query-indicators.ts';

const at = (minute: number): number => T0 + minute * MINUTE_MS;

/** The closes so far, joined as a number, of the newest three: shows what was seen, in which order. */
class Recorder implements Indicators {
  readonly seen: number[] = [];
  settling = 0;

  warmUpCandles(): number {
    return 3;
  }

  settlingCandles(): number {
    return this.settling;
  }

  open() {
    this.seen.length = 0;
    return ({ close }: IndicatorInput) => {
      this.seen.push(close);
      const [a = 0, b = 0, c] = this.seen.slice(-3);
      return c === undefined ? null : { value: a * 10_000 + b * 100 + c };
    };
  }
}

const QUESTION: IndicatorQuestion = {
  ...{ mode: null, exchange: 'One', symbol: 'btc', intervalMs: MINUTE_MS, spec: { name: 'sma', period: 3 } },
  ...{ fromMs: null, toMs: null, limit: 500, order: 'asc' },
};

/** Minutes 1 to 9 without 4 and 5, each closing at its number. */
const rows = [1, 2, 3, 6, 7, 8, 9].map((minute) => rowAt(minute, minute, { complete: minute !== 3 }));
rows.push(rowAt(10, 10, { state: 'forming', complete: false }));

async function ask(recorder: Recorder, changes: Partial<IndicatorQuestion>) {
  const { source } = worldOf(rows);
  const answer = await new QueryIndicators(source, recorder).indicator({ ...QUESTION, ...changes });
  if (!answer.ok) throw new Error(answer.failure);
  return answer.value;
}

const valuesOf = (series: Awaited<ReturnType<typeof ask>>) => series.points.map(({ values }) => values['value']);

test('values need their warm-up, are of candles that exist, and say what their candle says', async () => {
  const recorder = new Recorder();
  const series = await ask(recorder, {});
  assert.deepEqual(valuesOf(series), [10203, 20306, 30607, 60708, 70809, 80910]);
  assert.deepEqual([series.exchange, series.symbol, series.mode, series.warmUp], ['one', 'BTC', 'live', 3]);
  assert.deepEqual(series.points[0], {
    ...{ openTime: at(3), closeTime: at(4), state: 'final', complete: false, values: { value: 10203 } },
  });
  const newest = series.points.at(-1);
  assert.deepEqual([newest?.openTime, newest?.state], [at(10), 'forming']);
});

test('a range in the middle has the values that the whole has: earlier candles are read, over gaps', async () => {
  const recorder = new Recorder();
  const series = await ask(recorder, { fromMs: at(7), toMs: at(9) });
  assert.deepEqual(valuesOf(series), [30607, 60708]);
  assert.deepEqual(recorder.seen, [3, 6, 7, 8]);
  recorder.settling = 2;
  await ask(recorder, { fromMs: at(7), toMs: at(9) });
  assert.deepEqual(recorder.seen, [1, 2, 3, 6, 7, 8]);
  recorder.settling = 100;
  assert.deepEqual(valuesOf(await ask(recorder, { fromMs: at(1), toMs: at(4) })), [10203]);
});

test('limit and order: the first of a range, the newest of all, or the newest first', async () => {
  const recorder = new Recorder();
  const asked = async (changes: Partial<IndicatorQuestion>) => {
    const series = await ask(recorder, changes);
    return [valuesOf(series), series.more];
  };
  assert.deepEqual(await asked({ limit: 2, fromMs: at(3) }), [[10203, 20306], true]);
  assert.deepEqual(await asked({ limit: 2 }), [[70809, 80910], false]);
  assert.deepEqual(await asked({ limit: 2, order: 'desc' }), [[80910, 70809], true]);
  assert.deepEqual(await asked({ limit: 8, order: 'desc', fromMs: at(9) }), [[80910, 70809], false]);
  assert.deepEqual(await asked({ fromMs: at(20), toMs: at(30) }), [[], false]);
});

test('a feed without quantities has no vwap, and that is said; other failures pass through', async () => {
  const vwap = { name: 'vwap', period: 3 } as const;
  const queries = new QueryIndicators(worldOf(rows).source, new Recorder());
  const failureOf = async (changes: Partial<IndicatorQuestion>) => {
    const answer = await queries.indicator({ ...QUESTION, ...changes });
    return answer.ok ? null : answer.failure;
  };
  assert.equal(await failureOf({ spec: vwap }), 'no_data');
  assert.equal(await failureOf({ spec: vwap, fromMs: at(20), toMs: at(30) }), null);
  assert.equal(await failureOf({ exchange: 'four' }), 'unknown_exchange');
  assert.equal(await failureOf({ symbol: 'ETH' }), 'unknown_symbol');
  const traded = rowOfTicks([{ atMs: T0, price: 2, quantity: 1, tradeId: null }]);
  const others = new QueryIndicators(worldOf([traded]).source, new Recorder());
  assert.equal((await others.indicator({ ...QUESTION, spec: vwap })).ok, true);
  const { source, store } = worldOf(rows);
  store.gate = Promise.reject(new Error('gone'));
  const failed = await new QueryIndicators(source, new Recorder()).indicator(QUESTION);
  assert.equal(failed.ok ? null : failed.failure, 'unavailable');
});
