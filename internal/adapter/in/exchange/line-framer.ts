import type { Chunk } from './chunk.ts';

const LF = 0x0a;

/**
 * Cuts one connection's byte stream into chunks of whole lines. An unfinished line waits in front of the next read;
 * one that passes `frameMaxBytes` is dropped up to its newline, at once, and counted.
 */
export class LineFramer {
  private readonly frameMaxBytes: number;
  /** Bytes of the unfinished line; they lie before the head of the chunk that is read into next. */
  private carryBytes = 0;
  private discarding = false;
  private tooLong = 0;

  constructor(frameMaxBytes: number) {
    this.frameMaxBytes = frameMaxBytes;
  }

  /**
   * `readBytes` have come into `chunk.target`. True: the chunk holds frames, the rest has moved before the head of
   * `next`. False: nothing to decode yet; go on reading into `chunk`.
   */
  take(chunk: Chunk, readBytes: number, next: Chunk): boolean {
    const { bytes, headBytes } = chunk;
    const to = headBytes + readBytes;
    let from = headBytes - this.carryBytes;
    if (this.discarding) {
      const newline = bytes.subarray(headBytes, to).indexOf(LF);
      if (newline < 0) return false;
      this.discarding = false;
      from = headBytes + newline + 1;
    }
    const last = bytes.subarray(headBytes, to).lastIndexOf(LF);
    const linesEnd = last < 0 || headBytes + last < from ? from : headBytes + last + 1;
    this.carryBytes = to - linesEnd;
    // One byte more than allowed may be the CR of a CRLF.
    if (this.carryBytes > this.frameMaxBytes + 1) {
      this.carryBytes = 0;
      this.discarding = true;
      this.tooLong++;
    }
    const hasFrames = linesEnd > from || this.tooLong > 0;
    const target = hasFrames ? next : chunk;
    if (this.carryBytes > 0) target.bytes.set(bytes.subarray(linesEnd, to), target.headBytes - this.carryBytes);
    if (!hasFrames) return false;
    this.close(chunk, from, linesEnd);
    return true;
  }

  /** The stream has ended: what waits becomes a last line. False: there was nothing. */
  end(chunk: Chunk): boolean {
    const { headBytes, bytes } = chunk;
    if (this.carryBytes === 0) return false;
    bytes[headBytes] = LF;
    this.close(chunk, headBytes - this.carryBytes, headBytes + 1);
    this.carryBytes = 0;
    return true;
  }

  private close(chunk: Chunk, start: number, end: number): void {
    chunk.start = start;
    chunk.end = end;
    chunk.tooLong = this.tooLong;
    this.tooLong = 0;
  }
}
