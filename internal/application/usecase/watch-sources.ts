import type { MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type { MarketFeeds } from '../port/out/market-feeds.ts';
import type { IngestTicks } from './ingest-ticks.ts';

const STEP_MS = 1_000;
/** Ticks per second are a mean over this many steps. */
const RATE_STEPS = 5;

export interface WatchSourcesParts {
  readonly state: MarketState;
  readonly feeds: MarketFeeds;
  readonly ingest: IngestTicks;
  readonly nowMs: () => number;
  /** A source that was silent for longer than this is known to be stale or well. */
  readonly staleAfterMs: number;
}

/**
 * Once a second: closes the minutes of sources whose own ticks no longer do (a silent or dead feed must not leave a
 * candle `forming` for ever), and measures the rate of each source.
 */
export class WatchSources {
  private readonly parts: WatchSourcesParts;
  private readonly counts = new Map<number, number[]>();
  /** Sources whose minutes are being closed. */
  private readonly closing = new Set<number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(parts: WatchSourcesParts) {
    this.parts = parts;
  }

  start(): void {
    this.timer = setInterval(() => this.step(), STEP_MS);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
  }

  /** Accepted ticks a second over the last five seconds. */
  ticksPerSecond(source: SourceBook): number {
    const counts = this.counts.get(source.id) ?? [];
    const spanS = ((counts.length - 1) * STEP_MS) / 1_000;
    return spanS > 0 ? ((counts.at(-1) ?? 0) - (counts[0] ?? 0)) / spanS : 0;
  }

  step(): void {
    const { state, ingest, nowMs } = this.parts;
    for (const source of state.knownSources()) {
      const counts = this.counts.get(source.id) ?? [];
      counts.push(source.counted);
      if (counts.length > RATE_STEPS + 1) counts.shift();
      this.counts.set(source.id, counts);
      const upToMs = this.isSilent(source) ? source.overdueUpToMs(nowMs()) : null;
      // One at a time: while the log waits for room, more of them would only queue.
      if (upToMs === null || this.closing.has(source.id)) continue;
      this.closing.add(source.id);
      void ingest.append({ kind: 'finalise', source: source.id, upToMs }).then(() => this.closing.delete(source.id));
    }
  }

  /** No tick for so long that the feed would have been found stale by now if it were. */
  private isSilent(source: SourceBook): boolean {
    const { nowMs, staleAfterMs } = this.parts;
    return nowMs() - (source.lastReceivedAtMs ?? 0) > staleAfterMs + 2 * STEP_MS;
  }
}
