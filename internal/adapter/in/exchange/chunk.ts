import { TickBatch } from '../../../domain/model/tick-batch.ts';
import { MIN_LINE_BYTES, TAIL_BYTES } from './line-json/decode.ts';

export interface ChunkLayout {
  /** Bytes of one read at most. */
  readonly readBytes: number;
  /** Bytes of a line at most: the unfinished line of the previous chunk is put before the read's bytes. */
  readonly frameMaxBytes: number;
  /** True: the memory is visible to worker threads. */
  readonly shared: boolean;
}

/** One read's bytes, and the columns that they are decoded into. Made once, used again and again by one source. */
export class Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly batch: TickBatch;
  /** Where the socket writes: `bytes` from `headBytes` on. */
  readonly target: Uint8Array;
  readonly headBytes: number;
  /** Whole lines: `bytes[start, end)`, a newline last. */
  start = 0;
  end = 0;
  /** Lines that were cut off for their length before this chunk's. */
  tooLong = 0;
  /** Memory of `bytes` and of the batch's columns, for a worker thread. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
  readonly columns: SharedArrayBuffer | null;

  constructor({ readBytes, frameMaxBytes, shared }: ChunkLayout) {
    this.headBytes = frameMaxBytes + 8;
    const totalBytes = this.headBytes + readBytes + TAIL_BYTES;
    const rows = Math.ceil((this.headBytes + readBytes) / MIN_LINE_BYTES) + 1;
    this.buffer = shared ? new SharedArrayBuffer(totalBytes) : new ArrayBuffer(totalBytes);
    this.columns = shared ? new SharedArrayBuffer(TickBatch.bytes(rows)) : null;
    this.bytes = new Uint8Array(this.buffer);
    this.view = new DataView(this.buffer);
    this.batch = new TickBatch(rows, this.columns ?? undefined);
    this.target = this.bytes.subarray(this.headBytes, this.headBytes + readBytes);
  }
}
