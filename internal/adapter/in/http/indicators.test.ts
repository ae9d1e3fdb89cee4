import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IndicatorQuestion, IndicatorSeries } from '../../../application/port/in/candle-queries.ts';
import type { IndicatorValues } from '../../../application/port/out/indicators.ts';
import { INTERVALS_MS, problemOf, startServer } from './test-server.ts';

function indicatorsOf(values: IndicatorValues = { value: 2.5 }) {
  const asked: IndicatorQuestion[] = [];
  const indicators = {
    intervalsMs: INTERVALS_MS,
    indicator: async (question: IndicatorQuestion) => {
      asked.push(question);
      const { mode, exchange, symbol, fromMs, toMs } = question;
      const series: IndicatorSeries = {
        ...{ mode: mode ?? 'test', exchange, symbol, fromMs, toMs: toMs ?? 9_000, warmUp: 20, more: false },
        points: [{ openTime: 1_000, closeTime: 2_000, state: 'forming', complete: false, values }],
      };
      return { ok: true, value: series } as const;
    },
  };
  return { asked, indicators };
}

test('defaults and parameters of each indicator', async (t) => {
  const { asked, indicators } = indicatorsOf();
  const { url } = await startServer(t, { indicators });
  const specOf = async (query: string) => {
    const response = await fetch(`${url}/v1/indicators/exchange1/BTCUSDT?${query}`);
    assert.equal(response.status, 200, query);
    return asked.at(-1)?.spec;
  };
  for (const name of ['sma', 'ema', 'wma', 'vwap'])
    assert.deepEqual(await specOf(`name=${name}`), { name, period: 20 });
  for (const name of ['rsi', 'atr']) assert.deepEqual(await specOf(`name=${name}`), { name, period: 14 });
  assert.deepEqual(await specOf('name=sma&period=500'), { name: 'sma', period: 500 });
  assert.deepEqual(await specOf('name=macd'), { name: 'macd', fast: 12, slow: 26, signal: 9 });
  assert.deepEqual(await specOf('name=macd&fast=3&slow=4&signal=1'), { name: 'macd', fast: 3, slow: 4, signal: 1 });
  assert.deepEqual(await specOf('name=bollinger'), { name: 'bollinger', period: 20, deviations: 2 });
  assert.deepEqual(await specOf('name=bollinger&period=5&deviations=2.5'), {
    ...{ name: 'bollinger', period: 5, deviations: 2.5 },
  });
  await specOf('name=rsi&interval=5m&from=5&to=9&limit=1000&order=desc&mode=live');
  assert.deepEqual(asked.at(-1), {
    ...{ mode: 'live', exchange: 'exchange1', symbol: 'BTCUSDT', intervalMs: 300_000, fromMs: 5, toMs: 9 },
    ...{ spec: { name: 'rsi', period: 14 }, limit: 1_000, order: 'desc' },
  });
});

test('the answer says what was computed and of which candles', async (t) => {
  const plain = await startServer(t, indicatorsOf());
  const response = await fetch(`${plain.url}/v1/indicators/exchange1/BTCUSDT?name=ema&period=3`);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  const head = { exchange: 'exchange1', symbol: 'BTCUSDT', mode: 'test', interval: '1m', from: null, to: 9_000 };
  assert.deepEqual(await response.json(), {
    ...head,
    ...{ order: 'asc', name: 'ema', parameters: { period: 3 }, warmUp: 20, more: false },
    values: [{ openTime: 1_000, closeTime: 2_000, state: 'forming', complete: false, value: 2.5 }],
  });
  const lines = { macd: 1, signal: 2, histogram: -1 };
  const macd = await startServer(t, indicatorsOf(lines));
  const answer = await (await fetch(`${macd.url}/v1/indicators/exchange1/BTCUSDT?name=macd`)).json();
  assert.deepEqual((answer as { values: object[] }).values, [
    { openTime: 1_000, closeTime: 2_000, state: 'forming', complete: false, ...lines },
  ]);
});

test('what is out of bounds, missing, or of another indicator is refused with the bounds', async (t) => {
  const { asked, indicators } = indicatorsOf();
  const { url } = await startServer(t, { indicators });
  const cases = [
    ['', 'invalid_parameter', /name is one of sma, ema, wma, vwap, rsi, atr, macd, bollinger/],
    ['name=SMA', 'invalid_parameter', /name is one of/],
    ['name=sma&name=ema', 'invalid_parameter', /name comes more than once/],
    ['name=sma&period=0', 'invalid_parameter', /period is a whole number from 1 to 500/],
    ['name=rsi&period=201', 'invalid_parameter', /from 1 to 200/],
    ['name=sma&period=5&period=6', 'invalid_parameter', /period comes more than once/],
    ['name=sma&period=10s', 'invalid_parameter', /whole number/],
    ['name=bollinger&period=1', 'invalid_parameter', /from 2 to 500/],
    ['name=bollinger&deviations=0', 'invalid_parameter', /deviations is a number from 0.1 to 10/],
    ['name=bollinger&deviations=1e1', 'invalid_parameter', /deviations/],
    ['name=macd&period=5', 'invalid_parameter', /macd has no period; it takes fast, slow, signal/],
    ['name=sma&fast=5', 'invalid_parameter', /sma has no fast; it takes period/],
    ['name=macd&fast=26', 'invalid_parameter', /fast is less than slow/],
    ['name=macd&signal=0', 'invalid_parameter', /signal is a whole number from 1 to 200/],
    ['name=sma&interval=2m', 'invalid_interval', /1s, 1m, 5m, 1w/],
    ['name=sma&limit=1001', 'invalid_limit', /from 1 to 1000/],
    ['name=sma&interval=1s&from=0', 'invalid_range', /50000000 intervals/],
    ['name=sma&cursor=x', 'unknown_parameter', /cursor/],
  ] as const;
  for (const [query, code, detail] of cases) {
    const response = await fetch(`${url}/v1/indicators/exchange1/BTCUSDT?${query}`);
    assert.equal(response.status, 400, query);
    const problem = await problemOf(response);
    assert.equal(problem.code, code, query);
    assert.match(problem.detail, detail, query);
  }
  assert.deepEqual(asked, []);
});
