import { isUtf8 } from 'node:buffer';
import { FUTURE_LIMIT_MS, Reason } from '../../../../domain/model/rejection.ts';
import { NO_TRADE_ID, type TickBatch } from '../../../../domain/model/tick-batch.ts';
import type { SymbolTable } from '../symbol-table.ts';
import { scanNumber, scanned } from './scan-number.ts';
import { MAX_EVENT_AT_MS, MIN_EVENT_AT_MS, readWireTick, type WireTick } from './wire.ts';

/** Bytes that must be readable behind the last line: the scanner loads whole words. */
export const TAIL_BYTES = 64;

/** Bytes of the shortest line that can be a tick, newline included: bounds the rows of a chunk. */
export const MIN_LINE_BYTES = 41;

const LF = 0x0a;
const CR = 0x0d;
const COMMA = 0x2c;
const CLOSE = 0x7d;

/** Four characters as the little-endian word that `getInt32` loads. */
function word(text: string): number {
  return text.charCodeAt(0) | (text.charCodeAt(1) << 8) | (text.charCodeAt(2) << 16) | (text.charCodeAt(3) << 24);
}

const OPEN_0 = word('{"sy');
const OPEN_4 = word('mbol');
const OPEN_7 = word('l":"');
const PRICE_0 = word('","p');
const PRICE_4 = word('rice');
const PRICE_6 = word('ce":');
const TIME_0 = word(',"ti');
const TIME_4 = word('mest');
const TIME_8 = word('amp"');
const TIME_9 = word('mp":');
const QUANTITY_0 = word(',"qu');
const QUANTITY_4 = word('anti');
const QUANTITY_8 = word('ty":');
const ID_0 = word(',"tr');
const ID_4 = word('adeI');
const ID_7 = word('Id":');

const slowTick: WireTick = { symbol: '', price: 0, timestamp: 0, quantity: 0, tradeId: 0 };

/**
 * Decodes whole lines, `bytes[start, end)` with `bytes[end - 1]` a newline, into the rows of `batch` (which must
 * have room for `(end - start) / MIN_LINE_BYTES` more). Every line but a blank one adds one frame, and either a row
 * or a count in `rejected`. `view` covers the same memory as `bytes`, at least `TAIL_BYTES` beyond `end`.
 *
 * Hot path: a line of exactly the usual shape is read by words, 34 to 39 ns (`test/bench/decode.ts`); any other goes
 * through `JSON.parse`, which alone takes 240 ns, with the same result.
 */
export function decodeLines(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  symbols: SymbolTable,
  frameMaxBytes: number,
  batch: TickBatch,
): void {
  const { symbol, price, eventAtMs } = batch;
  const futureMs = batch.receivedAtMs + FUTURE_LIMIT_MS;
  let at = start;
  let row = batch.count;
  let frames = 0;
  while (at < end) {
    // biome-ignore lint/suspicious/noConfusingLabels: one way out of the usual shape, without a call for each line
    scan: {
      if (
        view.getInt32(at, true) !== OPEN_0 ||
        view.getInt32(at + 4, true) !== OPEN_4 ||
        view.getInt32(at + 7, true) !== OPEN_7
      ) {
        break scan;
      }
      const found = symbols.match(view, at + 11);
      if (found < 0) break scan;
      let p = at + 11 + (found >> 16);
      if (
        view.getInt32(p, true) !== PRICE_0 ||
        view.getInt32(p + 4, true) !== PRICE_4 ||
        view.getInt32(p + 6, true) !== PRICE_6
      ) {
        break scan;
      }
      p = scanNumber(bytes, p + 10);
      if (p < 0) break scan;
      const value = scanned.value;
      if (
        view.getInt32(p, true) !== TIME_0 ||
        view.getInt32(p + 4, true) !== TIME_4 ||
        view.getInt32(p + 8, true) !== TIME_8 ||
        view.getInt32(p + 9, true) !== TIME_9
      ) {
        break scan;
      }
      // Thirteen digits: one, then three words of four, each checked and converted at once.
      const lead = bytes[p + 13]! - 48;
      const a = view.getInt32(p + 14, true);
      const b = view.getInt32(p + 18, true);
      const c = view.getInt32(p + 22, true);
      if (lead < 1 || lead > 9 || !fourDigits(a) || !fourDigits(b) || !fourDigits(c)) break scan;
      const time = (lead * 10_000 + fromDigits(a)) * 1e8 + (Math.imul(fromDigits(b), 10_000) + fromDigits(c));
      p += 26;
      let next = bytes[p]!;
      let quantity = Number.NaN;
      let tradeId = NO_TRADE_ID;
      if (next === COMMA) {
        if (
          view.getInt32(p, true) === QUANTITY_0 &&
          view.getInt32(p + 4, true) === QUANTITY_4 &&
          view.getInt32(p + 8, true) === QUANTITY_8
        ) {
          p = scanNumber(bytes, p + 12);
          if (p < 0) break scan;
          quantity = scanned.value;
        }
        if (
          view.getInt32(p, true) === ID_0 &&
          view.getInt32(p + 4, true) === ID_4 &&
          view.getInt32(p + 7, true) === ID_7
        ) {
          p = scanNumber(bytes, p + 11);
          if (p < 0 || !scanned.integer) break scan;
          tradeId = scanned.value;
        }
        next = bytes[p]!;
      }
      if (next !== CLOSE) break scan;
      p++;
      if (bytes[p] === CR) p++;
      if (bytes[p] !== LF || p >= end) break scan;

      frames++;
      at = p + 1;
      if (value === 0) batch.rejected[Reason.bad_price]!++;
      else if (time < MIN_EVENT_AT_MS || time > MAX_EVENT_AT_MS) batch.rejected[Reason.bad_time]!++;
      else if (time > futureMs) batch.rejected[Reason.future]!++;
      else {
        symbol[row] = found & 0xffff;
        price[row] = value;
        eventAtMs[row] = time;
        if (batch.hasQuantity) batch.quantity[row] = quantity;
        else if (quantity >= 0) startQuantities(batch, row, quantity);
        if (batch.hasTradeId) batch.tradeId[row] = tradeId;
        else if (tradeId !== NO_TRADE_ID) startTradeIds(batch, row, tradeId);
        row++;
      }
      continue;
    }
    const lineEnd = bytes.indexOf(LF, at);
    batch.count = row;
    decodeSlowLine(bytes.subarray(at, lineEnd), symbols, frameMaxBytes, batch);
    row = batch.count;
    at = lineEnd + 1;
  }
  batch.count = row;
  batch.frames += frames;
}

function fourDigits(w: number): boolean {
  return ((w & 0xf0f0f0f0) | 0) === 0x30303030 && (((w + 0x06060606) & 0xf0f0f0f0) | 0) === 0x30303030;
}

/** Value of four digits, the first in the lowest byte. */
function fromDigits(w: number): number {
  const x = w & 0x0f0f0f0f;
  const pairs = Math.imul(x, 10) + (x >>> 8);
  return (pairs & 0xff) * 100 + ((pairs >>> 16) & 0xff);
}

function startQuantities(batch: TickBatch, row: number, quantity: number): void {
  batch.hasQuantity = true;
  batch.quantity.fill(Number.NaN, 0, row);
  batch.quantity[row] = quantity;
}

function startTradeIds(batch: TickBatch, row: number, tradeId: number): void {
  batch.hasTradeId = true;
  batch.tradeId.fill(NO_TRADE_ID, 0, row);
  batch.tradeId[row] = tradeId;
}

/** One line without its newline, in any shape that the contract allows. */
function decodeSlowLine(line: Uint8Array, symbols: SymbolTable, frameMaxBytes: number, batch: TickBatch): void {
  let to = line.length;
  if (to > 0 && line[to - 1] === CR) to--;
  const from = to >= 3 && line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
  // A long line counts even if it is blank: one that is cut off while it is read is never seen whole.
  const isTooLong = to > frameMaxBytes;
  if (!isTooLong && isBlank(line, from, to)) return;
  batch.frames++;
  const reason = isTooLong ? Reason.frame_too_long : judge(line.subarray(from, to), symbols, batch);
  if (reason >= 0) batch.rejected[reason]!++;
}

function judge(text: Uint8Array, symbols: SymbolTable, batch: TickBatch): number {
  if (!isUtf8(text)) return Reason.bad_utf8;
  const reason = readWireTick(Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8'), slowTick);
  if (reason >= 0) return reason;
  const proposed = batch.newSymbols.length;
  const id = symbols.find(slowTick.symbol, batch.newSymbols);
  if (id < 0) return Reason.unknown_symbol;
  if (slowTick.timestamp > batch.receivedAtMs + FUTURE_LIMIT_MS) {
    batch.newSymbols.length = proposed;
    return Reason.future;
  }
  const row = batch.count++;
  batch.symbol[row] = id;
  batch.price[row] = slowTick.price;
  batch.eventAtMs[row] = slowTick.timestamp;
  if (batch.hasQuantity) batch.quantity[row] = slowTick.quantity;
  else if (!Number.isNaN(slowTick.quantity)) startQuantities(batch, row, slowTick.quantity);
  if (batch.hasTradeId) batch.tradeId[row] = slowTick.tradeId;
  else if (slowTick.tradeId !== NO_TRADE_ID) startTradeIds(batch, row, slowTick.tradeId);
  return -1;
}

function isBlank(line: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = line[i]!;
    if (c !== 0x20 && (c < 0x09 || c > 0x0d)) return false;
  }
  return true;
}
