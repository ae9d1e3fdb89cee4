import type { Worker } from 'node:worker_threads';
import { Backoff } from '../../../../pkg/concurrency/backoff.ts';
import { FanIn } from '../../../../pkg/concurrency/fan-in.ts';
import { FanOut, type FanOutLane, type OnPressure, type Ticket } from '../../../../pkg/concurrency/fan-out.ts';
import type { PoolWorker } from '../../../../pkg/concurrency/pool-worker.ts';
import { ThreadWorker } from '../../../../pkg/concurrency/thread-worker.ts';
import { WorkerPool } from '../../../../pkg/concurrency/worker-pool.ts';
import type { AcceptedSymbols } from '../../../application/port/in/tick-intake.ts';
import { Reason } from '../../../domain/model/rejection.ts';
import type { TickBatch } from '../../../domain/model/tick-batch.ts';
import type { Chunk } from './chunk.ts';
import { type DecodeResult, type DecodeTask, decodeChunk } from './decode-chunk.ts';
import type { DecodeThreadData, SymbolsMessage } from './decode-thread.ts';
import { SymbolTable } from './symbol-table.ts';

/** A chunk on its way through the pool. */
export interface DecodeJob {
  readonly chunk: Chunk;
  readonly source: number;
  readonly epoch: number;
  readonly receivedAtMs: number;
  /** Where the chunk goes when it may be used again. */
  readonly freeChunks: Chunk[];
}

export interface DecodePoolOptions {
  /** Worker threads; 0 = decode in this thread. */
  readonly threads: number;
  /** Chunks of one source that are decoded and not yet accepted, at most. */
  readonly workersPerSource: number;
  readonly frameMaxBytes: number;
  readonly symbols: AcceptedSymbols;
  readonly spawnThread: (data: DecodeThreadData) => Worker;
  /** Takes a source's batches in their order; settles when the batch may be used again. */
  readonly deliver: (batch: TickBatch) => Promise<void>;
  readonly onWorkerLost: (reason: string, respawnInMs: number) => void;
  readonly random: () => number;
}

type Pool = WorkerPool<Ticket<DecodeJob>, Ticket<DecodeJob>, SymbolsMessage>;

/** Fan-out → workers → fan-in: sources' chunks take turns, are decoded wherever there is room, and come out in order. */
export class DecodePool {
  readonly fanOut: FanOut<DecodeJob>;
  private readonly fanIn: FanIn<Ticket<DecodeJob>>;
  private readonly pool: Pool;
  private readonly options: DecodePoolOptions;
  private isTelling = false;

  constructor(options: DecodePoolOptions) {
    this.options = options;
    const { threads, symbols, workersPerSource } = options;
    this.pool = new WorkerPool({
      workers: Math.max(1, threads),
      perWorker: threads > 0 ? 2 : 1,
      spawn: threads > 0 ? () => this.threadWorker() : () => this.inlineWorker(),
      backoff: new Backoff({ minMs: 100, maxMs: 5_000, random: options.random }),
      onPoisoned: (ticket) => shed(ticket),
      onRoom: () => this.fanOut.pump(),
      onWorkerLost: (cause, respawnInMs) => options.onWorkerLost(String(cause), respawnInMs),
      welcome: () => ({ entries: symbols.entries() }),
    });
    this.fanOut = new FanOut({
      queueMaxItems: 1,
      resumeAtItems: 0,
      maxInFlightPerLane: workersPerSource,
      hasRoom: () => this.pool.hasRoom,
      dispatch: (ticket) => this.pool.run(ticket, (result) => this.fanIn.accept(ticket.laneId, ticket.seq, result)),
    });
    this.fanIn = new FanIn({
      maxInFlightPerLane: workersPerSource,
      deliver: (_lane, ticket) => {
        const { chunk, freeChunks } = ticket.task;
        void options.deliver(chunk.batch).then(() => {
          freeChunks.push(chunk);
          ticket.done();
        });
      },
    });
    if (threads > 0) symbols.onAdded(() => this.tellThreads());
  }

  openLane(onPressure: OnPressure): FanOutLane<DecodeJob> {
    const lane = this.fanOut.addLane(onPressure);
    this.fanIn.addLane(lane.id);
    return lane;
  }

  /** For a lane that is drained, or whose rest is not wanted. */
  closeLane(lane: FanOutLane<DecodeJob>): void {
    lane.remove();
    this.fanIn.dropLane(lane.id);
  }

  close(): Promise<void> {
    return this.pool.close(1_000);
  }

  /** Once for all names of this turn: a chunk may bring two thousand, and each telling holds the whole list. */
  private tellThreads(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    queueMicrotask(() => {
      this.isTelling = false;
      this.pool.broadcast({ entries: this.options.symbols.entries() });
    });
  }

  private inlineWorker(): PoolWorker<Ticket<DecodeJob>, Ticket<DecodeJob>, SymbolsMessage> {
    const { symbols, frameMaxBytes } = this.options;
    const table = new SymbolTable(symbols.limit, symbols.entries(), symbols.open);
    symbols.onAdded((entry) => table.add(entry));
    return {
      run: (ticket) => {
        const { chunk } = ticket.task;
        decodeChunk(taskOf(ticket.task, frameMaxBytes), chunk.bytes, chunk.view, table, chunk.batch);
        return ticket;
      },
      close: async () => undefined,
    };
  }

  private threadWorker(): PoolWorker<Ticket<DecodeJob>, Ticket<DecodeJob>, SymbolsMessage> {
    const { symbols, frameMaxBytes, spawnThread } = this.options;
    const thread = new ThreadWorker<DecodeTask, DecodeResult, SymbolsMessage>(() =>
      spawnThread({ limit: symbols.limit, open: symbols.open }),
    );
    return {
      run: async (ticket) => {
        const { batch } = ticket.task.chunk;
        const { source, epoch, receivedAtMs } = ticket.task;
        const result = await thread.run(taskOf(ticket.task, frameMaxBytes));
        Object.assign(batch, result, { source, epoch, receivedAtMs });
        return ticket;
      },
      broadcast: (message) => thread.broadcast(message),
      onExit: (listener) => thread.onExit(listener),
      close: () => thread.close(),
    };
  }
}

function taskOf({ chunk, source, epoch, receivedAtMs }: DecodeJob, frameMaxBytes: number): DecodeTask {
  const { buffer, columns, start, end, tooLong } = chunk;
  return {
    buffer,
    columns,
    rows: chunk.batch.capacity,
    start,
    end,
    tooLong,
    source,
    epoch,
    receivedAtMs,
    frameMaxBytes,
  };
}

/** A chunk that no worker survives: its lines are counted, and none of them is a tick. */
function shed(ticket: Ticket<DecodeJob>): Ticket<DecodeJob> {
  const { chunk, source, epoch, receivedAtMs } = ticket.task;
  chunk.batch.reset(source, epoch, receivedAtMs);
  let lines = 0;
  for (let at = chunk.start; at < chunk.end; at++) if (chunk.bytes[at] === 0x0a) lines++;
  chunk.batch.frames = lines + chunk.tooLong;
  chunk.batch.rejected[Reason.shed] = lines;
  chunk.batch.rejected[Reason.frame_too_long] = chunk.tooLong;
  return ticket;
}
