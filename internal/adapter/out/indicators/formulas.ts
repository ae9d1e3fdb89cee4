import type {
  IndicatorInput,
  IndicatorSpec,
  IndicatorStream,
  Indicators,
} from '../../../application/port/out/indicators.ts';
import { type Average, exponential, mean, simple, smoothed, weighted, windowOf } from './moving-averages.ts';

/** So many time constants leave e^-28 = 7e-13 of what came before: of an EMA (period + 1) / 2 candles each, of Wilder's `period`. */
const TIME_CONSTANTS = 28;

/**
 * The formulas in their published form: recursive averages begin with a simple average, the deviation is that of a
 * population, true range and RSI are smoothed as Wilder did. Checked in `test/contract/indicators.test.ts`.
 */
export const formulas: Indicators = {
  warmUpCandles(spec) {
    if (spec.name === 'macd') return spec.slow + spec.signal - 1;
    return spec.name === 'rsi' ? spec.period + 1 : spec.period;
  },
  settlingCandles(spec) {
    switch (spec.name) {
      case 'ema':
        return exponentialSettling(spec.period);
      case 'macd':
        return exponentialSettling(spec.slow) + exponentialSettling(spec.signal);
      case 'rsi':
      case 'atr':
        return TIME_CONSTANTS * spec.period;
      default:
        return 0;
    }
  },
  open(spec: IndicatorSpec): IndicatorStream {
    switch (spec.name) {
      case 'sma':
        return ofClose(simple(spec.period));
      case 'ema':
        return ofClose(exponential(spec.period));
      case 'wma':
        return ofClose(weighted(spec.period));
      case 'vwap':
        return volumeWeighted(spec.period);
      case 'rsi':
        return relativeStrength(spec.period);
      case 'atr':
        return averageTrueRange(spec.period);
      case 'macd':
        return convergence(spec.fast, spec.slow, spec.signal);
      case 'bollinger':
        return bands(spec.period, spec.deviations);
    }
  },
};

function exponentialSettling(period: number): number {
  return (TIME_CONSTANTS / 2) * (period + 1);
}

function ofClose(average: Average): IndicatorStream {
  return ({ close }) => {
    const value = average(close);
    return value === null ? null : { value };
  };
}

/** Over the newest `period` candles, from the traded amounts themselves and not from typical prices. */
function volumeWeighted(period: number): IndicatorStream {
  const window = windowOf<IndicatorInput>(period);
  return (candle) => {
    const candles = window(candle);
    if (candles === null) return null;
    let volume = 0;
    let quoteVolume = 0;
    for (const held of candles) {
      if (held.volume === null || held.quoteVolume === null) return null;
      volume += held.volume;
      quoteVolume += held.quoteVolume;
    }
    const value = quoteVolume / volume;
    return volume > 0 && Number.isFinite(value) ? { value } : null;
  };
}

/** Without any loss it is 100, a market that stands still included. */
function relativeStrength(period: number): IndicatorStream {
  const gains = smoothed(period);
  const losses = smoothed(period);
  let previous: number | null = null;
  return ({ close }) => {
    const change = previous === null ? null : close - previous;
    previous = close;
    if (change === null) return null;
    const gain = gains(Math.max(0, change));
    const loss = losses(Math.max(0, -change));
    if (gain === null || loss === null) return null;
    return { value: loss === 0 ? 100 : 100 - 100 / (1 + gain / loss) };
  };
}

/** The true range of the first candle is its height. */
function averageTrueRange(period: number): IndicatorStream {
  const average = smoothed(period);
  let previousClose: number | null = null;
  return ({ high, low, close }) => {
    const from = previousClose ?? close;
    previousClose = close;
    const value = average(Math.max(high, from) - Math.min(low, from));
    return value === null ? null : { value };
  };
}

/** Both averages have their first value at the same candle, as in TA-Lib: the fast one begins later. */
function convergence(fast: number, slow: number, signal: number): IndicatorStream {
  const ofFast = exponential(fast);
  const ofSlow = exponential(slow);
  const ofSignal = exponential(signal);
  let skip = slow - fast;
  return ({ close }) => {
    const quick = skip-- > 0 ? null : ofFast(close);
    const tardy = ofSlow(close);
    if (quick === null || tardy === null) return null;
    const macd = quick - tardy;
    const line = ofSignal(macd);
    return line === null ? null : { macd, signal: line, histogram: macd - line };
  };
}

function bands(period: number, deviations: number): IndicatorStream {
  const window = windowOf<number>(period);
  return ({ close }) => {
    const closes = window(close);
    if (closes === null) return null;
    const middle = mean(closes);
    const deviation = Math.sqrt(mean(closes.map((value) => (value - middle) ** 2)));
    return { lower: middle - deviations * deviation, middle, upper: middle + deviations * deviation };
  };
}
