import type { Bucket, CandleState, Extremes } from './candle.ts';
import type { Mode, ModeState } from './mode.ts';

/** A range of minutes `[fromMs, toMs)`, both on minute edges, during which a feed was not up all the time. */
export interface BrokenMinutes {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One (mode, exchange) as of a log position: its watermark, its gaps and its books. */
export interface SourceState {
  readonly id: number;
  readonly mode: Mode;
  readonly exchange: string;
  /** Greatest event time accepted; null before the first tick. `late` is judged against it. */
  readonly watermarkMs: number | null;
  /** False while the feed is down, and after it came up until its first tick shows where in event time it resumed. */
  readonly feedUp: boolean;
  /** When the feed came up, our clock, if no tick has come since; else null. */
  readonly upSinceMs: number | null;
  /** Minutes that end at or before this are final, whatever the watermark: the clock closed them. */
  readonly finalUpToMs: number;
  /** Minutes that open before this have left memory; no tick can reach them any more. */
  readonly evictedBeforeMs: number;
  readonly brokenMinutes: readonly BrokenMinutes[];
  /**
   * One entry for each longer interval: the opening of the candle that holds `evictedBeforeMs` if it misses ticks of
   * minutes that have left memory, else -1. An interval without an entry was not kept.
   */
  readonly brokenLonger: readonly { readonly intervalMs: number; readonly openMs: number }[];
  readonly frames: number;
  readonly counted: number;
  /** By `Reason`. */
  readonly rejected: readonly number[];
  /** Ticks in the candles of this source, added up where candles are kept: an independent count of `counted`. */
  readonly evictedCount: number;
}

/** One (source, symbol): newest price, and what the minutes that have left memory add up to. */
export interface InstrumentState {
  readonly id: number;
  readonly source: number;
  readonly symbol: number;
  readonly lastPrice: number;
  /** Event time of the newest tick, Unix ms. */
  readonly lastAtMs: number;
  readonly lastReceivedAtMs: number;
  readonly history: Extremes;
  /** Newest 1,024 trade ids, ascending, as bytes of `TradeIdWindow`; null for a feed without ids. */
  readonly tradeIds: Uint8Array | null;
}

/** One candle as it is stored: keyed by (mode, exchange, symbol, interval, open time). */
export interface CandleRow {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly intervalMs: number;
  /** Opening of the bucket, Unix ms. */
  readonly openMs: number;
  readonly state: CandleState;
  readonly complete: boolean;
  readonly source: 'ticks';
  readonly revision: number;
  /** Epoch of the mode that last wrote it. */
  readonly epoch: number;
  /** Log position of the newest record in it: a row never replaces one of a higher position. */
  readonly position: number;
  readonly bucket: Bucket;
}

/** One step of a rolling window, all instruments; `data` is opaque to stores (see `StepWindow`). */
export interface StepSlice {
  readonly stepMs: number;
  /** Event time divided by `stepMs`, rounded down. */
  readonly index: number;
  readonly data: Uint8Array;
}

/**
 * Of one instrument, what the minutes that have left memory add up to in the longer candles that are still open;
 * `data` is opaque to stores.
 */
export interface LongerState {
  readonly instrument: number;
  readonly data: Uint8Array;
}

/** Candles of one (mode, exchange) and interval that open before `beforeMs` may go. */
export interface ExpiredCandles {
  readonly mode: Mode;
  readonly exchange: string;
  readonly intervalMs: number;
  readonly beforeMs: number;
}

/** What changed since the last commit, and where in the log that is. Written in one transaction or not at all. */
export interface CheckpointDelta {
  /** All records up to this one are folded in. */
  readonly position: number;
  readonly mode: ModeState | null;
  readonly damagedBatches: number;
  readonly damagedTicks: number;
  /** New names, id = `firstSymbolId` + index. */
  readonly newSymbols: readonly string[];
  readonly firstSymbolId: number;
  readonly sources: readonly SourceState[];
  readonly instruments: readonly InstrumentState[];
  readonly candles: readonly CandleRow[];
  readonly steps: readonly StepSlice[];
  /** Steps of this width that are older than this index may go. */
  readonly expiredSteps: readonly { readonly stepMs: number; readonly beforeIndex: number }[];
  readonly longer: readonly LongerState[];
  readonly expiredCandles: readonly ExpiredCandles[];
}

/** Everything a restart needs: the state as of `position`. */
export interface Checkpoint {
  readonly position: number;
  readonly mode: ModeState | null;
  readonly damagedBatches: number;
  readonly damagedTicks: number;
  /** Index = symbol id. */
  readonly symbols: readonly string[];
  readonly sources: readonly SourceState[];
  readonly instruments: readonly InstrumentState[];
  /** Of each source, the candles of up to a minute from its `evictedBeforeMs` on. */
  readonly candles: readonly CandleRow[];
  readonly steps: readonly StepSlice[];
  readonly longer: readonly LongerState[];
}
