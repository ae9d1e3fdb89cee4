import { TextDecoder } from 'node:util';
import { REJECTION_REASONS, type RejectionReason } from '../../../../domain/model/rejection.ts';
import { NO_TRADE_ID, PROVISIONAL_SYMBOL, TickBatch } from '../../../../domain/model/tick-batch.ts';
import { SymbolTable } from '../symbol-table.ts';
import { decodeLines, MIN_LINE_BYTES, TAIL_BYTES } from './decode.ts';

export const RECEIVED_AT_MS = 1_786_310_900_000;
export const FRAME_MAX_BYTES = 512;

/** Names of every length from 1 to 40, so that the closing quote falls on every place of a word. */
const EVERY_LENGTH = Array.from({ length: 40 }, (_, k) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-.'.slice(0, k + 1));

/** Some that are hard to tell apart as words: padded with NUL, of more than one byte a character, alike but for one end. */
export const KNOWN_NAMES = [
  'BTCUSDT',
  'DOGEUSDT',
  'TONUSDT',
  'SOLUSDT',
  'ETHUSDT',
  ...EVERY_LENGTH,
  'AB\0',
  'ABC\0\0\0\0\0',
  'ÄÖÜ',
  '€URO',
  'BTCUSDU',
  'CTCUSDT',
];

export interface DecodedTick {
  readonly symbol: string;
  readonly price: number;
  readonly timestamp: number;
  /** NaN: none. */
  readonly quantity: number;
  /** -1: none. */
  readonly tradeId: number;
}

/** What came of a text: how many frames, which ticks, and how many frames were refused for what. */
export interface Decoded {
  frames: number;
  readonly ticks: DecodedTick[];
  readonly rejected: Partial<Record<RejectionReason, number>>;
}

export interface DecodeSetting {
  readonly names?: readonly string[];
  /** What lies behind the last newline: bytes of an earlier read. */
  readonly stale?: Uint8Array;
  /** Bytes before the first line. */
  readonly offset?: number;
  readonly open?: boolean;
  readonly shared?: boolean;
  readonly receivedAtMs?: number;
}

/** `text` ends with a newline. The memory ends exactly `TAIL_BYTES` behind it, so that a read beyond that throws. */
export function decode(text: Uint8Array, setting: DecodeSetting = {}): Decoded {
  const { names = KNOWN_NAMES, stale = new Uint8Array(0), offset = 0 } = setting;
  const totalBytes = offset + text.length + TAIL_BYTES;
  const bytes = new Uint8Array(setting.shared ? new SharedArrayBuffer(totalBytes) : new ArrayBuffer(totalBytes));
  bytes.set(text, offset);
  bytes.set(stale.subarray(0, TAIL_BYTES), offset + text.length);
  const entries = names.map((name, id) => ({ name, id }));
  const table = new SymbolTable(entries.length + 8, entries, setting.open ?? false);
  const batch = new TickBatch(Math.ceil(text.length / MIN_LINE_BYTES) + 1);
  // Stale rows of an earlier chunk, which must not show.
  for (const column of [batch.price, batch.eventAtMs, batch.quantity, batch.tradeId]) column.fill(777);
  batch.reset(1, 1, setting.receivedAtMs ?? RECEIVED_AT_MS);
  const view = new DataView(bytes.buffer);
  decodeLines(bytes, view, offset, offset + text.length, table, FRAME_MAX_BYTES, batch);
  return readBatch(batch, names);
}

export function decodeText(text: string, setting?: DecodeSetting): Decoded {
  return decode(Buffer.from(text), setting);
}

export function readBatch(batch: TickBatch, names: readonly string[]): Decoded {
  const ticks: DecodedTick[] = [];
  for (let row = 0; row < batch.count; row++) {
    const id = batch.symbol[row]!;
    ticks.push({
      symbol: (id >= PROVISIONAL_SYMBOL ? batch.newSymbols[id - PROVISIONAL_SYMBOL] : names[id]) ?? `no name of ${id}`,
      price: batch.price[row]!,
      timestamp: batch.eventAtMs[row]!,
      quantity: batch.hasQuantity ? batch.quantity[row]! : Number.NaN,
      tradeId: batch.hasTradeId ? batch.tradeId[row]! : NO_TRADE_ID,
    });
  }
  const rejected: Partial<Record<RejectionReason, number>> = {};
  for (const [reason, name] of REJECTION_REASONS.entries()) {
    if (batch.rejected[reason]! > 0) rejected[name] = batch.rejected[reason]!;
  }
  return { frames: batch.frames, ticks, rejected };
}

/** The contract, read line by line with nothing but the platform's own parsers. */
export function referenceDecode(text: Uint8Array, names: readonly string[] = KNOWN_NAMES): Decoded {
  const decoded: Decoded = { frames: 0, ticks: [], rejected: {} };
  let from = 0;
  for (let to = text.indexOf(10); to >= 0; to = text.indexOf(10, from)) {
    const outcome = referenceLine(text.subarray(from, to), names);
    from = to + 1;
    if (outcome === 'blank') continue;
    decoded.frames++;
    if (typeof outcome === 'string') decoded.rejected[outcome] = (decoded.rejected[outcome] ?? 0) + 1;
    else decoded.ticks.push(outcome);
  }
  return decoded;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const TIME_RANGE_MS = [Date.parse('2009-01-01T00:00:00Z'), Date.parse('2100-01-01T00:00:00Z')] as const;

function referenceLine(lineWithCr: Uint8Array, names: readonly string[]): DecodedTick | RejectionReason | 'blank' {
  const line = lineWithCr.at(-1) === 13 ? lineWithCr.subarray(0, -1) : lineWithCr;
  if (line.length > FRAME_MAX_BYTES) return 'frame_too_long';
  const hasBom = line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf;
  const content = hasBom ? line.subarray(3) : line;
  if (/^[ \t\v\f\r]*$/.test(Buffer.from(content).toString('latin1'))) return 'blank';
  let text: string;
  try {
    text = utf8.decode(content);
  } catch {
    return 'bad_utf8';
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'bad_json';
  }
  if (Object.prototype.toString.call(value) !== '[object Object]') return 'bad_schema';
  const keys = new Map(Object.entries(value as object));
  const [symbol, price, timestamp] = ['symbol', 'price', 'timestamp'].map((key) => keys.get(key));
  if (typeof symbol !== 'string' || typeof price !== 'number' || typeof timestamp !== 'number') return 'bad_schema';
  const quantity = keys.has('quantity') ? keys.get('quantity') : Number.NaN;
  const tradeId = keys.has('tradeId') ? keys.get('tradeId') : -1;
  if (typeof quantity !== 'number') return 'bad_schema';
  const isId = Number.isInteger(tradeId) && tradeId >= 0 && tradeId <= 2 ** 53 - 1;
  if (keys.has('tradeId') && !isId) return 'bad_schema';
  if (price <= 0 || price === Number.POSITIVE_INFINITY) return 'bad_price';
  if (quantity < 0 || quantity === Number.POSITIVE_INFINITY) return 'bad_quantity';
  if (!Number.isInteger(timestamp) || timestamp < TIME_RANGE_MS[0] || timestamp > TIME_RANGE_MS[1]) return 'bad_time';
  if (!names.includes(symbol)) return 'unknown_symbol';
  if (timestamp > RECEIVED_AT_MS + 5_000) return 'future';
  return { symbol, price, timestamp, quantity, tradeId: tradeId === 0 ? 0 : tradeId };
}
