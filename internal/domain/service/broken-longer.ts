import { candleOpenMs } from '../model/candle.ts';
import type { SourceState } from '../model/checkpoint.ts';
import type { FeedGaps } from './feed-gaps.ts';

type Stored = SourceState['brokenLonger'];

const NOT_BROKEN = -1;

/**
 * What gaps that are forgotten, because their minutes have left memory, still mean for candles longer than a minute. Only
 * one candle of an interval can hold the moment before which all minutes have left, so one opening for each is enough.
 */
export class BrokenLonger {
  private readonly intervalsMs: readonly number[];
  private readonly openMs: number[];

  constructor(intervalsMs: readonly number[]) {
    this.intervalsMs = intervalsMs;
    this.openMs = intervalsMs.map(() => NOT_BROKEN);
  }

  restore(stored: Stored, evictedBeforeMs: number): void {
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      const known = stored.find((one) => one.intervalMs === intervalMs);
      // An interval that was not kept so far: its candle that is open now lacks what was before.
      const openMs = evictedBeforeMs > 0 ? candleOpenMs(evictedBeforeMs, intervalMs) : NOT_BROKEN;
      this.openMs[k] = known?.openMs ?? openMs;
    }
  }

  snapshot(): Stored {
    return this.intervalsMs.map((intervalMs, k) => ({ intervalMs, openMs: this.openMs[k] ?? NOT_BROKEN }));
  }

  /** All minutes before `beforeMs` leave memory; `gaps` still knows theirs. */
  evict(beforeMs: number, gaps: FeedGaps): void {
    for (const [k, intervalMs] of this.intervalsMs.entries()) {
      const openMs = candleOpenMs(beforeMs, intervalMs);
      const isBroken = this.openMs[k] === openMs || gaps.overlaps(openMs, beforeMs);
      this.openMs[k] = isBroken ? openMs : NOT_BROKEN;
    }
  }

  has(openMs: number, intervalMs: number): boolean {
    const k = this.intervalsMs.indexOf(intervalMs);
    return k >= 0 && this.openMs[k] === openMs;
  }
}
