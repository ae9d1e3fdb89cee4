import { REASON_COUNT } from './rejection.ts';

/** Column value of a tick that carries no trade id. */
export const NO_TRADE_ID = -1;

/** Ids from here up are provisional: the k-th new name of this batch has the id `PROVISIONAL_SYMBOL + k`. */
export const PROVISIONAL_SYMBOL = 32_768;

/**
 * The ticks of one chunk of one source as columns, in the source's order, and the books of that chunk:
 * `frames = count + Σ rejected`. Allocated once and reused; rows at `count` and beyond are stale.
 */
export class TickBatch {
  readonly capacity: number;
  /** Symbol ids. */
  readonly symbol: Uint16Array;
  readonly price: Float64Array;
  /** The exchange's clock, Unix ms. */
  readonly eventAtMs: Float64Array;
  /** Base units; NaN where the tick has none. Only meaningful when `hasQuantity`. */
  readonly quantity: Float64Array;
  /** `NO_TRADE_ID` where the tick has none. Only meaningful when `hasTradeId`. */
  readonly tradeId: Float64Array;
  /** Frames of this chunk that are no tick, by `Reason`. */
  readonly rejected: Uint32Array;

  count = 0;
  hasQuantity = false;
  hasTradeId = false;
  /** Frames in the chunk, blank lines not included. */
  frames = 0;
  /** Our clock when the chunk's bytes were read, Unix ms: one value for all of its ticks. */
  receivedAtMs = 0;
  /** Source id of the directory: one (mode, exchange). */
  source = 0;
  /** Mode epoch under which the chunk was received. */
  epoch = 0;
  /** Names that the decoder did not know, in order of appearance; see `PROVISIONAL_SYMBOL`. */
  newSymbols: string[] = [];

  /** With `shared`, the columns lie in a SharedArrayBuffer of `TickBatch.bytes(capacity)`, so that a worker thread can fill them. */
  constructor(capacity: number, shared?: SharedArrayBuffer) {
    const buffer = shared ?? new ArrayBuffer(TickBatch.bytes(capacity));
    this.capacity = capacity;
    this.price = new Float64Array(buffer, 0, capacity);
    this.eventAtMs = new Float64Array(buffer, capacity * 8, capacity);
    this.quantity = new Float64Array(buffer, capacity * 16, capacity);
    this.tradeId = new Float64Array(buffer, capacity * 24, capacity);
    this.rejected = new Uint32Array(buffer, capacity * 32, REASON_COUNT);
    this.symbol = new Uint16Array(buffer, capacity * 32 + REASON_COUNT * 4, capacity);
  }

  static bytes(capacity: number): number {
    return capacity * 34 + REASON_COUNT * 4;
  }

  reset(source: number, epoch: number, receivedAtMs: number): void {
    this.count = 0;
    this.hasQuantity = false;
    this.hasTradeId = false;
    this.frames = 0;
    this.receivedAtMs = receivedAtMs;
    this.source = source;
    this.epoch = epoch;
    this.rejected.fill(0);
    if (this.newSymbols.length > 0) this.newSymbols = [];
  }

  /** Appends a row; for tests, generators and slow paths. The scanner writes the columns itself. */
  push(symbol: number, price: number, eventAtMs: number, quantity = Number.NaN, tradeId = NO_TRADE_ID): void {
    const row = this.count++;
    this.frames++;
    this.symbol[row] = symbol;
    this.price[row] = price;
    this.eventAtMs[row] = eventAtMs;
    this.quantity[row] = quantity;
    this.tradeId[row] = tradeId;
    if (!Number.isNaN(quantity)) this.hasQuantity = true;
    if (tradeId !== NO_TRADE_ID) this.hasTradeId = true;
  }
}
