import { sleep } from '../../../pkg/concurrency/deadline.ts';
import type { MarketState } from '../../domain/service/market-state.ts';
import type { CandleStore } from '../port/out/candle-store.ts';
import type { Happenings } from '../port/out/happenings.ts';
import type { TickLog } from '../port/out/tick-log.ts';

/** A minute's end is committed this much later at the latest: ends of several sources share a commit. */
const MINUTE_END_DELAY_MS = 100;

export interface KeepCheckpointsParts {
  readonly state: MarketState;
  readonly store: CandleStore;
  readonly log: TickLog;
  readonly happenings: Happenings;
  readonly nowMs: () => number;
  readonly intervalMs: number;
  /** The store is broken for good (a sync failed): going on would let the log go for candles that may not be on the disk. */
  readonly onFatal: (cause: unknown) => void;
}

/** Writes candles and checkpoint together, at most every `intervalMs` and at the end of minutes, and lets the log go behind it. */
export class KeepCheckpoints {
  private readonly parts: KeepCheckpointsParts;
  private running: Promise<void> | null = null;
  /** The one after `running`, for all who asked meanwhile. */
  private next: Promise<void> | null = null;
  private failingSinceMs: number | null = null;
  private lastError: string | null = null;
  private readonly stopping = new AbortController();
  private loop: Promise<void> | null = null;

  constructor(parts: KeepCheckpointsParts) {
    this.parts = parts;
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

  /** Commits what is folded in now. Calls while one is under way wait for it and share the next. Failures are kept in `error`. */
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
      if (signal.aborted || (sinceMs < intervalMs && !state.minuteClosed)) continue;
      sinceMs = 0;
      state.minuteClosed = false;
      await this.commit();
    }
  }

  private async write(): Promise<void> {
    const { state, store, log, happenings, nowMs, onFatal } = this.parts;
    const fromMs = nowMs();
    const delta = state.delta();
    if (delta !== null) {
      try {
        await store.commit(delta);
      } catch (cause) {
        if (isFatal(cause)) onFatal(cause);
        this.lastError = cause instanceof Error ? cause.message : String(cause);
        if (this.failingSinceMs === null) happenings.checkpointFailed(this.lastError);
        this.failingSinceMs ??= fromMs;
        return;
      }
      state.committed(delta);
      happenings.checkpointWritten(delta.candles.length, nowMs() - fromMs);
      if (this.failingSinceMs !== null) happenings.checkpointRecovered(nowMs() - this.failingSinceMs);
      this.failingSinceMs = null;
      this.lastError = null;
    }
    log.release(state.committedPosition);
  }
}

/** The severity belongs to the error: every store says it of its own. */
function isFatal(cause: unknown): boolean {
  return cause instanceof Error && 'severity' in cause && cause.severity === 'fatal';
}
