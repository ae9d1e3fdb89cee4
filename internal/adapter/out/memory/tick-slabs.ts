import type { LogRecord } from '../../../domain/model/log-record.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';

const SLAB_BYTES = 1024 * 1024;
/**
 * Empty slabs kept for reuse: fresh memory costs a page fault for every 4 KiB, and collections. The second between two commits
 * fills 150 of them at 8 million ticks/s; with 32 kept ingest was 5.9 M ticks/s, with these 7.6 (medians of four, turn by turn).
 */
const SPARE_SLABS_MAX = 256;
/** What a record takes beside its columns, roughly. */
const RECORD_BYTES = 256;

/** Memory that the columns of consecutive batches are copied into, given back when all of them are released. */
export interface Slab {
  readonly memory: ArrayBuffer;
  usedBytes: number;
  batches: number;
}

/** A batch as columns in a slab: price, event time, quantity and trade id if any (f64), symbol (u16). */
export interface StoredTicks {
  readonly kind: 'ticks';
  readonly slab: Slab;
  readonly offset: number;
  readonly count: number;
  readonly hasQuantity: boolean;
  readonly hasTradeId: boolean;
  readonly frames: number;
  readonly receivedAtMs: number;
  readonly source: number;
  readonly epoch: number;
  /** Null: none. */
  readonly rejected: Uint32Array | null;
}

export class Slabs {
  readonly #spare: Slab[] = [];
  #current: Slab | null = null;
  #inUse = 0;

  get inUse(): number {
    return this.#inUse;
  }

  /** A slab with `bytes` free behind `usedBytes`. */
  reserve(bytes: number): Slab {
    const current = this.#current;
    if (current !== null && current.usedBytes + bytes <= current.memory.byteLength) return current;
    if (current !== null && current.batches === 0) this.#recycle(current);
    const isUsual = bytes <= SLAB_BYTES;
    const spare = isUsual ? this.#spare.pop() : undefined;
    const slab = spare ?? { memory: new ArrayBuffer(isUsual ? SLAB_BYTES : bytes), usedBytes: 0, batches: 0 };
    this.#current = slab;
    this.#inUse++;
    return slab;
  }

  release(slab: Slab): void {
    slab.batches--;
    if (slab.batches > 0) return;
    if (slab === this.#current) slab.usedBytes = 0;
    else this.#recycle(slab);
  }

  #recycle(slab: Slab): void {
    this.#inUse--;
    slab.usedBytes = 0;
    if (this.#spare.length < SPARE_SLABS_MAX && slab.memory.byteLength === SLAB_BYTES) this.#spare.push(slab);
  }
}

function columnBytes(count: number, hasQuantity: boolean, hasTradeId: boolean): number {
  return (count * (18 + (hasQuantity ? 8 : 0) + (hasTradeId ? 8 : 0)) + 7) & ~7;
}

export function storedBytes(record: LogRecord | StoredTicks): number {
  if (record.kind !== 'ticks') return RECORD_BYTES;
  const { count, hasQuantity, hasTradeId } = 'batch' in record ? record.batch : record;
  return RECORD_BYTES + columnBytes(count, hasQuantity, hasTradeId);
}

export function copyTicks(batch: TickBatch, slabs: Slabs): StoredTicks {
  const { count, hasQuantity, hasTradeId, frames, receivedAtMs, source, epoch } = batch;
  const bytes = columnBytes(count, hasQuantity, hasTradeId);
  const slab = slabs.reserve(bytes);
  const offset = slab.usedBytes;
  slab.usedBytes += bytes;
  slab.batches++;
  const columns = [batch.price, batch.eventAtMs];
  if (hasQuantity) columns.push(batch.quantity);
  if (hasTradeId) columns.push(batch.tradeId);
  const doubles = new Float64Array(slab.memory, offset, count * columns.length);
  for (const [index, column] of columns.entries()) doubles.set(column.subarray(0, count), index * count);
  new Uint16Array(slab.memory, offset + doubles.byteLength, count).set(batch.symbol.subarray(0, count));
  const rejected = batch.rejected.some((n) => n > 0) ? new Uint32Array(batch.rejected) : null;
  const books = { count, hasQuantity, hasTradeId, frames, receivedAtMs, source, epoch, rejected };
  return { kind: 'ticks', slab, offset, ...books };
}

/** `batch` has the capacity. */
export function restoreTicks(stored: StoredTicks, batch: TickBatch): void {
  const { count, hasQuantity, hasTradeId } = stored;
  batch.reset(stored.source, stored.epoch, stored.receivedAtMs);
  batch.count = count;
  batch.hasQuantity = hasQuantity;
  batch.hasTradeId = hasTradeId;
  batch.frames = stored.frames;
  if (stored.rejected !== null) batch.rejected.set(stored.rejected);
  const columns = [batch.price, batch.eventAtMs];
  if (hasQuantity) columns.push(batch.quantity);
  if (hasTradeId) columns.push(batch.tradeId);
  const doubles = new Float64Array(stored.slab.memory, stored.offset, count * columns.length);
  for (const [index, column] of columns.entries()) column.set(doubles.subarray(index * count, (index + 1) * count));
  batch.symbol.set(new Uint16Array(stored.slab.memory, stored.offset + doubles.byteLength, count));
}
