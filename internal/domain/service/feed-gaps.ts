import { MINUTE_MS } from '../model/candle.ts';
import type { BrokenMinutes } from '../model/checkpoint.ts';

/**
 * The minutes during which a source's feed was not up all the time. A gap starts at the newest event time before the
 * disconnect, because nothing proves that later events were not missed, and ends where the feed resumed.
 */
export class FeedGaps {
  private ranges: BrokenMinutes[] = [];

  constructor(ranges: readonly BrokenMinutes[] = []) {
    this.ranges = [...ranges];
  }

  /** Marks every minute that `[fromMs, toMs)` touches. */
  add(fromMs: number, toMs: number): void {
    const from = floorMinute(fromMs);
    const to = ceilMinute(toMs);
    if (from >= to) return;
    const apart = this.ranges.filter((range) => range.toMs < from || range.fromMs > to);
    const touching = this.ranges.filter((range) => range.toMs >= from && range.fromMs <= to);
    this.ranges = [
      ...apart,
      {
        fromMs: Math.min(from, ...touching.map((range) => range.fromMs)),
        toMs: Math.max(to, ...touching.map((range) => range.toMs)),
      },
    ].sort((a, b) => a.fromMs - b.fromMs);
  }

  has(openMs: number): boolean {
    return this.ranges.some((range) => openMs >= range.fromMs && openMs < range.toMs);
  }

  /** True if a minute in `[fromMs, toMs)` is marked. */
  overlaps(fromMs: number, toMs: number): boolean {
    return this.ranges.some((range) => fromMs < range.toMs && toMs > range.fromMs);
  }

  /** Forgets what lies before `beforeMs`: no candle of that time can change any more. */
  prune(beforeMs: number): void {
    if ((this.ranges[0]?.toMs ?? beforeMs + 1) <= beforeMs)
      this.ranges = this.ranges.filter((range) => range.toMs > beforeMs);
  }

  list(): readonly BrokenMinutes[] {
    return this.ranges;
  }
}

export function floorMinute(atMs: number): number {
  return Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
}

export function ceilMinute(atMs: number): number {
  return Math.ceil(atMs / MINUTE_MS) * MINUTE_MS;
}
