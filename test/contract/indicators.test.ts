import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ATR, BollingerBands, EMA, RSI, SMA, WMA } from 'trading-signals';
import { formulas } from '../../internal/adapter/out/indicators/formulas.ts';
import { indicatorsContract } from './indicators.contract.ts';
import { MACD_CLOSES } from './indicators-published.ts';

indicatorsContract('formulas', formulas);

const closesOf = fc.array(fc.double({ min: 0.01, max: 100_000, noNaN: true }), { minLength: 1, maxLength: 80 });
const near = (a: number, b: number, scale: number) => assert.ok(Math.abs(a - b) <= 1e-9 * scale, `${a} is not ${b}`);

test('the library trading-signals comes to the same where it is right: sma, wma, rsi, atr, bollinger', () => {
  fc.assert(
    fc.property(closesOf, fc.integer({ min: 2, max: 20 }), (closes, period) => {
      const scale = Math.max(100, ...closes);
      const peers = [
        ['sma', new SMA(period)],
        ['wma', new WMA(period)],
        ['rsi', new RSI(period)],
      ] as const;
      for (const [name, peer] of peers) {
        const next = formulas.open({ name, period });
        for (const close of closes)
          compare(next({ ...BAR, high: close, low: close, close })?.['value'], peer.add(close), scale);
      }
      const next = formulas.open({ name: 'atr', period });
      const atr = new ATR(period);
      for (const close of closes) {
        const bar = { high: close * 1.25, low: close / 1.25, close };
        compare(next({ ...BAR, ...bar })?.['value'], atr.add(bar), scale);
      }
      const bands = formulas.open({ name: 'bollinger', period, deviations: 2 });
      const peer = new BollingerBands(period, 2);
      for (const close of closes) {
        const ours = bands({ ...BAR, high: close, low: close, close });
        const theirs = peer.add(close);
        for (const key of ['lower', 'middle', 'upper'] as const) compare(ours?.[key], theirs?.[key] ?? null, scale);
      }
    }),
  );
});

test('and is not where it is not: why it is not used', () => {
  // Its EMA begins with the first price, so that the first values are not those of TA-Lib, and come before the warm-up.
  const ema = new EMA(10);
  const first = MACD_CLOSES.slice(0, 10).map((close) => ema.add(close));
  assert.equal(first[0], 91.5);
  assert.ok(Math.abs((first[9] ?? 0) - 93.22) > 0.5);
  // Its RSI of one candle never has a value.
  const rsi = new RSI(1);
  assert.deepEqual(
    [1, 2, 3].map((close) => rsi.add(close)),
    [null, null, null],
  );
});

const BAR = { volume: null, quoteVolume: null };

function compare(ours: number | undefined, theirs: number | null, scale: number): void {
  if (theirs === null) assert.equal(ours, undefined);
  else near(ours ?? Number.NaN, theirs, scale);
}
