import type { Worker } from 'node:worker_threads';
import { Backoff } from '../../../../pkg/concurrency/backoff.ts';
import { DeadlineError, withDeadline } from '../../../../pkg/concurrency/deadline.ts';
import type { FeedState } from '../../../application/port/in/queries.ts';
import type { TickIntake } from '../../../application/port/in/tick-intake.ts';
import type { Happenings } from '../../../application/port/out/happenings.ts';
import type { FeedStatus, MarketFeeds } from '../../../application/port/out/market-feeds.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { DecodePool } from './decode-pool.ts';
import type { DecodeThreadData } from './decode-thread.ts';
import { type FeedSource, FeedSupervisor, type FeedTimings } from './feed-supervisor.ts';

export interface FeedEngineOptions {
  readonly sources: Readonly<Record<Mode, readonly FeedSource[]>>;
  readonly intake: TickIntake;
  readonly happenings: Happenings;
  readonly timings: FeedTimings;
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  readonly threads: number;
  readonly workersPerSource: number;
  readonly chunkBytes: number;
  readonly frameMaxBytes: number;
  readonly spawnThread: (data: DecodeThreadData) => Worker;
  readonly nowMs: () => number;
  readonly elapsedMs: () => number;
  readonly random: () => number;
}

/** Owns every socket to an exchange, and the pool that decodes what they bring. */
export class FeedEngine implements MarketFeeds {
  private readonly options: FeedEngineOptions;
  private readonly pool: DecodePool;
  private supervisors: FeedSupervisor[] = [];

  constructor(options: FeedEngineOptions) {
    const { intake, happenings } = options;
    this.options = options;
    this.pool = new DecodePool({
      threads: options.threads,
      workersPerSource: options.workersPerSource,
      frameMaxBytes: options.frameMaxBytes,
      symbols: intake.symbols,
      spawnThread: options.spawnThread,
      deliver: (batch) => intake.accept(batch),
      onWorkerLost: (reason, respawnInMs) => happenings.workerLost(reason, respawnInMs),
      random: options.random,
    });
  }

  async start(mode: Mode, epoch: number): Promise<void> {
    if (this.supervisors.length > 0) throw new Error('feeds run already: each tick would be counted twice');
    const { sources, intake, happenings, timings, backoffMinMs, backoffMaxMs, random } = this.options;
    this.supervisors = sources[mode].map(
      (source) =>
        new FeedSupervisor({
          source,
          sourceId: intake.openSource(mode, source.exchange),
          epoch,
          intake,
          pool: this.pool,
          layout: {
            readBytes: this.options.chunkBytes,
            frameMaxBytes: this.options.frameMaxBytes,
            shared: this.options.threads > 0,
          },
          timings,
          backoff: new Backoff({ minMs: backoffMinMs, maxMs: backoffMaxMs, random }),
          nowMs: this.options.nowMs,
          elapsedMs: this.options.elapsedMs,
          onChange: (exchange, from, to, reason) => happenings.feedChanged(exchange, from, to, reason),
          onReconnect: (exchange) => happenings.reconnected(exchange),
        }),
    );
  }

  async stop(deadlineMs: number): Promise<void> {
    const stopping = this.supervisors;
    this.supervisors = [];
    const stopped = Promise.all(stopping.map((supervisor) => supervisor.stop()));
    await withDeadline(stopped, deadlineMs, 'stopping the feeds').catch((cause: unknown) => {
      if (!(cause instanceof DeadlineError)) throw cause;
    });
  }

  status(): readonly FeedStatus[] {
    return this.supervisors.map((supervisor) => supervisor.status());
  }

  stateOf(exchange: string): FeedState | undefined {
    return this.supervisors.find((supervisor) => supervisor.exchange === exchange)?.currentState;
  }

  exchanges(mode: Mode): readonly string[] {
    return this.options.sources[mode].map((source) => source.exchange);
  }

  /** Chunks that wait and that are out, for metrics. */
  queues(): { readonly queuedChunks: number; readonly chunksInFlight: number } {
    return { queuedChunks: this.pool.fanOut.queuedItems, chunksInFlight: this.pool.fanOut.inFlight };
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}
