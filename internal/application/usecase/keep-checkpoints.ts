import { Backoff } from '../../../pkg/concurrency/backoff.ts';
import { sleep } from '../../../pkg/concurrency/deadline.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { TickLog } from '../port/out/tick-log.ts';

/** A minute's end is committed this much later at the latest: ends of several sources share a commit. */
const MINUTE_END_DELAY_MS = 100;

/** Waits between tries while the store fails: full jitter, and short enough to go on within seconds of its return. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

export interface KeepCheckpointsParts {
  readonly state: MarketState;
  readonly store: CandleStore;
  readonly log: TickLog;
  readonly happenings: Happenings;
  readonly nowMs: () => number;
  readonly intervalMs: number;
  /** The store is broken for good (a sync failed): going on would let the log go for candles that may not be on the disk. */
  readonly onFatal: (cause: unknown) => void;
  /** Uniform in [0, 1). Default: Math.random. */
  readonly random?: () => number;
}

/** Writes candles and checkpoint together, at most every `intervalMs` and at the end of minutes, and lets the log go behind it. */
export class KeepCheckpoints {
  private readonly parts: KeepCheckpointsParts;
  private running: Promise<void> | null = null;
  /** The one after `running`, for all who asked meanwhile. */
  private next: Promise<void> | null = null;
  private failingSinceMs: number | null = null;
  private lastError: string | null = null;
  private readonly backoff: Backoff;
  /** While the store fails: when it is tried again, ms of `performance.now()`. */
  private retryAtMs = 0;
  private readonly stopping = new AbortController();
  private loop: Promise<void> | null = null;

  constructor(parts: KeepCheckpointsParts) {
    this.parts = parts;
    const { random = Math.random } = parts;
    this.backoff = new Backoff({ minMs: RETRY_MIN_MS, maxMs: RETRY_MAX_MS, random });
  }

  /** Why the last commit failed; null when it did not. */
  get error(): string | null {
    return this.lastError;
  }

  start(): void {
    this.loop = this.run();
  }

  /** The last commit. Rejects when it can't be written; what it held is in the log. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.loop;
    await this.commit();
    if (this.lastError !== null) throw new Error(this.lastError);
  }

  /**
   * Commits what is folded in now, or, while the store fails, at its next try. Calls while one is under way wait for
   * it and share the next. Failures are kept in `error`.
   */
  commit(): Promise<void> {
    if (this.running === null) {
      this.running = this.write().finally(() => {
        this.running = null;
      });
      return this.running;
    }
    const startNext = (): Promise<void> => {
      this.next = null;
      return this.commit();
    };
    this.next ??= this.running.then(startNext, startNext);
    return this.next;
  }

  private async run(): Promise<void> {
    const { state, intervalMs } = this.parts;
    const { signal } = this.stopping;
    let sinceMs = 0;
    while (!signal.aborted) {
      const stepMs = Math.min(MINUTE_END_DELAY_MS, intervalMs);
      await sleep(stepMs, signal).catch(() => undefined);
      sinceMs += stepMs;
      const isDue = sinceMs >= intervalMs || state.minuteClosed || this.lastError !== null;
      if (signal.aborted || !isDue) continue;
      sinceMs = 0;
      state.minuteClosed = false;
      await this.commit();
    }
  }

  private async write(): Promise<void> {
    const { state, store, log, happenings, nowMs, onFatal } = this.parts;
    await this.untilRetry();
    const fromMs = nowMs();
    const delta = state.delta(this.stopping.signal.aborted);
    if (delta !== null) {
      try {
        await store.commit(delta);
      } catch (cause) {
        if (isFatal(cause)) onFatal(cause);
        this.lastError = cause instanceof Error ? cause.message : String(cause);
        if (this.failingSinceMs === null) happenings.checkpointFailed(this.lastError);
        this.failingSinceMs ??= fromMs;
        this.retryAtMs = performance.now() + this.backoff.nextMs();
        return;
      }
      state.committed(delta);
      happenings.checkpointWritten(delta.candles.length, nowMs() - fromMs);
      if (this.failingSinceMs !== null) happenings.checkpointRecovered(nowMs() - this.failingSinceMs);
      this.failingSinceMs = null;
      this.backoff.reset();
      this.lastError = null;
    }
    log.release(state.committedPosition);
  }

  /** The last commit of a stop does not wait. */
  private async untilRetry(): Promise<void> {
    const waitMs = this.lastError === null ? 0 : this.retryAtMs - performance.now();
    if (waitMs > 0 && !this.stopping.signal.aborted) await sleep(waitMs, this.stopping.signal).catch(() => undefined);
  }
}

/** The severity belongs to the error: every store says it of its own. */
function isFatal(cause: unknown): boolean {
  return cause instanceof Error && 'severity' in cause && cause.severity === 'fatal';
}
