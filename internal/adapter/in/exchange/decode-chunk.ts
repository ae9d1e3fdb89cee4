import { Reason } from '../../../domain/model/rejection.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';
import { decodeLines } from './line-json/decode.ts';
import type { SymbolTable } from './symbol-table.ts';

/** What a decoder, in whatever thread, needs beside the bytes. */
export interface DecodeTask {
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly columns: SharedArrayBuffer | null;
  readonly rows: number;
  readonly start: number;
  readonly end: number;
  readonly tooLong: number;
  readonly source: number;
  readonly epoch: number;
  readonly receivedAtMs: number;
  readonly frameMaxBytes: number;
}

/** What is not in the shared columns. */
export interface DecodeResult {
  readonly count: number;
  readonly frames: number;
  readonly hasQuantity: boolean;
  readonly hasTradeId: boolean;
  readonly newSymbols: string[];
}

/** Decodes from the beginning: a second try of the same chunk gives the same batch. */
export function decodeChunk(
  task: DecodeTask,
  bytes: Uint8Array,
  view: DataView,
  symbols: SymbolTable,
  batch: TickBatch,
): void {
  batch.reset(task.source, task.epoch, task.receivedAtMs);
  batch.frames = task.tooLong;
  batch.rejected[Reason.frame_too_long] = task.tooLong;
  decodeLines(bytes, view, task.start, task.end, symbols, task.frameMaxBytes, batch);
}
