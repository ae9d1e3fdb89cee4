import type { TickColumns, TickSource } from './tick-source.ts';

export const TIMESTAMP_DIGITS = 13;
export const TRADE_ID_DIGITS = 16;
const ZERO = 48;
const NEWLINE = 10;

const TIMESTAMP_KEY = Buffer.from(',"timestamp":');
const QUANTITY_KEY = Buffer.from(',"quantity":');
const TRADE_ID_KEY = Buffer.from(',"tradeId":');
const CLOSING = 125;

/** Room for everything of a line but its symbol: keys, a price and a quantity of up to 24 characters, the numbers, CRLF. */
const LINE_ROOM_BYTES = 160;

/** Writes ticks as lines of the feed, straight into bytes. Event times must have 13 digits (2001 … 2286). */
export class LineRenderer {
  /** No line is longer, its terminator included. */
  readonly maxLineBytes: number;
  /** Where the last line's timestamp and trade id begin. */
  timestampAt = 0;
  tradeIdAt = 0;

  readonly #heads: readonly Buffer[];
  readonly #priceDecimals: readonly number[];
  readonly #quantityDecimals: readonly number[];
  readonly #withQuantity: boolean;
  readonly #timestamp = new Uint8Array(TIMESTAMP_DIGITS);
  #timestampMs = -1;

  constructor(source: TickSource, withQuantity: boolean) {
    this.#heads = source.symbols.map((symbol) => Buffer.from(`{"symbol":${JSON.stringify(symbol)},"price":`));
    this.#priceDecimals = source.walks.map((walk) => walk.priceDecimals);
    this.#quantityDecimals = source.walks.map((walk) => walk.quantityDecimals);
    this.#withQuantity = withQuantity;
    this.maxLineBytes = LINE_ROOM_BYTES + Math.max(0, ...this.#heads.map((head) => head.length));
  }

  /** Writes a row's object without a terminator and returns where it ends; `eventAtMs` may differ from the row's. */
  writeObject(target: Uint8Array, startAt: number, ticks: TickColumns, row: number, eventAtMs: number): number {
    const symbol = ticks.symbol[row] ?? 0;
    let at = writeBytes(target, startAt, this.#heads[symbol] ?? TIMESTAMP_KEY);
    at = writeDecimal(target, at, ticks.priceUnits[row] ?? 0, this.#priceDecimals[symbol] ?? 0);
    at = writeBytes(target, at, TIMESTAMP_KEY);
    this.timestampAt = at;
    if (eventAtMs !== this.#timestampMs) {
      writeDigits(this.#timestamp, 0, eventAtMs, TIMESTAMP_DIGITS);
      this.#timestampMs = eventAtMs;
    }
    at = writeBytes(target, at, this.#timestamp);
    if (this.#withQuantity) {
      at = writeBytes(target, at, QUANTITY_KEY);
      at = writeDecimal(target, at, ticks.quantityUnits[row] ?? 0, this.#quantityDecimals[symbol] ?? 0);
      at = writeBytes(target, at, TRADE_ID_KEY);
      this.tradeIdAt = at;
      writeDigits(target, at, ticks.tradeId[row] ?? 0, TRADE_ID_DIGITS);
      at += TRADE_ID_DIGITS;
    }
    target[at] = CLOSING;
    return at + 1;
  }

  /** All rows as lines in a buffer of their own. */
  render(ticks: TickColumns): Buffer {
    const target = Buffer.allocUnsafe(ticks.count * this.maxLineBytes);
    let at = 0;
    for (let row = 0; row < ticks.count; row++) {
      at = this.writeObject(target, at, ticks, row, ticks.eventAtMs[row] ?? 0);
      target[at++] = NEWLINE;
    }
    return target.subarray(0, at);
  }
}

function writeBytes(target: Uint8Array, startAt: number, bytes: Uint8Array): number {
  const count = bytes.length;
  // In bounds by the loop: a `??` here would be paid for every byte.
  for (let i = 0; i < count; i++) target[startAt + i] = bytes[i]!;
  return startAt + count;
}

/** Writes exactly `digits` digits of a whole number, zeros in front. */
export function writeDigits(target: Uint8Array, startAt: number, value: number, digits: number): void {
  // Two halves of 31-bit numbers: dividing those is several times as fast as dividing doubles.
  let high = Math.floor(value / 1e8) | 0;
  let low = (value - high * 1e8) | 0;
  let at = startAt + digits;
  for (let i = 0; i < 8 && at > startAt; i++) {
    const rest = (low / 10) | 0;
    target[--at] = ZERO + low - rest * 10;
    low = rest;
  }
  while (at > startAt) {
    const rest = (high / 10) | 0;
    target[--at] = ZERO + high - rest * 10;
    high = rest;
  }
}

/** Writes units × 10^-decimals the way JSON writers do, without zeros at the end: 673215 with one decimal is 67321.5. */
export function writeDecimal(target: Uint8Array, startAt: number, units: number, decimals: number): number {
  let value = units;
  let fraction = decimals;
  while (fraction > 0 && value % 10 === 0) {
    value = (value / 10) | 0;
    fraction--;
  }
  const digits = Math.max(fraction + 1, countDigits(value));
  const end = startAt + digits + (fraction > 0 ? 1 : 0);
  let at = end;
  for (let i = 0; i < digits; i++) {
    if (i === fraction && fraction > 0) target[--at] = 46;
    const rest = (value / 10) | 0;
    target[--at] = ZERO + value - rest * 10;
    value = rest;
  }
  return end;
}

function countDigits(value: number): number {
  let digits = 1;
  for (let bound = 10; value >= bound; bound *= 10) digits++;
  return digits;
}
