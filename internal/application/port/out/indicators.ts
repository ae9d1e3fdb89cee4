/** What is computed, with its parameters; periods are numbers of candles. */
export type IndicatorSpec =
  | { readonly name: 'sma' | 'ema' | 'wma' | 'vwap' | 'rsi' | 'atr'; readonly period: number }
  | { readonly name: 'macd'; readonly fast: number; readonly slow: number; readonly signal: number }
  | { readonly name: 'bollinger'; readonly period: number; readonly deviations: number };

export type IndicatorName = IndicatorSpec['name'];

/** What indicators read of a candle. Volumes are null where the feed has no quantities. */
export interface IndicatorInput {
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number | null;
  /** Σ price × quantity. */
  readonly quoteVolume: number | null;
}

/** `{ value }`, of macd `{ macd, signal, histogram }`, of bollinger `{ lower, middle, upper }`. */
export type IndicatorValues = Readonly<Record<string, number>>;

/** Takes the candles one by one, oldest first. Null: the warm-up is not over, or the value is not defined here. */
export type IndicatorStream = (candle: IndicatorInput) => IndicatorValues | null;

/** Technical indicators over candles, as Wilder, StockCharts and TA-Lib define them. Pure. */
export interface Indicators {
  /** Candles that the first value needs, its own included. */
  warmUpCandles(spec: IndicatorSpec): number;
  /**
   * Candles before the warm-up after which it does not matter where the computation began: the weight of all that
   * came before is under 1e-12. 0 where a value depends on a window alone.
   */
  settlingCandles(spec: IndicatorSpec): number;
  open(spec: IndicatorSpec): IndicatorStream;
}
