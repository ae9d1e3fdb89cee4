import type { Backoff } from '../../../../pkg/concurrency/backoff.ts';
import { sleep } from '../../../../pkg/concurrency/deadline.ts';
import type { FeedState } from '../../../application/port/in/queries.ts';
import type { TickIntake } from '../../../application/port/in/tick-intake.ts';
import type { FeedStatus } from '../../../application/port/out/market-feeds.ts';
import type { Chunk, ChunkLayout } from './chunk.ts';
import type { DecodePool } from './decode-pool.ts';
import { FeedConnection } from './feed-connection.ts';

/** Where a source is listened to. `open` is called at each start of the source and may start what listens there. */
export interface FeedSource {
  readonly exchange: string;
  /** As shown to people. */
  readonly address: string;
  open(): Promise<{ readonly host: string; readonly port: number; close(): Promise<void> }>;
}

export interface FeedTimings {
  readonly connectTimeoutMs: number;
  /** A connection without a byte for so long is dead. */
  readonly staleAfterMs: number;
  /** Data for so long resets the backoff. */
  readonly stableAfterMs: number;
}

export interface FeedSupervisorParts {
  readonly source: FeedSource;
  readonly sourceId: number;
  readonly epoch: number;
  readonly intake: TickIntake;
  readonly pool: DecodePool;
  readonly layout: ChunkLayout;
  readonly timings: FeedTimings;
  readonly backoff: Backoff;
  readonly nowMs: () => number;
  /** Of a clock that nobody sets: silence and stability are measured by it. */
  readonly elapsedMs: () => number;
  readonly onChange: (exchange: string, from: FeedState, to: FeedState, reason: string) => void;
  readonly onReconnect: (exchange: string) => void;
}

/** Keeps one source connected, for as long as it is not stopped: connect, watch, wait, again. */
export class FeedSupervisor {
  private readonly parts: FeedSupervisorParts;
  private readonly freeChunks: Chunk[] = [];
  private readonly stopping = new AbortController();
  private readonly finished: Promise<void>;
  private connection: FeedConnection | null = null;
  private watch: NodeJS.Timeout | undefined;
  private state: FeedState = 'connecting';
  private connects = 0;
  private lastByteAtMs: number | null = null;

  constructor(parts: FeedSupervisorParts) {
    this.parts = parts;
    this.finished = this.run();
  }

  get exchange(): string {
    return this.parts.source.exchange;
  }

  get currentState(): FeedState {
    return this.state;
  }

  status(): FeedStatus {
    const { exchange, address } = this.parts.source;
    return {
      exchange,
      address,
      state: this.state,
      reconnects: Math.max(0, this.connects - 1),
      lastByteAtMs: this.lastByteAtMs,
    };
  }

  /** Resolves when the connection is closed and everything that it read is accepted. */
  stop(): Promise<void> {
    this.stopping.abort();
    clearInterval(this.watch);
    this.connection?.end('stopped');
    return this.finished;
  }

  private async run(): Promise<void> {
    const { source, backoff } = this.parts;
    const { signal } = this.stopping;
    let endpoint: Awaited<ReturnType<FeedSource['open']>> | null = null;
    try {
      while (!signal.aborted) {
        try {
          endpoint ??= await source.open();
          if (!signal.aborted) await this.connectOnce(endpoint);
        } catch (cause) {
          this.change('down', cause instanceof Error ? cause.message : String(cause));
        }
        await sleep(backoff.nextMs(), signal).catch(() => undefined);
      }
    } finally {
      await endpoint?.close();
    }
  }

  private async connectOnce(endpoint: { readonly host: string; readonly port: number }): Promise<void> {
    const { sourceId, epoch, intake, pool, layout, timings, backoff, nowMs, elapsedMs } = this.parts;
    let isConnected = false;
    let readingSinceMs = 0;
    let firstByteMs = Number.POSITIVE_INFINITY;
    let lastByteMs = 0;
    const connection = new FeedConnection({
      host: endpoint.host,
      port: endpoint.port,
      source: sourceId,
      epoch,
      layout,
      pool,
      freeChunks: this.freeChunks,
      connectTimeoutMs: timings.connectTimeoutMs,
      nowMs,
      onConnected: () => {
        isConnected = true;
        readingSinceMs = elapsedMs();
        if (this.connects++ > 0) this.parts.onReconnect(this.parts.source.exchange);
        void intake.feedChanged(sourceId, epoch, true, nowMs());
      },
      onBytes: (atMs) => {
        this.lastByteAtMs = atMs;
        lastByteMs = elapsedMs();
        if (lastByteMs >= firstByteMs) return;
        firstByteMs = lastByteMs;
        this.change('live', 'data');
      },
    });
    this.connection = connection;
    const checkEveryMs = Math.max(50, timings.staleAfterMs / 20);
    let checkedMs = elapsedMs();
    this.watch = setInterval(() => {
      const atMs = elapsedMs();
      const pausedMs = atMs - checkedMs - checkEveryMs;
      checkedMs = atMs;
      // While we do not read, silence is ours; the feed's begins when we read again. Likewise while we did not run.
      if (connection.isPaused) readingSinceMs = atMs;
      else if (pausedMs > checkEveryMs) readingSinceMs = Math.max(readingSinceMs, lastByteMs) + pausedMs;
      if (!isConnected || atMs - Math.max(readingSinceMs, lastByteMs) < timings.staleAfterMs) return;
      this.change('stale', `no byte for ${timings.staleAfterMs} ms`);
      connection.end('stale');
    }, checkEveryMs);
    const reason = await connection.ended;
    clearInterval(this.watch);
    this.connection = null;
    if (isConnected) await intake.feedChanged(sourceId, epoch, false, nowMs());
    if (lastByteMs - firstByteMs >= timings.stableAfterMs) backoff.reset();
    if (reason !== 'stopped' && reason !== 'stale') this.change('down', reason);
  }

  private change(to: FeedState, reason: string): void {
    const from = this.state;
    if (from === to || this.stopping.signal.aborted) return;
    this.state = to;
    this.parts.onChange(this.parts.source.exchange, from, to, reason);
  }
}
