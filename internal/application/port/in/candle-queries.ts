import type { CandleState } from '../../../domain/model/candle.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import type { IndicatorSpec, IndicatorValues } from '../out/indicators.ts';
import type { Answer } from './queries.ts';

export type ListOrder = 'asc' | 'desc';

/** none: buckets without ticks are absent · previous: those between two candles stand at the earlier one's close. */
export type CandleFill = 'none' | 'previous';

export interface Candle {
  /** The candle is of the ticks with event times in `[openTime, closeTime)`, Unix ms. */
  readonly openTime: number;
  readonly closeTime: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  /** Base units; null where no tick has a quantity. Exact sums, as the decimals that they stand for. */
  readonly volume: number | null;
  readonly quoteVolume: number | null;
  /** Ticks. */
  readonly count: number;
  /** Mean over ticks; null in a filled candle. */
  readonly average: number | null;
  /** quoteVolume / volume. */
  readonly vwap: number | null;
  /** Trade ids of the ticks that gave open and close; null where not known, and over several exchanges. */
  readonly firstTradeId: number | null;
  readonly lastTradeId: number | null;
  readonly state: CandleState;
  /** The feed is known to have been up for the whole bucket. Never true of a filled candle. */
  readonly complete: boolean;
  readonly source: 'ticks' | 'exchange' | 'mixed' | 'fill';
  /** Ticks that came after it was final. */
  readonly revision: number;
  /** Over several exchanges: whose ticks are in it, in order of name. */
  readonly exchanges?: readonly string[];
}

export interface CandleQuestion {
  /** Null: the mode in force. */
  readonly mode: Mode | null;
  /** Null: merged over all exchanges of the mode. */
  readonly exchange: string | null;
  readonly symbol: string;
  /** One of `CandleQueries.intervalsMs`. */
  readonly intervalMs: number;
  /** Candles that open in `[fromMs, toMs)`. Without `fromMs`: the newest `limit` before `toMs`; without `toMs`: up to now. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly limit: number;
  readonly order: ListOrder;
  readonly fill: CandleFill;
  /** Open time of the last candle of the page before; null: the first page. */
  readonly afterOpenMs: number | null;
}

export interface CandlePage {
  readonly mode: Mode;
  readonly exchange: string | null;
  readonly symbol: string;
  /** In the order asked for. */
  readonly candles: readonly Candle[];
  /** The range as it was understood: what the next page has to be asked for with. */
  readonly fromMs: number | null;
  readonly toMs: number;
  /** There are more behind the last one. */
  readonly more: boolean;
  /** No tick can change anything in the range any more. */
  readonly settled: boolean;
}

/** Names are case-insensitive. */
export interface CandleQueries {
  /** Ascending. */
  readonly intervalsMs: readonly number[];
  candles(question: CandleQuestion): Promise<Answer<CandlePage>>;
}

export interface IndicatorQuestion {
  readonly mode: Mode | null;
  readonly exchange: string;
  readonly symbol: string;
  readonly intervalMs: number;
  readonly spec: IndicatorSpec;
  /** As in `CandleQuestion`; the values are those of the candles in the range. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly limit: number;
  readonly order: ListOrder;
}

export interface IndicatorPoint {
  readonly openTime: number;
  readonly closeTime: number;
  /** Of the candle: the value of a forming one moves. */
  readonly state: CandleState;
  readonly complete: boolean;
  readonly values: IndicatorValues;
}

export interface IndicatorSeries {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly fromMs: number | null;
  readonly toMs: number;
  /** Candles that a first value needs: of those at the beginning of history there are none. */
  readonly warmUp: number;
  readonly points: readonly IndicatorPoint[];
  readonly more: boolean;
}

export interface IndicatorQueries {
  readonly intervalsMs: readonly number[];
  indicator(question: IndicatorQuestion): Promise<Answer<IndicatorSeries>>;
}

/** A place between two ticks of the log. */
export interface TickPlace {
  readonly position: number;
  /** Row of the record at `position`. */
  readonly row: number;
}

export interface TickQuestion {
  readonly mode: Mode | null;
  readonly exchange: string;
  readonly symbol: string;
  /** Event times `[fromMs, toMs)`. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly limit: number;
  /** By the order of acceptance: `desc` begins with the newest. */
  readonly order: ListOrder;
  /** Where the page before ended; null: the first page. */
  readonly after: TickPlace | null;
}

export interface AcceptedTick {
  readonly price: number;
  readonly quantity: number | null;
  readonly tradeId: number | null;
  /** The exchange's time, Unix ms. */
  readonly timestamp: number;
  /** Our time of its receipt, Unix ms. */
  readonly receivedAt: number;
}

export interface TickPage {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly ticks: readonly AcceptedTick[];
  /** Receipt of the oldest tick of any pair that the log still has, Unix ms; null: it has none. */
  readonly availableFromMs: number | null;
  /** Where to go on; null: the log has no more. A page may end before `limit`, or be empty, and yet go on. */
  readonly next: TickPlace | null;
}

export interface TickQueries {
  /** `unavailable` when too many ask, or the log does not answer in time. */
  ticks(question: TickQuestion): Promise<Answer<TickPage>>;
}
