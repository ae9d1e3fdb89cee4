import { parentPort, workerData } from 'node:worker_threads';
import { serveThread } from '../../../../pkg/concurrency/thread-serve.ts';
import type { SymbolEntry } from '../../../application/port/in/tick-intake.ts';
import { TickBatch } from '../../../domain/model/tick-batch.ts';
import { type DecodeResult, type DecodeTask, decodeChunk } from './decode-chunk.ts';
import { SymbolTable } from './symbol-table.ts';

/** What a decoding thread is told: the whole list of symbols, whenever it grows. */
export interface SymbolsMessage {
  readonly entries: readonly SymbolEntry[];
}

export interface DecodeThreadData {
  readonly limit: number;
  readonly open: boolean;
}

const { limit, open } = workerData as DecodeThreadData;
let symbols = new SymbolTable(limit, [], open);

serveThread<DecodeTask, DecodeResult, SymbolsMessage>(parentPort, {
  broadcast({ entries }) {
    symbols = new SymbolTable(limit, entries, open);
  },
  run(task) {
    const batch = new TickBatch(task.rows, task.columns ?? undefined);
    decodeChunk(task, new Uint8Array(task.buffer), new DataView(task.buffer), symbols, batch);
    const { count, frames, hasQuantity, hasTradeId, newSymbols } = batch;
    return { count, frames, hasQuantity, hasTradeId, newSymbols };
  },
});
