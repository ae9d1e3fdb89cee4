import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type {
  IndicatorInput,
  IndicatorSpec,
  Indicators,
  IndicatorValues,
} from '../../internal/application/port/out/indicators.ts';
import {
  MACD_CLOSES,
  MACD_FIRST,
  MOVING_AVERAGES,
  STOCKCHARTS_ATR,
  STOCKCHARTS_BANDS,
  STOCKCHARTS_RSI,
} from './indicators-published.ts';

const candleOf = (close: number): IndicatorInput => ({ high: close, low: close, close, volume: 1, quoteVolume: close });

type Result = (IndicatorValues | null)[];

/** A naive form of each: from the definition, over the whole list, knowing nothing of streams. */
const NAIVE = {
  sma: (closes: readonly number[], at: number, period: number) => sum(closes.slice(at - period + 1, at + 1)) / period,
  wma: (closes: readonly number[], at: number, period: number) => {
    let weighted = 0;
    for (let k = 1; k <= period; k++) weighted += k * closes[at - period + k]!;
    return weighted / ((period * (period + 1)) / 2);
  },
  /** Unrolled: the simple average of the first `period`, then each later value with its geometric weight. */
  recursive: (values: readonly number[], at: number, period: number, share: number) => {
    let total = (sum(values.slice(0, period)) / period) * (1 - share) ** (at - period + 1);
    for (let i = period; i <= at; i++) total += share * values[i]! * (1 - share) ** (at - i);
    return total;
  },
};

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function near(actual: number, expected: number, share = 1e-9, scale = Math.abs(expected)): void {
  assert.ok(Math.abs(actual - expected) <= share * Math.max(scale, 1e-9), `${actual} is not ${expected}`);
}

const price = fc.double({ min: 0.01, max: 100_000, noNaN: true });
const closesOf = (min: number) => fc.array(price, { minLength: min, maxLength: 120 });
const period = fc.integer({ min: 1, max: 30 });

export function indicatorsContract(name: string, indicators: Indicators): void {
  const run = (spec: IndicatorSpec, candles: readonly IndicatorInput[]): Result => {
    const next = indicators.open(spec);
    return candles.map((candle) => next(candle));
  };
  const ofCloses = (spec: IndicatorSpec, closes: readonly number[]) => run(spec, closes.map(candleOf));
  /** Values at and beyond the warm-up are as `expected`, and before it there is none. */
  const check = (spec: IndicatorSpec, results: Result, expected: (at: number) => number, scale?: number) => {
    const warmUp = indicators.warmUpCandles(spec);
    for (const [at, result] of results.entries()) {
      if (at < warmUp - 1) assert.equal(result, null, `${spec.name} at ${at}`);
      else near(result?.['value'] ?? Number.NaN, expected(at), 1e-9, scale);
    }
  };

  test(`${name}: published examples of StockCharts: RSI, ATR and Bollinger Bands, every row of their sheets`, () => {
    const rsi = ofCloses({ name: 'rsi', period: 14 }, STOCKCHARTS_RSI.closes);
    assert.equal(
      rsi.findIndex((result) => result !== null),
      14,
    );
    assert.deepEqual(
      rsi.slice(14).map((result) => round(result?.['value'], 4)),
      STOCKCHARTS_RSI.values,
    );

    const atr = run(
      { name: 'atr', period: 14 },
      STOCKCHARTS_ATR.bars.map(([high, low, close]) => ({ high, low, close, volume: null, quoteVolume: null })),
    );
    assert.equal(
      atr.findIndex((result) => result !== null),
      13,
    );
    assert.deepEqual(
      atr.slice(13).map((result) => round(result?.['value'], 6)),
      STOCKCHARTS_ATR.values,
    );

    const bands = ofCloses({ name: 'bollinger', period: 20, deviations: 2 }, STOCKCHARTS_BANDS.closes);
    assert.equal(
      bands.findIndex((result) => result !== null),
      19,
    );
    for (const [i, [middle, upper, lower]] of STOCKCHARTS_BANDS.values.entries()) {
      const result = bands[19 + i];
      // Their closes are rounded to four decimals, their results were not.
      near(result?.['middle'] ?? Number.NaN, middle, 1e-6);
      near(result?.['upper'] ?? Number.NaN, upper, 1e-6);
      near(result?.['lower'] ?? Number.NaN, lower, 1e-6);
    }
  });

  test(`${name}: published values of TA-Lib's own regression tests: SMA, WMA, EMA and MACD over 252 days`, () => {
    for (const { name: average, period: length, index, value, digits } of MOVING_AVERAGES) {
      const results = ofCloses({ name: average, period: length }, MACD_CLOSES);
      const actual = results[length - 1 + index]?.['value'] ?? Number.NaN;
      assert.ok(Math.abs(actual - value) < 10 ** -digits, `${average}(${length})[${index}] ${actual} is not ${value}`);
    }
    const macd = ofCloses({ name: 'macd', fast: 12, slow: 26, signal: 9 }, MACD_CLOSES);
    assert.equal(
      macd.findIndex((result) => result !== null),
      MACD_FIRST.index,
    );
    const first = macd[MACD_FIRST.index];
    assert.deepEqual([round(first?.['macd'], 4), round(first?.['signal'], 4)], [MACD_FIRST.macd, MACD_FIRST.signal]);
    near(first?.['histogram'] ?? Number.NaN, (first?.['macd'] ?? 0) - (first?.['signal'] ?? 0));
  });

  test(`${name}: sma, wma and ema are their definitions`, () => {
    fc.assert(
      fc.property(closesOf(1), period, (closes, length) => {
        const scale = Math.max(...closes);
        const at = (spec: 'sma' | 'wma' | 'ema') => ofCloses({ name: spec, period: length }, closes);
        check({ name: 'sma', period: length }, at('sma'), (i) => NAIVE.sma(closes, i, length), scale);
        check({ name: 'wma', period: length }, at('wma'), (i) => NAIVE.wma(closes, i, length), scale);
        const share = 2 / (length + 1);
        check({ name: 'ema', period: length }, at('ema'), (i) => NAIVE.recursive(closes, i, length, share), scale);
      }),
    );
  });

  test(`${name}: macd is the difference of its averages, and signal the average of that`, () => {
    const spans = fc.tuple(
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 1, max: 9 }),
    );
    fc.assert(
      fc.property(closesOf(1), spans, (closes, [fast, more, signal]) => {
        const slow = fast + more;
        const scale = Math.max(...closes);
        const lines: number[] = [];
        for (let i = slow - 1; i < closes.length; i++) {
          const quick = NAIVE.recursive(closes.slice(slow - fast), i - (slow - fast), fast, 2 / (fast + 1));
          lines.push(quick - NAIVE.recursive(closes, i, slow, 2 / (slow + 1)));
        }
        const spec = { name: 'macd', fast, slow, signal } as const;
        assert.equal(indicators.warmUpCandles(spec), slow + signal - 1);
        for (const [i, result] of ofCloses(spec, closes).entries()) {
          if (i < slow + signal - 2) {
            assert.equal(result, null);
            continue;
          }
          const at = i - slow + 1;
          const expected = NAIVE.recursive(lines, at, signal, 2 / (signal + 1));
          near(result?.['macd'] ?? Number.NaN, lines[at]!, 1e-9, scale);
          near(result?.['signal'] ?? Number.NaN, expected, 1e-9, scale);
          near(result?.['histogram'] ?? Number.NaN, lines[at]! - expected, 1e-9, scale);
        }
      }),
    );
  });

  test(`${name}: rsi is the share of gains, smoothed as Wilder did, within 0 and 100`, () => {
    fc.assert(
      fc.property(closesOf(2), period, (closes, length) => {
        const changes = closes.slice(1).map((close, i) => close - closes[i]!);
        const smooth = (values: readonly number[], at: number) => NAIVE.recursive(values, at, length, 1 / length);
        const gains = changes.map((change) => Math.max(change, 0));
        const losses = changes.map((change) => (change < 0 ? -change : 0));
        const expected = (i: number) => {
          const [gain, loss] = [smooth(gains, i - 1), smooth(losses, i - 1)];
          return loss === 0 ? 100 : (100 * gain) / (gain + loss);
        };
        const results = ofCloses({ name: 'rsi', period: length }, closes);
        check({ name: 'rsi', period: length }, results, expected, 100);
        for (const result of results) assert.ok(result === null || (result['value']! >= 0 && result['value']! <= 100));
      }),
    );
  });

  test(`${name}: atr is the smoothed true range; of the first candle that is its height`, () => {
    const bar = fc.tuple(price, price, fc.double({ min: 0, max: 1, noNaN: true })).map(([a, b, share]) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      return { high, low, close: low + (high - low) * share, volume: null, quoteVolume: null };
    });
    fc.assert(
      fc.property(fc.array(bar, { minLength: 1, maxLength: 100 }), period, (bars, length) => {
        const ranges = bars.map(({ high, low }, i) => {
          const before = bars[i - 1]?.close;
          return before === undefined
            ? high - low
            : Math.max(high - low, Math.abs(high - before), Math.abs(low - before));
        });
        const scale = Math.max(...ranges);
        const expected = (i: number) => NAIVE.recursive(ranges, i, length, 1 / length);
        check({ name: 'atr', period: length }, run({ name: 'atr', period: length }, bars), expected, scale);
      }),
    );
  });

  test(`${name}: bollinger is the mean and the population's deviation times the factor`, () => {
    const factor = fc.double({ min: 0.1, max: 10, noNaN: true });
    fc.assert(
      fc.property(closesOf(1), fc.integer({ min: 2, max: 30 }), factor, (closes, length, deviations) => {
        const scale = Math.max(...closes);
        const results = ofCloses({ name: 'bollinger', period: length, deviations }, closes);
        for (const [i, result] of results.entries()) {
          if (i < length - 1) {
            assert.equal(result, null);
            continue;
          }
          const window = closes.slice(i - length + 1, i + 1);
          const middle = sum(window) / length;
          const spread = deviations * Math.sqrt(sum(window.map((value) => (value - middle) ** 2)) / length);
          near(result?.['middle'] ?? Number.NaN, middle, 1e-9, scale);
          near(result?.['upper'] ?? Number.NaN, middle + spread, 1e-9, scale * deviations);
          near(result?.['lower'] ?? Number.NaN, middle - spread, 1e-9, scale * deviations);
        }
      }),
    );
  });

  test(`${name}: vwap is what was paid over what was traded in the window, and is not there without volumes`, () => {
    const traded = fc.tuple(price, fc.double({ min: 0.001, max: 1_000, noNaN: true }));
    fc.assert(
      fc.property(fc.array(traded, { minLength: 1, maxLength: 80 }), period, (trades, length) => {
        const candles = trades.map(([at, volume]) => ({ ...candleOf(at), volume, quoteVolume: at * volume }));
        const expected = (i: number) => {
          const window = candles.slice(i - length + 1, i + 1);
          return sum(window.map((one) => one.quoteVolume)) / sum(window.map((one) => one.volume));
        };
        check({ name: 'vwap', period: length }, run({ name: 'vwap', period: length }, candles), expected);
      }),
    );
    const dry = { ...candleOf(5), volume: null, quoteVolume: null };
    const idle = { ...candleOf(5), volume: 0, quoteVolume: 0 };
    const vwap = { name: 'vwap', period: 1 } as const;
    assert.deepEqual(run(vwap, [dry, idle, candleOf(7)]), [null, null, { value: 7 }]);
  });

  test(`${name}: a market that stands still`, () => {
    const still = Array.from({ length: 60 }, () => 7.5);
    const last = (spec: IndicatorSpec) => ofCloses(spec, still).at(-1);
    for (const average of ['sma', 'ema', 'wma', 'vwap'] as const)
      assert.deepEqual(last({ name: average, period: 20 }), { value: 7.5 });
    assert.deepEqual(last({ name: 'rsi', period: 14 }), { value: 100 });
    assert.deepEqual(last({ name: 'atr', period: 14 }), { value: 0 });
    assert.deepEqual(last({ name: 'macd', fast: 12, slow: 26, signal: 9 }), { macd: 0, signal: 0, histogram: 0 });
    assert.deepEqual(last({ name: 'bollinger', period: 20, deviations: 2 }), { lower: 7.5, middle: 7.5, upper: 7.5 });
  });

  test(`${name}: after the settling it does not matter where the computation began`, () => {
    const specs: IndicatorSpec[] = [
      ...(['sma', 'ema', 'wma', 'vwap', 'rsi', 'atr'] as const).map((one) => ({ name: one, period: 9 })),
      { name: 'macd', fast: 5, slow: 9, signal: 4 },
      { name: 'bollinger', period: 9, deviations: 2 },
    ];
    const walk = (length: number, start: number) => {
      let at = start;
      return Array.from({ length }, (_, i) => {
        at += Math.sin(i * 12.9898) * 0.5;
        return at;
      });
    };
    for (const spec of specs) {
      const lead = indicators.warmUpCandles(spec) - 1 + indicators.settlingCandles(spec);
      const closes = walk(lead + 400, 1_000);
      const whole = ofCloses(spec, closes);
      for (const from of [1, 150, 399]) {
        const late = ofCloses(spec, closes.slice(from));
        for (let i = lead; i < late.length; i += 37) {
          for (const [key, value] of Object.entries(whole[from + i] ?? assert.fail(spec.name))) {
            near(late[i]?.[key] ?? Number.NaN, value, 1e-9, 1);
          }
        }
      }
    }
  });
}

function round(value: number | undefined, digits: number): number {
  return Number((value ?? Number.NaN).toFixed(digits));
}
