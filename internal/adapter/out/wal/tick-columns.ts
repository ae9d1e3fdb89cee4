import { REASON_COUNT } from '../../../domain/model/rejection.ts';
import { NO_TRADE_ID, type TickBatch } from '../../../domain/model/tick-batch.ts';
import {
  type AlignedBytes,
  emptyHeader,
  HEADER_BYTES,
  KIND_CODE,
  type RecordHeader,
  writeRecordHeader,
} from './record-layout.ts';

/**
 * Payload of a ticks record:
 *    0 f64 received at, Unix ms
 *    8 f64 smallest trade id
 *   16 u32 number of rejection reasons, u32 zero
 *   24 that many × (u32 reason, u32 frames)
 * then the columns, widest values first, so that each lies on its own boundary:
 *   f64 price, event time if wide, quantity if any, trade id if any and wide;
 *   u32 event time − oldest, trade id − smallest; u16 event time − oldest; u16 symbol; zeros up to a multiple of 8.
 */
const FIXED_BYTES = 24;
const NO_ID_OFFSET = 0xffff_ffff;

const HAS_QUANTITY = 1;
const HAS_TRADE_ID = 2;
const WIDE_TRADE_ID = 4;
const TIME_U32 = 8;
const TIME_F64 = 16;

const scratchHeader = emptyHeader();

/** No ticks record of this batch is longer. */
export function ticksBoundBytes(batch: TickBatch): number {
  const perTick = 18 + (batch.hasQuantity ? 8 : 0) + (batch.hasTradeId ? 8 : 0);
  return HEADER_BYTES + FIXED_BYTES + REASON_COUNT * 8 + batch.count * perTick + 8;
}

function columnBytes(count: number, flags: number): number {
  let perTick = 10;
  perTick += (flags & TIME_F64) !== 0 ? 8 : (flags & TIME_U32) !== 0 ? 4 : 2;
  if ((flags & HAS_QUANTITY) !== 0) perTick += 8;
  if ((flags & HAS_TRADE_ID) !== 0) perTick += (flags & WIDE_TRADE_ID) !== 0 ? 8 : 4;
  return (count * perTick + 7) & ~7;
}

/** Smallest, greatest, and whether all are whole numbers; values equal to `except` left out. */
const range = { min: 0, max: 0, whole: true };

// Hot path, down to `encodeTicks`: loops over plain arguments, nothing allocated per tick.

function findRange(values: Float64Array, count: number, except: number): void {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let whole = true;
  for (let i = 0; i < count; i++) {
    const value = values[i]!;
    if (value === except) continue;
    if (value < min) min = value;
    if (value > max) max = value;
    if (Math.floor(value) !== value) whole = false;
  }
  range.min = min;
  range.max = max;
  range.whole = whole;
}

function writeOffsets(
  into: Uint16Array | Uint32Array,
  at: number,
  values: Float64Array,
  count: number,
  min: number,
): void {
  for (let i = 0; i < count; i++) into[at + i] = values[i]! - min;
}

function writeIdOffsets(into: Uint32Array, at: number, ids: Float64Array, count: number, min: number): void {
  for (let i = 0; i < count; i++) {
    const id = ids[i]!;
    into[at + i] = id === NO_TRADE_ID ? NO_ID_OFFSET : id - min;
  }
}

function writeRejected(u32: Uint32Array, countAt: number, rejected: Uint32Array): number {
  let reasons = 0;
  for (let reason = 0; reason < REASON_COUNT; reason++) {
    const frames = rejected[reason]!;
    if (frames === 0) continue;
    u32[countAt + 2 + reasons * 2] = reason;
    u32[countAt + 3 + reasons * 2] = frames;
    reasons++;
  }
  u32[countAt] = reasons;
  u32[countAt + 1] = 0;
  return reasons;
}

/** Writes the record at `at`, a multiple of 8 with `ticksBoundBytes` of room; returns its length in bytes. */
export function encodeTicks(target: AlignedBytes, at: number, position: number, batch: TickBatch): number {
  const { u16, u32, f64 } = target;
  const count = batch.count;
  const payloadAt = at + HEADER_BYTES;
  let flags = 0;

  findRange(batch.eventAtMs, count, Number.NaN);
  const minEventAtMs = range.min;
  const maxEventAtMs = range.max;
  const spanMs = maxEventAtMs - minEventAtMs;
  if (count > 0 && !(range.whole && spanMs <= 0xffff))
    flags |= range.whole && spanMs <= 0xffff_ffff ? TIME_U32 : TIME_F64;
  let minTradeId = 0;
  if (batch.hasQuantity) flags |= HAS_QUANTITY;
  if (batch.hasTradeId) {
    flags |= HAS_TRADE_ID;
    findRange(batch.tradeId, count, NO_TRADE_ID);
    if (range.whole && range.max - range.min < NO_ID_OFFSET) minTradeId = range.min;
    else flags |= WIDE_TRADE_ID;
  }

  f64[payloadAt >> 3] = batch.receivedAtMs;
  f64[(payloadAt >> 3) + 1] = minTradeId;
  const reasons = writeRejected(u32, (payloadAt >> 2) + 4, batch.rejected);
  const columnsAt = payloadAt + FIXED_BYTES + reasons * 8;
  const endAt = columnsAt + columnBytes(count, flags);
  if (endAt > columnsAt) f64[(endAt >> 3) - 1] = 0;

  let double = columnsAt >> 3;
  f64.set(batch.price.subarray(0, count), double);
  double += count;
  if ((flags & TIME_F64) !== 0) {
    f64.set(batch.eventAtMs.subarray(0, count), double);
    double += count;
  }
  if (batch.hasQuantity) {
    f64.set(batch.quantity.subarray(0, count), double);
    double += count;
  }
  if ((flags & WIDE_TRADE_ID) !== 0) {
    f64.set(batch.tradeId.subarray(0, count), double);
    double += count;
  }
  let word = double << 1;
  if ((flags & TIME_U32) !== 0) {
    writeOffsets(u32, word, batch.eventAtMs, count, minEventAtMs);
    word += count;
  }
  if ((flags & (HAS_TRADE_ID | WIDE_TRADE_ID)) === HAS_TRADE_ID) {
    writeIdOffsets(u32, word, batch.tradeId, count, minTradeId);
    word += count;
  }
  let half = word << 1;
  if ((flags & (TIME_U32 | TIME_F64)) === 0) {
    writeOffsets(u16, half, batch.eventAtMs, count, minEventAtMs);
    half += count;
  }
  u16.set(batch.symbol.subarray(0, count), half);

  const header = scratchHeader;
  header.kindCode = KIND_CODE.ticks;
  header.flags = flags;
  header.position = position;
  header.payloadBytes = endAt - payloadAt;
  header.source = batch.source;
  header.epoch = batch.epoch;
  header.ticks = count;
  header.frames = batch.frames;
  header.minEventAtMs = minEventAtMs;
  header.maxEventAtMs = maxEventAtMs;
  writeRecordHeader(target, at, header);
  return endAt - at;
}

function addOffsets(into: Float64Array, from: Uint16Array | Uint32Array, at: number, count: number, min: number): void {
  for (let i = 0; i < count; i++) into[i] = min + from[at + i]!;
}

function addIdOffsets(into: Float64Array, from: Uint32Array, at: number, count: number, min: number): void {
  for (let i = 0; i < count; i++) {
    const offset = from[at + i]!;
    into[i] = offset === NO_ID_OFFSET ? NO_TRADE_ID : min + offset;
  }
}

/**
 * Fills `batch`, of capacity `header.ticks` or more, from the payload at `payloadAt`, a multiple of 8. False if the
 * payload is not as long as its own counts say.
 */
export function decodeTicks(source: AlignedBytes, payloadAt: number, header: RecordHeader, batch: TickBatch): boolean {
  const { u16, u32, f64 } = source;
  const { flags, ticks: count } = header;
  if (header.payloadBytes < FIXED_BYTES) return false;
  const reasonsAt = (payloadAt >> 2) + 4;
  const reasons = u32[reasonsAt] ?? 0;
  if (FIXED_BYTES + reasons * 8 + columnBytes(count, flags) !== header.payloadBytes) return false;

  batch.reset(header.source, header.epoch, f64[payloadAt >> 3] ?? 0);
  batch.count = count;
  batch.frames = header.frames;
  batch.hasQuantity = (flags & HAS_QUANTITY) !== 0;
  batch.hasTradeId = (flags & HAS_TRADE_ID) !== 0;
  for (let i = 0; i < reasons; i++) {
    batch.rejected[u32[reasonsAt + 2 + i * 2] ?? 0] = u32[reasonsAt + 3 + i * 2] ?? 0;
  }

  let double = (payloadAt + FIXED_BYTES + reasons * 8) >> 3;
  batch.price.set(f64.subarray(double, double + count));
  double += count;
  if ((flags & TIME_F64) !== 0) {
    batch.eventAtMs.set(f64.subarray(double, double + count));
    double += count;
  }
  if (batch.hasQuantity) {
    batch.quantity.set(f64.subarray(double, double + count));
    double += count;
  }
  if ((flags & WIDE_TRADE_ID) !== 0) {
    batch.tradeId.set(f64.subarray(double, double + count));
    double += count;
  }
  let word = double << 1;
  if ((flags & TIME_U32) !== 0) {
    addOffsets(batch.eventAtMs, u32, word, count, header.minEventAtMs);
    word += count;
  }
  if ((flags & (HAS_TRADE_ID | WIDE_TRADE_ID)) === HAS_TRADE_ID) {
    addIdOffsets(batch.tradeId, u32, word, count, f64[(payloadAt >> 3) + 1] ?? 0);
    word += count;
  }
  let half = word << 1;
  if ((flags & (TIME_U32 | TIME_F64)) === 0) {
    addOffsets(batch.eventAtMs, u16, half, count, header.minEventAtMs);
    half += count;
  }
  batch.symbol.set(u16.subarray(half, half + count));
  return true;
}
