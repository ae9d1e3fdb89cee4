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
  /** Of a clock that nobody sets: silence is measured by it. */
  readonly elapsedMs: () => number;
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
  private readonly heard = new Map<number, { readonly receivedAtMs: number | null; readonly sinceMs: number }>();
  /** Sources whose minutes are being closed. */
  private readonly closing = new Set<number>();
  private timer: NodeJS.Timeout | null = null;

  constructor(parts: WatchSourcesParts) {
    this.parts = parts;
  }

  start(): void {
    let steppedMs = this.parts.elapsedMs();
    this.timer = setInterval(() => {
      const atMs = this.parts.elapsedMs();
      // While this process did not run, nobody was silent: what came meanwhile is about to be read.
      if (atMs - steppedMs > 2 * STEP_MS) this.hearAll(atMs);
      steppedMs = atMs;
      this.step();
    }, STEP_MS);
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

  private hearAll(sinceMs: number): void {
    for (const [id, { receivedAtMs }] of this.heard) this.heard.set(id, { receivedAtMs, sinceMs });
  }

  /** No tick for so long that the feed would have been found stale by now if it were. */
  private isSilent(source: SourceBook): boolean {
    const { nowMs, elapsedMs, staleAfterMs } = this.parts;
    const receivedAtMs = source.lastReceivedAtMs;
    let heard = this.heard.get(source.id);
    if (heard === undefined || heard.receivedAtMs !== receivedAtMs) {
      // Of what came before this process only the wall clock tells how long ago it was.
      const agoMs = heard === undefined ? Math.max(0, nowMs() - (receivedAtMs ?? 0)) : 0;
      heard = { receivedAtMs, sinceMs: elapsedMs() - agoMs };
      this.heard.set(source.id, heard);
    }
    return elapsedMs() - heard.sinceMs > staleAfterMs + 2 * STEP_MS;
  }
}
