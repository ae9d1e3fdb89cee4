import {
  type Bucket,
  type Extremes,
  emptyBucket,
  emptyExtremes,
  MINUTE_MS,
  mergeBucket,
  mergeExtremes,
} from '../model/candle.ts';
import type { InstrumentState } from '../model/checkpoint.ts';
import { TradeIdWindow } from './trade-id-window.ts';

/** One minute of one pair while ticks can still reach it. */
export interface Minute {
  readonly openMs: number;
  readonly bucket: Bucket;
  /** Ticks that came after the minute was final; 0 = none. */
  revision: number;
  epoch: number;
  /** Log position of the last change of anything that its row says. */
  changedAt: number;
}

/** One (source, symbol): its newest price, its minutes in memory, and the fold of those that have left. */
export class Instrument {
  readonly id: number;
  readonly sourceId: number;
  readonly symbolId: number;
  lastPrice = 0;
  lastAtMs = Number.NEGATIVE_INFINITY;
  lastReceivedAtMs = 0;
  readonly history: Extremes = emptyExtremes();
  /** Ascending by `openMs`. */
  minutes: Minute[] = [];
  tradeIds: TradeIdWindow | null = null;
  changedAt = 0;
  private current: Minute | null = null;

  constructor(id: number, sourceId: number, symbolId: number) {
    this.id = id;
    this.sourceId = sourceId;
    this.symbolId = symbolId;
  }

  static restore(state: InstrumentState): Instrument {
    const instrument = new Instrument(state.id, state.source, state.symbol);
    instrument.lastPrice = state.lastPrice;
    instrument.lastAtMs = state.lastAtMs;
    instrument.lastReceivedAtMs = state.lastReceivedAtMs;
    Object.assign(instrument.history, state.history);
    if (state.tradeIds !== null) instrument.tradeIds = TradeIdWindow.decode(state.tradeIds);
    return instrument;
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

  /** The minute that `atMs` falls into, made if there is none; `isNew` tells the caller's count of minutes. */
  minuteAt(atMs: number, epoch: number): { minute: Minute; isNew: boolean } {
    const current = this.current;
    if (current !== null && atMs >= current.openMs && atMs < current.openMs + MINUTE_MS) {
      return { minute: current, isNew: false };
    }
    const openMs = atMs - (atMs % MINUTE_MS);
    let at = this.minutes.length;
    while (at > 0 && (this.minutes[at - 1]?.openMs ?? 0) > openMs) at--;
    const before = this.minutes[at - 1];
    const known = before?.openMs === openMs ? before : null;
    const minute = known ?? { openMs, bucket: emptyBucket(), revision: 0, epoch, changedAt: 0 };
    if (known === null) this.minutes.splice(at, 0, minute);
    this.current = minute;
    return { minute, isNew: known === null };
  }

  /** The newest by event time, of several the one that came last; what closes a candle may be another (see `precedes`). */
  noteLatest(price: number, atMs: number, receivedAtMs: number, position: number): void {
    this.changedAt = position;
    if (atMs < this.lastAtMs) return;
    this.lastPrice = price;
    this.lastAtMs = atMs;
    this.lastReceivedAtMs = receivedAtMs;
  }

  /** Lets the minutes go that open before `beforeMs`; what they add up to stays. Returns them. */
  evict(beforeMs: number, position: number): Minute[] {
    let n = 0;
    while (n < this.minutes.length && (this.minutes[n]?.openMs ?? beforeMs) < beforeMs) n++;
    if (n === 0) return [];
    const evicted = this.minutes.splice(0, n);
    for (const minute of evicted) mergeExtremes(this.history, minute.bucket);
    if (this.current !== null && this.current.openMs < beforeMs) this.current = null;
    this.changedAt = position;
    return evicted;
  }

  /** Adds the ticks of the minutes in memory that open in `[fromMs, toMs)`. */
  summariseMinutes(fromMs: number, toMs: number, into: Extremes): void {
    for (const minute of this.minutes) {
      if (minute.openMs >= fromMs && minute.openMs < toMs) mergeExtremes(into, minute.bucket);
    }
  }
}

/** Merges `part` into the minute; a final minute becomes a revision, once for each tick. */
export function mergeIntoMinute(minute: Minute, part: Bucket, isFinal: boolean, epoch: number, position: number): void {
  mergeBucket(minute.bucket, part);
  if (isFinal) minute.revision += part.count;
  minute.epoch = epoch;
  minute.changedAt = position;
}
