import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes, SECOND_MS } from '../model/candle.ts';
import type { InstrumentState } from '../model/checkpoint.ts';
import { CandleSeries, type LiveCandle } from './candle-series.ts';
import { LongerCandles } from './longer-candles.ts';
import { TradeIdWindow } from './trade-id-window.ts';

/** Which candles are kept beside those of a minute. */
export interface KeptIntervals {
  readonly seconds: boolean;
  /** Longer than a minute, ascending. */
  readonly longerMs: readonly number[];
}

/** One (source, symbol): its newest price, its candles in memory, and the fold of the minutes that have left. */
export class Instrument {
  readonly id: number;
  readonly sourceId: number;
  readonly symbolId: number;
  lastPrice = 0;
  lastAtMs = Number.NEGATIVE_INFINITY;
  lastReceivedAtMs = 0;
  readonly history: Extremes = emptyExtremes();
  readonly minuteSeries = new CandleSeries(MINUTE_MS);
  /** Null where one-second candles are not kept. */
  readonly secondSeries: CandleSeries | null;
  readonly longer: LongerCandles;
  tradeIds: TradeIdWindow | null = null;
  changedAt = 0;
  /** Log position of the newest `settledAt` of its minutes and longer candles. */
  settledAt = 0;

  constructor(id: number, sourceId: number, symbolId: number, kept: KeptIntervals) {
    this.id = id;
    this.sourceId = sourceId;
    this.symbolId = symbolId;
    this.secondSeries = kept.seconds ? new CandleSeries(SECOND_MS) : null;
    this.longer = new LongerCandles(kept.longerMs);
  }

  static restore(state: InstrumentState, kept: KeptIntervals): Instrument {
    const instrument = new Instrument(state.id, state.source, state.symbol, kept);
    instrument.lastPrice = state.lastPrice;
    instrument.lastAtMs = state.lastAtMs;
    instrument.lastReceivedAtMs = state.lastReceivedAtMs;
    Object.assign(instrument.history, state.history);
    if (state.tradeIds !== null) instrument.tradeIds = TradeIdWindow.decode(state.tradeIds);
    return instrument;
  }

  /** Ascending by `openMs`; so are `seconds`. */
  get minutes(): readonly LiveCandle[] {
    return this.minuteSeries.list;
  }

  get seconds(): readonly LiveCandle[] {
    return this.secondSeries?.list ?? [];
  }

  snapshot(): InstrumentState {
    return {
      id: this.id,
      source: this.sourceId,
      symbol: this.symbolId,
      lastPrice: this.lastPrice,
      lastAtMs: this.lastAtMs,
      lastReceivedAtMs: this.lastReceivedAtMs,
      history: { ...this.history },
      tradeIds: this.tradeIds?.encode() ?? null,
    };
  }

  /** The newest by event time, of several the one that came last; what closes a candle may be another (see `precedes`). */
  noteLatest(price: number, atMs: number, receivedAtMs: number, position: number): void {
    this.changedAt = position;
    if (atMs < this.lastAtMs) return;
    this.lastPrice = price;
    this.lastAtMs = atMs;
    this.lastReceivedAtMs = receivedAtMs;
  }

  /** Closes the minutes, and the longer candles, that end in `(fromMs, toMs]`; returns true if a minute was among them. */
  closeMinutes(fromMs: number, toMs: number, position: number): boolean {
    const closed = this.minuteSeries.close(fromMs, toMs, position);
    if (this.longer.close(fromMs, toMs, this.minuteSeries.list, position) || closed) this.settledAt = position;
    return closed;
  }

  /** What rows of candles from `fromMs` on say has changed, but no tick. */
  touch(fromMs: number, position: number): void {
    this.minuteSeries.touch(fromMs, position);
    this.secondSeries?.touch(fromMs, position);
    this.longer.touch(position);
    this.settledAt = position;
  }

  /** Minutes from here on stay in memory until rows that have changed since `position` are committed; Infinity: there are none. */
  unwrittenFromMs(position: number, goneBeforeMs: number): number {
    const isUnwritten = ({ changedAt, settledAt }: LiveCandle) => changedAt > position || settledAt > position;
    const minute = this.minutes.find(isUnwritten)?.openMs ?? Number.POSITIVE_INFINITY;
    return Math.min(minute, this.longer.unwrittenFromMs(position, goneBeforeMs));
  }

  /** Lets the minutes go that open before `beforeMs`; what they add up to stays. Returns them. */
  evictMinutes(beforeMs: number, position: number): LiveCandle[] {
    const evicted = this.minuteSeries.evict(beforeMs);
    this.longer.forgetRevisions(beforeMs);
    if (evicted.length === 0) return evicted;
    for (const minute of evicted) mergeExtremes(this.history, minute.bucket);
    this.longer.absorb(evicted, position);
    this.changedAt = position;
    return evicted;
  }

  /** Adds the ticks of the minutes in memory that open in `[fromMs, toMs)`. */
  summariseMinutes(fromMs: number, toMs: number, into: Extremes): void {
    for (const minute of this.minuteSeries.list) {
      if (minute.openMs >= fromMs && minute.openMs < toMs) mergeExtremes(into, minute.bucket);
    }
  }
}
