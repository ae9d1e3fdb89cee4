import { isUtf8 } from 'node:buffer';
import { FUTURE_LIMIT_MS, Reason } from '../../../../domain/model/rejection.ts';
import { NO_TRADE_ID, type TickBatch } from '../../../../domain/model/tick-batch.ts';
import { bytesBefore, hashSlot, KEY_SHIFT, mix, quoteMarks, type SymbolTable } from '../symbol-table.ts';
import { areDigits, fourDigits, scanInteger, scanNumber, scanned } from './scan-number.ts';
import { MAX_EVENT_AT_MS, MIN_EVENT_AT_MS, readWireTick, type WireTick } from './wire.ts';

/** Bytes that must be readable behind the last line: the scanner loads whole words. */
export const TAIL_BYTES = 64;

/** Bytes of the shortest line that can be a tick, newline included: bounds the rows of a chunk. */
export const MIN_LINE_BYTES = 41;

const LF = 0x0a;
const CR = 0x0d;
const COMMA = 0x2c;
const CLOSE = 0x7d;
const ZERO = 0x30;

/** Four characters as the little-endian word that `getInt32` loads. */
function word(text: string): number {
  return Buffer.from(text).readInt32LE(0);
}

/** Eight characters as the double that `getFloat64` loads: of ASCII none is NaN or zero, so equal doubles are equal bytes. */
function double(text: string): number {
  return Buffer.from(text).readDoubleLE(0);
}

const OPEN_0 = double('{"symbol');
const OPEN_7 = word('l":"');
const PRICE_0 = double('","price');
const PRICE_6 = word('ce":');
const TIME_0 = double(',"timest');
const TIME_5 = double('estamp":');
const QUANTITY_0 = double(',"quanti');
const QUANTITY_8 = word('ty":');
const ID_0 = double(',"tradeI');
const ID_7 = word('Id":');

const slowTick: WireTick = { symbol: '', price: 0, timestamp: 0, quantity: 0, tradeId: 0 };

/**
 * Decodes whole lines, `bytes[start, end)` with `bytes[end - 1]` a newline, into the rows of `batch` (which must
 * have room for `(end - start) / MIN_LINE_BYTES` more). Every line but a blank one adds one frame, and either a row
 * or a count in `rejected`. `view` covers the same memory as `bytes`, at least `TAIL_BYTES` beyond `end`.
 *
 * Hot path: a line of exactly the usual shape is read by words; any other goes through `JSON.parse`, with the same
 * result, at twenty times the cost and more (`test/bench/decode.ts`). The loop calls nothing that is too long to be compiled
 * into it: after a call V8 checks the view and loads the tables again.
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
  const { slots, words, lengths, wireIds } = symbols;
  const slotMask = slots.length - 1;
  const futureMs = batch.receivedAtMs + FUTURE_LIMIT_MS;
  let at = start;
  let row = batch.count;
  let frames = 0;
  let timeHead = Number.NaN;
  let timeHeadMs = 0;
  while (at < end) {
    // biome-ignore lint/suspicious/noConfusingLabels: one way out of the usual shape, without a call for each line
    scan: {
      if (view.getFloat64(at, true) !== OPEN_0 || view.getInt32(at + 7, true) !== OPEN_7) break scan;

      // A name of 4 to 11 bytes that has the first slot of its hash; any other by the table's own search.
      const first = view.getInt32(at + 11, true);
      let second = view.getInt32(at + 15, true);
      let third = view.getInt32(at + 19, true);
      let length = 0;
      if (quoteMarks(first) === 0) {
        const marks = quoteMarks(second);
        if (marks !== 0) {
          length = 4 + bytesBefore(marks);
          second &= ((marks & -marks) >>> 7) - 1;
          third = 0;
        } else {
          const marks = quoteMarks(third);
          length = marks === 0 ? 0 : 8 + bytesBefore(marks);
          third &= ((marks & -marks) >>> 7) - 1;
        }
      }
      const place = slots[hashSlot(mix(mix(mix(0, first), second), third)) & slotMask]!;
      let id = 0;
      if (
        place >= 0 &&
        words[place << KEY_SHIFT] === first &&
        words[(place << KEY_SHIFT) + 1] === second &&
        words[(place << KEY_SHIFT) + 2] === third &&
        lengths[place] === length
      ) {
        id = wireIds[place]!;
      } else {
        const found = symbols.match(view, at + 11);
        if (found < 0) break scan;
        id = found & 0xffff;
        length = found >> 16;
      }

      let p = at + 11 + length;
      if (view.getFloat64(p, true) !== PRICE_0 || view.getInt32(p + 6, true) !== PRICE_6) break scan;
      p = scanNumber(bytes, p + 10);
      if (p < 0) break scan;
      const value = scanned[0]!;

      if (view.getFloat64(p, true) !== TIME_0 || view.getFloat64(p + 5, true) !== TIME_5) break scan;
      // Thirteen digits, the first eight of which stay the same for 100 s.
      const head = view.getFloat64(p + 13, true);
      if (head !== timeHead) {
        const a = view.getInt32(p + 13, true);
        const b = view.getInt32(p + 17, true);
        if (!areDigits(a) || !areDigits(b) || bytes[p + 13] === ZERO) break scan;
        timeHead = head;
        timeHeadMs = (fourDigits(a) * 10_000 + fourDigits(b)) * 1e5;
      }
      const tail = view.getInt32(p + 21, true);
      const last = (bytes[p + 25]! - ZERO) >>> 0;
      if (!areDigits(tail) || last > 9) break scan;
      const time = timeHeadMs + (Math.imul(fourDigits(tail), 10) + last);

      p = p + 26;
      let next = bytes[p]!;
      let quantity = Number.NaN;
      let tradeId = NO_TRADE_ID;
      if (next === COMMA) {
        if (view.getFloat64(p, true) === QUANTITY_0 && view.getInt32(p + 8, true) === QUANTITY_8) {
          p = scanNumber(bytes, p + 12);
          if (p < 0) break scan;
          quantity = scanned[0]!;
        }
        if (view.getFloat64(p, true) === ID_0 && view.getInt32(p + 7, true) === ID_7) {
          p = scanInteger(bytes, view, p + 11);
          if (p < 0) break scan;
          tradeId = scanned[0]!;
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
        symbol[row] = id;
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
