import { PriceWalk } from './price-walk.ts';

/** Ticks as columns, reused batch after batch; rows at `count` and beyond are stale. */
export class TickColumns {
  readonly capacity: number;
  /** Index into the emulator's list of symbols. */
  readonly symbol: Uint16Array;
  readonly priceUnits: Int32Array;
  readonly eventAtMs: Float64Array;
  readonly quantityUnits: Int32Array;
  readonly tradeId: Float64Array;
  count = 0;
  /** Rows from here on are the extra ticks of a burst. */
  burstFrom = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.symbol = new Uint16Array(capacity);
    this.priceUnits = new Int32Array(capacity);
    this.eventAtMs = new Float64Array(capacity);
    this.quantityUnits = new Int32Array(capacity);
    this.tradeId = new Float64Array(capacity);
  }
}

/** Sixteen digits from here up to 2^53, so that ids can be replaced in place. */
const MIN_TRADE_ID = 1e15;
const TRADE_ID_EPOCH_MS = Date.UTC(2024, 0, 1);
const TRADE_IDS_PER_MS = 16_384;

/**
 * First id of an emulator that starts now. A restart repeats no id as long as a pair had fewer than 16,384 ticks per
 * millisecond; ids stay below 2^53 until 2039.
 */
export function firstTradeId(startedAtMs: number): number {
  return MIN_TRADE_ID + Math.max(0, Math.floor(startedAtMs) - TRADE_ID_EPOCH_MS) * TRADE_IDS_PER_MS;
}

/** The ticks of one exchange: symbols in turn, each with its walk and its ascending trade ids. */
export class TickSource {
  readonly symbols: readonly string[];
  readonly walks: readonly PriceWalk[];
  readonly #withQuantity: boolean;
  readonly #nextTradeId: Float64Array;
  #turn = 0;

  constructor(exchange: string, symbols: readonly string[], seed: number, withQuantity: boolean, startedAtMs: number) {
    this.symbols = symbols;
    this.walks = symbols.map((symbol) => new PriceWalk(symbol, exchange, seed));
    this.#withQuantity = withQuantity;
    this.#nextTradeId = new Float64Array(symbols.length).fill(firstTradeId(startedAtMs));
  }

  /** Appends one tick; the caller keeps `count` below `capacity`. */
  append(ticks: TickColumns, eventAtMs: number): void {
    const symbol = this.#turn;
    this.#turn = symbol + 1 === this.symbols.length ? 0 : symbol + 1;
    const walk = this.walks[symbol];
    if (walk === undefined) return;
    const row = ticks.count++;
    ticks.symbol[row] = symbol;
    ticks.priceUnits[row] = walk.nextPriceUnits();
    ticks.eventAtMs[row] = eventAtMs;
    if (!this.#withQuantity) return;
    ticks.quantityUnits[row] = walk.nextQuantityUnits();
    ticks.tradeId[row] = this.takeTradeIds(symbol, 1);
  }

  /** Reserves `count` ascending ids of a symbol and returns the first. */
  takeTradeIds(symbol: number, count: number): number {
    const first = this.#nextTradeId[symbol] ?? MIN_TRADE_ID;
    this.#nextTradeId[symbol] = first + count;
    return first;
  }
}
