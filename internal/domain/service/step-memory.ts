const SMALLEST_BYTES = 65_536;
/** So the end of a chunk, which is too short for another step, wastes a thirtieth. */
const STEPS_A_CHUNK = 16;

interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  used: number;
  /** Parts in use; at zero all of it is free again. */
  parts: number;
}

/** A part of a chunk, until it is released. */
export interface StepPart {
  readonly view: DataView;
  readonly chunk: Chunk;
}

/**
 * Memory for the bytes of sealed steps. They come and go in the order of time: laid one behind the other they free whole
 * chunks, which serve again. As buffers of their own they leave holes between shorter-lived ones.
 */
export class StepMemory {
  private current: Chunk | null = null;
  private readonly free: Chunk[] = [];

  /** Takes a copy. */
  keep(bytes: Uint8Array): StepPart {
    let chunk = this.current;
    if (chunk === null || chunk.bytes.length - chunk.used < bytes.length) {
      chunk = this.take(bytes.length);
      this.current = chunk;
    }
    const start = chunk.used;
    chunk.bytes.set(bytes, start);
    chunk.used += bytes.length;
    chunk.parts++;
    return { chunk, view: new DataView(chunk.bytes.buffer, start, bytes.length) };
  }

  /** Once for each part. */
  release({ chunk }: StepPart): void {
    chunk.parts--;
    if (chunk.parts > 0) return;
    chunk.used = 0;
    if (chunk !== this.current) this.free.push(chunk);
  }

  private take(length: number): Chunk {
    // Those that have become too small are let go.
    for (let chunk = this.free.pop(); chunk !== undefined; chunk = this.free.pop()) {
      if (chunk.bytes.length >= length) return chunk;
    }
    return { bytes: new Uint8Array(Math.max(SMALLEST_BYTES, length * STEPS_A_CHUNK)), used: 0, parts: 0 };
  }
}
