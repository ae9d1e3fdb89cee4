import type { Socket } from 'node:net';
import type { EmulatorCounters } from './counters.ts';
import type { FaultInjector, FaultyBatch, SplitRange } from './fault-injector.ts';

/** A client that does not read is dropped when more than this waits for it. */
const MAX_WAITING_BYTES = 8 * 1_048_576;
/** Pieces of split lines that may wait; with more of them, lines go out whole. */
const MAX_WAITING_PIECES = 10_000;
const MAX_PIECE_BYTES = 7;
/** After a disconnect fault, how long the client may take to read what was sent. */
const FINISH_DEADLINE_MS = 5_000;

/** One client of a paced market: bounded, and able to write in pieces, to pause and to hang up. */
export class PacedConnection {
  readonly number: number;
  /** Null when no fault is on. */
  readonly injector: FaultInjector | null;
  readonly #socket: Socket;
  readonly #counters: EmulatorCounters;
  #stalledUntilMs = 0;
  #finishing = false;
  /** Writes that wait behind the pieces of a split line, in order. */
  #pieces: Buffer[] = [];
  #nextPiece = 0;
  #waitingBytes = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(socket: Socket, number: number, injector: FaultInjector | null, counters: EmulatorCounters) {
    this.#socket = socket;
    this.number = number;
    this.injector = injector;
    this.#counters = counters;
    socket.once('close', () => clearImmediate(this.#turn));
  }

  /** Whether the connection takes ticks at the moment. */
  takes(nowMs: number): boolean {
    return !this.#finishing && !this.#socket.destroyed && nowMs >= this.#stalledUntilMs;
  }

  /** Sends one batch that all connections share, or this connection's own with its splits. */
  send(bytes: Buffer, splits: readonly SplitRange[] = []): void {
    if (bytes.length > 0) this.#enqueue(bytes, splits);
    if (this.#socket.writableLength + this.#waitingBytes <= MAX_WAITING_BYTES) return;
    this.#counters.droppedConnections++;
    this.close();
  }

  act(after: FaultyBatch['after'], nowMs: number, stallMs: number): void {
    if (after === 'stall') this.#stalledUntilMs = nowMs + stallMs;
    if (after !== 'disconnect') return;
    this.#finishing = true;
    this.#socket.setTimeout(FINISH_DEADLINE_MS, () => this.close());
    if (this.#turn === undefined) this.#socket.destroySoon();
  }

  close(): void {
    clearImmediate(this.#turn);
    this.#pieces = [];
    this.#socket.destroy();
  }

  #enqueue(bytes: Buffer, splits: readonly SplitRange[]): void {
    if (splits.length === 0 || this.#pieces.length > MAX_WAITING_PIECES) {
      this.#writeOrWait(bytes);
      return;
    }
    let at = 0;
    for (const { startByte, endByte } of splits) {
      if (startByte > at) this.#writeOrWait(bytes.subarray(at, startByte));
      // 1, 2, … 7 bytes and again: every size, one byte included, at every place in the long run.
      for (let piece = startByte, size = 1; piece < endByte; piece += size, size = (size % MAX_PIECE_BYTES) + 1) {
        this.#wait(bytes.subarray(piece, Math.min(endByte, piece + size)));
      }
      at = endByte;
    }
    if (at < bytes.length) this.#writeOrWait(bytes.subarray(at));
  }

  #writeOrWait(bytes: Buffer): void {
    if (this.#turn === undefined) this.#socket.write(bytes);
    else this.#wait(bytes);
  }

  #wait(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#turn ??= setImmediate(this.#writeNextPiece);
  }

  /** One write per turn of the event loop, so that a reader has a chance to see each piece by itself. */
  readonly #writeNextPiece = (): void => {
    const piece = this.#pieces[this.#nextPiece++];
    if (piece !== undefined) {
      this.#waitingBytes -= piece.length;
      this.#socket.write(piece);
    }
    if (this.#nextPiece < this.#pieces.length) {
      this.#turn = setImmediate(this.#writeNextPiece);
      return;
    }
    this.#turn = undefined;
    this.#pieces = [];
    this.#nextPiece = 0;
    if (this.#finishing) this.#socket.destroySoon();
  };
}
