import type { TickLog, TickLogStats } from '../../../application/port/out/tick-log.ts';
import type { LogEntry, LogRecord } from '../../../domain/model/log-record.ts';
import { TickBatch } from '../../../domain/model/tick-batch.ts';
import { copyTicks, restoreTicks, Slabs, type StoredTicks, storedBytes } from './tick-slabs.ts';

const DEFAULT_MAX_BYTES = 256 * 1024 * 1024;

export interface MemoryTickLogOptions {
  /** Default 256 MiB. */
  readonly maxBytes?: number;
  /** The checkpoint's position: numbering goes on behind it. Default 0. */
  readonly afterPosition?: number;
}

type SmallRecord = Exclude<LogRecord, { kind: 'ticks' }>;
type Stored = StoredTicks | SmallRecord;

interface Waiting {
  readonly record: LogRecord;
  readonly resolve: (position: number) => void;
  readonly reject: (error: Error) => void;
}

/** `code` as in the other tick logs. */
export class MemoryTickLogError extends Error {
  override readonly name = 'MemoryTickLogError';
  readonly code: 'closed' | 'bad_record';
  readonly severity = 'drop';

  constructor(code: 'closed' | 'bad_record') {
    super(code === 'closed' ? 'tick log: closed' : 'tick log: damage is never written');
    this.code = code;
  }
}

/** The tick log in memory: keeps copies of what is not released, and nothing over a restart. */
export class MemoryTickLog implements TickLog {
  readonly #maxBytes: number;
  readonly #slabs = new Slabs();
  readonly #waiting: Waiting[] = [];
  /** Records of `#firstPosition`, … in order; those before `#head` are dropped. */
  #records: (Stored | null)[] = [];
  #head = 0;
  #firstPosition: number;
  #lastPosition: number;
  #bytes = 0;
  #isClosed = false;

  constructor(options: MemoryTickLogOptions = {}) {
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#lastPosition = options.afterPosition ?? 0;
    this.#firstPosition = this.#lastPosition + 1;
  }

  append(record: LogRecord): Promise<number> {
    if (this.#isClosed) return Promise.reject(new MemoryTickLogError('closed'));
    if (record.kind === 'damage') return Promise.reject(new MemoryTickLogError('bad_record'));
    if (this.#waiting.length === 0 && this.#hasRoomFor(record)) return Promise.resolve(this.#store(record));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
    });
  }

  read(afterPosition: number): AsyncIterable<LogEntry> {
    return this.#read(afterPosition, this.#lastPosition);
  }

  async *#read(afterPosition: number, toPosition: number): AsyncGenerator<LogEntry, void, undefined> {
    let batch = new TickBatch(1024);
    let position = afterPosition;
    for (;;) {
      position = Math.max(position + 1, this.#firstPosition);
      if (position > toPosition) return;
      const stored = this.#records[this.#head + position - this.#firstPosition];
      if (stored === undefined || stored === null) return;
      if (stored.kind !== 'ticks') {
        yield { position, record: stored };
        continue;
      }
      if (batch.capacity < stored.count) batch = new TickBatch(stored.count);
      restoreTicks(stored, batch);
      yield { position, record: { kind: 'ticks', batch } };
    }
  }

  release(position: number): void {
    const lastReleased = Math.min(position, this.#lastPosition);
    for (; this.#firstPosition <= lastReleased; this.#firstPosition++) {
      const stored = this.#records[this.#head];
      this.#records[this.#head++] = null;
      if (stored === undefined || stored === null) continue;
      this.#bytes -= storedBytes(stored);
      if (stored.kind === 'ticks') this.#slabs.release(stored.slab);
    }
    if (this.#head * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#head);
      this.#head = 0;
    }
    this.#admitWaiting();
  }

  stats(): TickLogStats {
    return {
      kind: 'memory',
      bytes: this.#bytes,
      pendingRecords: this.#waiting.length,
      firstPosition: this.#firstPosition,
      lastPosition: this.#lastPosition,
      segments: this.#slabs.inUse,
      state: this.#waiting.length > 0 ? 'full' : 'ok',
      damagedBatches: 0,
    };
  }

  /** What waits for a release is rejected with `closed`. What is in the log can still be read. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const append of this.#waiting.splice(0)) append.reject(new MemoryTickLogError('closed'));
  }

  /** An empty log takes a record of any length, so that appends never wait for ever. */
  #hasRoomFor(record: LogRecord): boolean {
    return this.#bytes === 0 || this.#bytes + storedBytes(record) <= this.#maxBytes;
  }

  #store(record: LogRecord): number {
    const stored = record.kind === 'ticks' ? copyTicks(record.batch, this.#slabs) : { ...record };
    this.#records.push(stored);
    this.#bytes += storedBytes(stored);
    return ++this.#lastPosition;
  }

  #admitWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#hasRoomFor(next.record)) return;
      this.#waiting.shift();
      next.resolve(this.#store(next.record));
    }
  }
}
