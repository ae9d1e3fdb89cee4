import { connect, type Socket } from 'node:net';
import type { FanOutLane } from '../../../../pkg/concurrency/fan-out.ts';
import { Chunk, type ChunkLayout } from './chunk.ts';
import type { DecodeJob, DecodePool } from './decode-pool.ts';
import { LineFramer } from './line-framer.ts';

/** Why a connection ended: the peer closed, our own stop, or one line that says what failed. */
export type EndReason = 'closed by peer' | 'stopped' | (string & {});

export interface FeedConnectionOptions {
  readonly host: string;
  readonly port: number;
  readonly source: number;
  readonly epoch: number;
  readonly layout: ChunkLayout;
  readonly pool: DecodePool;
  /** Chunks of this source that are free: taken from, and given back to. */
  readonly freeChunks: Chunk[];
  readonly connectTimeoutMs: number;
  readonly nowMs: () => number;
  readonly onConnected: () => void;
  /** Bytes came. */
  readonly onBytes: (atMs: number) => void;
}

/**
 * One TCP connection to a feed, from connect to end. Reads straight into chunks; when the chunks in flight are at their
 * bound the socket is paused, so that the kernel's buffers, and then the sender, hold the rest.
 */
export class FeedConnection {
  /** Settles when the connection is over and what it read is handed on; never rejects. */
  readonly ended: Promise<EndReason>;
  private readonly options: FeedConnectionOptions;
  private readonly lane: FanOutLane<DecodeJob>;
  private readonly framer: LineFramer;
  private readonly socket: Socket;
  private current: Chunk;
  private paused = false;
  private reason: EndReason | null = null;

  constructor(options: FeedConnectionOptions) {
    this.options = options;
    this.framer = new LineFramer(options.layout.frameMaxBytes);
    this.current = this.takeChunk();
    this.lane = options.pool.openLane((isAtBound) => this.onPressure(isAtBound));
    const { host, port, connectTimeoutMs } = options;
    const socket = connect({
      host,
      port,
      noDelay: true,
      onread: {
        buffer: () => this.current.target,
        callback: (bytes) => {
          this.onRead(bytes);
          return !this.paused;
        },
      },
    });
    this.socket = socket;
    const timer = setTimeout(() => this.end(`no connection within ${connectTimeoutMs} ms`), connectTimeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      options.onConnected();
    });
    socket.once('end', () => this.end('closed by peer'));
    socket.once('error', (error: NodeJS.ErrnoException) => this.end(error.code ?? error.message));
    this.ended = new Promise((resolve) => {
      socket.once('close', () => {
        clearTimeout(timer);
        void this.finish().then(() => resolve(this.reason ?? 'closed by peer'));
      });
    });
  }

  /** Reading waits for the pipeline: silence is ours, not the feed's. */
  get isPaused(): boolean {
    return this.paused;
  }

  /** Ends the connection; the first reason counts. */
  end(reason: EndReason): void {
    this.reason ??= reason;
    this.socket.destroy();
  }

  private onRead(readBytes: number): void {
    const { nowMs, onBytes } = this.options;
    const atMs = nowMs();
    onBytes(atMs);
    const next = this.options.freeChunks.at(-1) ?? this.newChunk();
    if (!this.framer.take(this.current, readBytes, next)) return;
    const full = this.current;
    this.current = this.takeChunk();
    this.offer(full, atMs);
  }

  private offer(chunk: Chunk, receivedAtMs: number): void {
    const { source, epoch, freeChunks } = this.options;
    if (!this.lane.offer({ chunk, source, epoch, receivedAtMs, freeChunks }))
      throw new Error('a chunk was read past the bound');
  }

  private onPressure(isAtBound: boolean): void {
    this.paused = isAtBound;
    if (!isAtBound) this.socket.resume();
  }

  /** The stream is over: its last, unfinished line is a line too, unless we cut it. */
  private async finish(): Promise<void> {
    const cutByUs = this.reason === 'stopped' || this.reason === 'stale';
    if (this.lane.isAtBound) await this.lane.drained();
    if (!cutByUs && this.framer.end(this.current)) {
      this.offer(this.current, this.options.nowMs());
    } else {
      this.options.freeChunks.push(this.current);
    }
    this.lane.close();
    await this.lane.drained();
    this.options.pool.closeLane(this.lane);
  }

  private takeChunk(): Chunk {
    return this.options.freeChunks.pop() ?? new Chunk(this.options.layout);
  }

  private newChunk(): Chunk {
    const chunk = new Chunk(this.options.layout);
    this.options.freeChunks.push(chunk);
    return chunk;
  }
}
