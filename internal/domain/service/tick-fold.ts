import { type Bucket, emptyBucket, precedes } from '../model/candle.ts';
import { Reason } from '../model/rejection.ts';
import { NO_TRADE_ID, type TickBatch } from '../model/tick-batch.ts';
import type { TradeIdWindow } from './trade-id-window.ts';

/** Ticks are first folded by spans of this width; candles and windows are merges of them. */
export const SPAN_MS = 100;

// One row of doubles a symbol: two cache lines, one base address.
const ROW = 32;
const COUNT = 0;
const SUM_HI = 1;
const SUM_LO = 2;
const HIGH = 3;
const HIGH_AT = 4;
const LOW = 5;
const LOW_AT = 6;
const OPEN = 7;
const OPEN_AT = 8;
const CLOSE = 9;
const CLOSE_AT = 10;
const OPEN_ID = 11;
const CLOSE_ID = 12;
const Q_COUNT = 13;
const VOLUME_HI = 14;
const VOLUME_LO = 15;
const QUOTE_HI = 16;
const QUOTE_LO = 17;
const FIRST_AT = 18;
const LAST_AT = 19;
const LAST_PRICE = 20;

/** What the fold needs to know of a source, and where the folded spans go. */
export interface FoldSource {
  /** Greatest event time so far, Unix ms; -Infinity before the first tick. Moved by the fold. */
  watermarkMs: number;
  /** Minutes that open before this are out of reach, also where the lateness was shorter when they left memory. */
  readonly evictedBeforeMs: number;
  /** The ids seen of a symbol; null before the first. */
  tradeIds(symbol: number): TradeIdWindow | null;
  /** The same, for its first id: that of a tick which counts. */
  openTradeIds(symbol: number): TradeIdWindow;
  /**
   * Takes the fold of consecutive ticks of one symbol within the span that starts at `spanStartMs`. `part` is reused.
   * `newestPrice` is that of the tick at `part.lastAtMs`, of several the one that came last.
   */
  merge(symbol: number, spanStartMs: number, part: Bucket, newestPrice: number): void;
}

/**
 * Folds batches of ticks into spans, and judges what only the order of the log can tell: `duplicate` and `late`.
 * The same ticks in the same order give the same calls' sum however they are cut into batches.
 */
export class TickFold {
  private readonly latenessMs: number;
  private rows = new Float64Array(64 * ROW);
  private touched = new Uint16Array(64);
  private touchedCount = 0;
  private readonly part = emptyBucket();
  /** Ascending indices of the last batch's ticks that were late or duplicates. */
  readonly refused: number[] = [];

  constructor(latenessMs: number) {
    this.latenessMs = latenessMs;
  }

  /** Returns how many ticks were counted; the others are added to `rejected`. `symbols`: ids are below this. */
  fold(batch: TickBatch, source: FoldSource, symbols: number, rejected: Float64Array): number {
    if (symbols > this.touched.length) this.grow(symbols);
    this.refused.length = 0;
    return batch.hasQuantity || batch.hasTradeId
      ? this.foldFull(batch, source, rejected)
      : this.foldPlain(batch, source, rejected);
  }

  /** Hot path: price and time only. */
  private foldPlain(batch: TickBatch, source: FoldSource, rejected: Float64Array): number {
    const { symbol, price, eventAtMs, count } = batch;
    const rows = this.rows;
    const latenessMs = this.latenessMs;
    const { evictedBeforeMs } = source;
    let watermark = source.watermarkMs;
    let spanStart = 0;
    let spanEnd = 0;
    let late = 0;
    for (let i = 0; i < count; i++) {
      const t = eventAtMs[i]!;
      if (t < watermark - latenessMs || t < evictedBeforeMs) {
        late++;
        this.refused.push(i);
        continue;
      }
      if (t >= spanEnd || t < spanStart) {
        source.watermarkMs = watermark;
        this.flush(source, spanStart, false);
        spanStart = t - (t % SPAN_MS);
        spanEnd = spanStart + SPAN_MS;
      }
      if (t > watermark) watermark = t;
      const id = symbol[i]!;
      const p = price[i]!;
      const r = id * ROW;
      const n = rows[r + COUNT]!;
      if (n === 0) {
        this.open(id, p, t);
        continue;
      }
      rows[r + COUNT] = n + 1;
      const sum = rows[r + SUM_HI]!;
      const s = sum + p;
      const d = s - sum;
      rows[r + SUM_HI] = s;
      rows[r + SUM_LO]! += sum - (s - d) + (p - d);
      if (p >= rows[r + HIGH]!) {
        if (p > rows[r + HIGH]! || t < rows[r + HIGH_AT]!) {
          rows[r + HIGH] = p;
          rows[r + HIGH_AT] = t;
        }
      }
      if (p <= rows[r + LOW]!) {
        if (p < rows[r + LOW]! || t < rows[r + LOW_AT]!) {
          rows[r + LOW] = p;
          rows[r + LOW_AT] = t;
        }
      }
      if (t >= rows[r + CLOSE_AT]!) {
        rows[r + CLOSE] = p;
        rows[r + CLOSE_AT] = t;
      } else if (t < rows[r + OPEN_AT]!) {
        rows[r + OPEN] = p;
        rows[r + OPEN_AT] = t;
      }
    }
    source.watermarkMs = watermark;
    this.flush(source, spanStart, false);
    rejected[Reason.late]! += late;
    return count - late;
  }

  /** The same with quantities and trade ids. */
  private foldFull(batch: TickBatch, source: FoldSource, rejected: Float64Array): number {
    const { symbol, price, eventAtMs, quantity, tradeId, count, hasQuantity, hasTradeId } = batch;
    const { evictedBeforeMs } = source;
    const rows = this.rows;
    let spanStart = 0;
    let spanEnd = 0;
    let late = 0;
    let duplicates = 0;
    for (let i = 0; i < count; i++) {
      const t = eventAtMs[i]!;
      const id = symbol[i]!;
      const trade = hasTradeId ? tradeId[i]! : NO_TRADE_ID;
      const seen = trade === NO_TRADE_ID ? null : source.tradeIds(id);
      if (seen?.isDuplicate(trade)) {
        duplicates++;
        this.refused.push(i);
        continue;
      }
      if (t < source.watermarkMs - this.latenessMs || t < evictedBeforeMs) {
        late++;
        this.refused.push(i);
        continue;
      }
      if (trade !== NO_TRADE_ID) (seen ?? source.openTradeIds(id)).add(trade);
      if (t >= spanEnd || t < spanStart) {
        this.flush(source, spanStart, true);
        spanStart = t - (t % SPAN_MS);
        spanEnd = spanStart + SPAN_MS;
      }
      if (t > source.watermarkMs) source.watermarkMs = t;
      const p = price[i]!;
      const r = id * ROW;
      const n = rows[r + COUNT]!;
      if (n === 0) {
        this.open(id, p, t);
        rows[r + OPEN_ID] = trade;
        rows[r + CLOSE_ID] = trade;
      } else {
        rows[r + COUNT] = n + 1;
        addTo(rows, r + SUM_HI, p);
        if (t < rows[r + FIRST_AT]!) rows[r + FIRST_AT] = t;
        if (t >= rows[r + LAST_AT]!) {
          rows[r + LAST_AT] = t;
          rows[r + LAST_PRICE] = p;
        }
        if (p > rows[r + HIGH]! || (p === rows[r + HIGH]! && t < rows[r + HIGH_AT]!)) {
          rows[r + HIGH] = p;
          rows[r + HIGH_AT] = t;
        }
        if (p < rows[r + LOW]! || (p === rows[r + LOW]! && t < rows[r + LOW_AT]!)) {
          rows[r + LOW] = p;
          rows[r + LOW_AT] = t;
        }
        if (!precedes(t, trade, rows[r + CLOSE_AT]!, rows[r + CLOSE_ID]!)) {
          rows[r + CLOSE] = p;
          rows[r + CLOSE_AT] = t;
          rows[r + CLOSE_ID] = trade;
        } else if (precedes(t, trade, rows[r + OPEN_AT]!, rows[r + OPEN_ID]!)) {
          rows[r + OPEN] = p;
          rows[r + OPEN_AT] = t;
          rows[r + OPEN_ID] = trade;
        }
      }
      const q = hasQuantity ? quantity[i]! : Number.NaN;
      if (q >= 0) {
        rows[r + Q_COUNT]!++;
        addTo(rows, r + VOLUME_HI, q);
        addTo(rows, r + QUOTE_HI, p * q);
      }
    }
    this.flush(source, spanStart, true);
    rejected[Reason.late]! += late;
    rejected[Reason.duplicate]! += duplicates;
    return count - late - duplicates;
  }

  private open(symbol: number, p: number, t: number): void {
    const rows = this.rows;
    const r = symbol * ROW;
    this.touched[this.touchedCount++] = symbol;
    rows[r + COUNT] = 1;
    rows[r + SUM_HI] = p;
    rows[r + SUM_LO] = 0;
    rows[r + HIGH] = p;
    rows[r + HIGH_AT] = t;
    rows[r + LOW] = p;
    rows[r + LOW_AT] = t;
    rows[r + OPEN] = p;
    rows[r + OPEN_AT] = t;
    rows[r + CLOSE] = p;
    rows[r + CLOSE_AT] = t;
    rows[r + FIRST_AT] = t;
    rows[r + LAST_AT] = t;
    rows[r + LAST_PRICE] = p;
    rows[r + OPEN_ID] = NO_TRADE_ID;
    rows[r + CLOSE_ID] = NO_TRADE_ID;
    rows[r + Q_COUNT] = 0;
    rows[r + VOLUME_HI] = 0;
    rows[r + VOLUME_LO] = 0;
    rows[r + QUOTE_HI] = 0;
    rows[r + QUOTE_LO] = 0;
  }

  private flush(source: FoldSource, spanStartMs: number, isFull: boolean): void {
    const { rows, part } = this;
    for (let k = 0; k < this.touchedCount; k++) {
      const symbol = this.touched[k]!;
      const r = symbol * ROW;
      part.count = rows[r + COUNT]!;
      part.high = rows[r + HIGH]!;
      part.highAtMs = rows[r + HIGH_AT]!;
      part.low = rows[r + LOW]!;
      part.lowAtMs = rows[r + LOW_AT]!;
      part.open = rows[r + OPEN]!;
      part.openAtMs = rows[r + OPEN_AT]!;
      part.openId = rows[r + OPEN_ID]!;
      part.close = rows[r + CLOSE]!;
      part.closeAtMs = rows[r + CLOSE_AT]!;
      part.closeId = rows[r + CLOSE_ID]!;
      part.quantityCount = rows[r + Q_COUNT]!;
      // Without ids `open` and `close` are the first and the last by time.
      part.firstAtMs = Math.min(part.openAtMs, rows[r + FIRST_AT]!);
      part.lastAtMs = Math.max(part.closeAtMs, rows[r + LAST_AT]!);
      saturateAt(rows, r + SUM_HI);
      saturateAt(rows, r + VOLUME_HI);
      saturateAt(rows, r + QUOTE_HI);
      part.sumHi = rows[r + SUM_HI]!;
      part.sumLo = rows[r + SUM_LO]!;
      part.volumeHi = rows[r + VOLUME_HI]!;
      part.volumeLo = rows[r + VOLUME_LO]!;
      part.quoteVolumeHi = rows[r + QUOTE_HI]!;
      part.quoteVolumeLo = rows[r + QUOTE_LO]!;
      rows[r + COUNT] = 0;
      source.merge(symbol, spanStartMs, part, isFull ? rows[r + LAST_PRICE]! : part.close);
    }
    this.touchedCount = 0;
  }

  private grow(symbols: number): void {
    const capacity = Math.ceil(symbols * 1.5);
    this.rows = new Float64Array(capacity * ROW);
    this.touched = new Uint16Array(capacity);
  }
}

/** TwoSum into the pair of doubles at `at`; see `ExactSum`. */
function addTo(rows: Float64Array, at: number, value: number): void {
  const sum = rows[at]!;
  const s = sum + value;
  const d = s - sum;
  rows[at] = s;
  rows[at + 1]! += sum - (s - d) + (value - d);
}

/** As `saturate`, for the pair of doubles at `at`. */
function saturateAt(rows: Float64Array, at: number): void {
  if (rows[at]! <= Number.MAX_VALUE) return;
  rows[at] = Number.MAX_VALUE;
  rows[at + 1] = 0;
}
