import { LineRenderer, TIMESTAMP_DIGITS, TRADE_ID_DIGITS, writeDigits } from './line-renderer.ts';
import { TickColumns, type TickSource } from './tick-source.ts';

/** Lines that are rendered once and then sent again and again, with new times and trade ids in the same bytes. */
export interface LineBlock {
  readonly bytes: Buffer;
  readonly lineCount: number;
  /** Where each line's timestamp begins. */
  readonly timestampAt: Int32Array;
  /** Where each line's trade id begins; empty without trade ids. */
  readonly tradeIdAt: Int32Array;
  /** Symbol of each line. */
  readonly symbol: Uint16Array;
  /** How many lines each symbol has. */
  readonly linesOfSymbol: Int32Array;
  /** The event time that the bytes bear. */
  eventAtMs: number;
}

export function renderBlock(
  source: TickSource,
  withQuantity: boolean,
  lineCount: number,
  eventAtMs: number,
): LineBlock {
  const ticks = new TickColumns(lineCount);
  for (let row = 0; row < lineCount; row++) source.append(ticks, eventAtMs);
  const renderer = new LineRenderer(source, withQuantity);
  const bytes = Buffer.allocUnsafe(lineCount * renderer.maxLineBytes);
  const timestampAt = new Int32Array(lineCount);
  const tradeIdAt = new Int32Array(withQuantity ? lineCount : 0);
  const linesOfSymbol = new Int32Array(source.symbols.length);
  let at = 0;
  for (let row = 0; row < lineCount; row++) {
    at = renderer.writeObject(bytes, at, ticks, row, eventAtMs);
    bytes[at++] = 10;
    timestampAt[row] = renderer.timestampAt;
    if (withQuantity) tradeIdAt[row] = renderer.tradeIdAt;
    const symbol = ticks.symbol[row] ?? 0;
    linesOfSymbol[symbol] = (linesOfSymbol[symbol] ?? 0) + 1;
  }
  const exact = Buffer.from(bytes.subarray(0, at));
  return { bytes: exact, lineCount, timestampAt, tradeIdAt, symbol: ticks.symbol, linesOfSymbol, eventAtMs };
}

/** The same lines in bytes of their own. */
export function copyBlock(block: LineBlock): LineBlock {
  return { ...block, bytes: Buffer.from(block.bytes) };
}

/** Makes all lines bear `eventAtMs`. Hot: writes only the digits that changed, mostly the last one or two of each line. */
export function patchTimestamps(block: LineBlock, eventAtMs: number): void {
  if (eventAtMs === block.eventAtMs) return;
  const { bytes, timestampAt } = block;
  const digits = new Uint8Array(TIMESTAMP_DIGITS);
  const oldDigits = new Uint8Array(TIMESTAMP_DIGITS);
  writeDigits(digits, 0, eventAtMs, TIMESTAMP_DIGITS);
  writeDigits(oldDigits, 0, block.eventAtMs, TIMESTAMP_DIGITS);
  const first = digits.findIndex((digit, i) => digit !== oldDigits[i]);
  // In bounds by the loops; a `??` per byte would cost as much as the write.
  for (let line = 0; line < timestampAt.length; line++) {
    const at = timestampAt[line]!;
    for (let i = first; i < TIMESTAMP_DIGITS; i++) bytes[at + i] = digits[i]!;
  }
  block.eventAtMs = eventAtMs;
}

/** Gives all lines new ids, ascending per symbol. */
export function patchTradeIds(block: LineBlock, source: TickSource): void {
  const { bytes, tradeIdAt, symbol, linesOfSymbol } = block;
  if (tradeIdAt.length === 0) return;
  const next = Float64Array.from(linesOfSymbol, (lines, index) => source.takeTradeIds(index, lines));
  // In bounds: one entry per line, one per symbol.
  for (let line = 0; line < tradeIdAt.length; line++)
    writeDigits(bytes, tradeIdAt[line]!, next[symbol[line]!]!++, TRADE_ID_DIGITS);
}
