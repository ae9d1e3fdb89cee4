import { MINUTE_MS } from '../model/candle.ts';
import type { BrokenMinutes } from '../model/checkpoint.ts';
import { FUTURE_LIMIT_MS } from '../model/rejection.ts';

/**
 * The minutes during which a source's feed was not up all the time, and whether it is up now. A gap starts at the newest
 * event time before the disconnect, because nothing proves that later events were not missed, and ends where the feed
 * resumed.
 */
export class FeedGaps {
  private ranges: BrokenMinutes[] = [];
  /** Ticks come without a gap. */
  isUp = false;
  /** Our clock when it was connected, until its first tick shows where it goes on. */
  upSinceMs: number | null = null;

  constructor(ranges: readonly BrokenMinutes[] = []) {
    this.ranges = [...ranges];
  }

  /** Ticks were lost from `fromMs` on, and more until the next one that comes. */
  interrupt(fromMs: number, watermarkMs: number): void {
    this.isUp = false;
    this.upSinceMs = null;
    if (watermarkMs !== Number.NEGATIVE_INFINITY) this.add(fromMs, watermarkMs + 1);
  }

  /**
   * At the first tick after a gap. `watermarkBeforeMs`: the greatest event time before it, -Infinity if there was no tick.
   * Returns where the gap begins.
   */
  resume(watermarkBeforeMs: number, firstTickAtMs: number): number {
    // Event times are the exchange's, whose clock may be ahead: what it saw as we connected is at most so much later.
    const connectedMs = this.upSinceMs === null ? Number.POSITIVE_INFINITY : this.upSinceMs + FUTURE_LIMIT_MS;
    const resumedMs = Math.min(firstTickAtMs + 1, connectedMs);
    this.isUp = true;
    this.upSinceMs = null;
    const known = watermarkBeforeMs !== Number.NEGATIVE_INFINITY;
    // Before the first tick ever nothing was seen: no candle that began then is complete.
    const fromMs = known ? Math.min(watermarkBeforeMs, resumedMs) : 0;
    this.add(fromMs, known ? Math.max(resumedMs, watermarkBeforeMs + 1) : ceilMinute(resumedMs));
    return fromMs;
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
