import { type Extremes, emptyExtremes, MINUTE_MS, SECOND_MS } from '../../domain/model/candle.ts';
import { FUTURE_LIMIT_MS } from '../../domain/model/rejection.ts';
import type { LiveCandle } from '../../domain/service/candle-series.ts';
import type { Instrument } from '../../domain/service/instrument.ts';
import { COARSE_STEP_MS, COARSE_WINDOW_MS, type MarketState } from '../../domain/service/market-state.ts';
import type { SourceBook } from '../../domain/service/source-book.ts';
import type { PublishedTick, SecondBucket, SourceNews } from '../port/out/latest-prices.ts';
import { ToldMinutes } from './told-minutes.ts';

/** Seconds of this time ahead of our clock may have ticks: those that are not `future`, and one for the edge. */
const AHEAD_MS = FUTURE_LIMIT_MS + SECOND_MS;
/** What is told again goes in parts, so that news is not kept waiting behind it: values sent, and looked up, in one. */
const REPEATED_MAX = 2_000;
const LOOKUPS_MAX = 20_000;

/** What of one source has been told, and puts together what is to be told next. */
export class SourceNewsReader {
  private readonly state: MarketState;
  private readonly source: SourceBook;
  /** Changes up to this log position have been told. */
  private toldPosition = 0;
  /** While everything is told again: the newest second that is not yet, down to the oldest; null = all is told. */
  private repeatFromMs: number | null = null;
  private repeatToMs = 0;
  private seenEvictedBeforeMs = 0;
  private readonly toldMinutes = new ToldMinutes();

  constructor(state: MarketState, source: SourceBook) {
    this.state = state;
    this.source = source;
  }

  get hasMore(): boolean {
    return this.repeatFromMs !== null;
  }

  /** True if the source has changed at a position that was not told of. */
  isBehind(changedAt: number): boolean {
    return changedAt > this.toldPosition;
  }

  /** Everything: all latest ticks, and the newest of the seconds; `more` has the others. */
  everything(nowMs: number): SourceNews {
    this.seenEvictedBeforeMs = this.source.evictedBeforeMs;
    this.repeatFromMs = floorSecond(nowMs + AHEAD_MS);
    this.repeatToMs = floorSecond(nowMs - COARSE_WINDOW_MS) - SECOND_MS;
    const seconds = this.repeated();
    return this.news(true, this.ticksSince(Number.NEGATIVE_INFINITY), seconds);
  }

  /** What has changed, and while everything is told again the next part of it. */
  changes(nowMs: number): SourceNews {
    const since = this.toldPosition;
    const seconds = this.source.changedAt > since ? this.secondsSince(since, nowMs) : [];
    const latest = this.source.changedAt > since ? this.ticksSince(since) : [];
    return this.news(false, latest, [...seconds, ...this.repeated()]);
  }

  /** Nothing but a question: is what was told still there? What it missed is told with `everything`, so nothing counts as covered. */
  question(nowMs: number): SourceNews {
    return { ...this.news(false, [], []), coveredFromMs: floorSecond(nowMs + AHEAD_MS) };
  }

  /** What was put together when the state was at `position` has been told. */
  told(position: number): void {
    this.toldPosition = position;
  }

  private news(full: boolean, latest: readonly PublishedTick[], seconds: readonly SecondBucket[]): SourceNews {
    const { mode, exchange } = this.source;
    const coveredFromMs = this.repeatFromMs === null ? 0 : this.repeatFromMs + SECOND_MS;
    return { mode, exchange, full, latest, seconds, coveredFromMs, storedBeforeMs: this.storedBeforeMs() };
  }

  private ticksSince(since: number): PublishedTick[] {
    const ticks: PublishedTick[] = [];
    for (const instrument of this.source.instruments) {
      if (instrument === undefined || instrument.changedAt <= since || !Number.isFinite(instrument.lastAtMs)) continue;
      ticks.push({
        symbol: this.symbolOf(instrument),
        price: instrument.lastPrice,
        eventAtMs: instrument.lastAtMs,
        receivedAtMs: instrument.lastReceivedAtMs,
        position: instrument.changedAt,
      });
    }
    return ticks;
  }

  /** By the minutes, which stay in memory longer than the candles of their seconds. */
  private secondsSince(since: number, nowMs: number): SecondBucket[] {
    const seconds: SecondBucket[] = [];
    const oldestMs = nowMs - COARSE_WINDOW_MS;
    for (const instrument of this.source.instruments) {
      if (instrument === undefined || instrument.changedAt <= since) continue;
      for (const minute of instrument.minutes) {
        if (minute.changedAt > since && minute.openMs + MINUTE_MS > oldestMs)
          this.addMinute(instrument, minute.openMs, minute.bucket.count, seconds);
      }
    }
    this.addEvicted(oldestMs, seconds);
    return seconds;
  }

  /** Minutes that have left memory since the last time: something may have come into them just before. */
  private addEvicted(oldestMs: number, into: SecondBucket[]): void {
    const { evictedBeforeMs, instruments } = this.source;
    const fromMs = Math.max(this.seenEvictedBeforeMs, floorMinute(oldestMs));
    this.seenEvictedBeforeMs = evictedBeforeMs;
    for (let minuteMs = fromMs; minuteMs < evictedBeforeMs; minuteMs += MINUTE_MS) {
      for (const instrument of instruments) {
        if (instrument !== undefined) this.addMinute(instrument, minuteMs, Number.POSITIVE_INFINITY, into);
      }
    }
  }

  private addMinute(instrument: Instrument, minuteMs: number, count: number, into: SecondBucket[]): void {
    const countAt = (openMs: number): number => this.window(instrument, openMs).count;
    const changed = this.toldMinutes.changed(instrument.id, minuteMs, count, instrument.lastAtMs, countAt);
    for (const openMs of changed) this.add(instrument, openMs, findSecond(instrument.seconds, openMs), into);
  }

  /** The next part of all seconds, newest first. */
  private repeated(): SecondBucket[] {
    const seconds: SecondBucket[] = [];
    const { instruments } = this.source;
    let lookups = 0;
    while (this.repeatFromMs !== null && seconds.length < REPEATED_MAX && lookups < LOOKUPS_MAX) {
      const openMs = this.repeatFromMs;
      for (const instrument of instruments) {
        if (instrument !== undefined) this.add(instrument, openMs, findSecond(instrument.seconds, openMs), seconds);
      }
      lookups += instruments.length + 1;
      this.repeatFromMs = openMs - SECOND_MS < this.repeatToMs ? null : openMs - SECOND_MS;
    }
    return seconds;
  }

  /** The window and the candle hold the same ticks; only the candle knows the first and the last. */
  private add(instrument: Instrument, openMs: number, candle: LiveCandle | null, into: SecondBucket[]): void {
    const summary = candle?.bucket ?? this.window(instrument, openMs);
    if (summary.count === 0) return;
    into.push({
      symbol: this.symbolOf(instrument),
      openMs,
      position: candle?.changedAt ?? instrument.changedAt,
      summary: candle === null ? withEnds(summary, instrument.minutes) : summary,
      open: candle?.bucket.open ?? null,
      close: candle?.bucket.close ?? null,
    });
  }

  private window(instrument: Instrument, openMs: number): Extremes {
    const summary = emptyExtremes();
    this.state.summariseSteps(instrument, COARSE_STEP_MS, openMs, openMs + SECOND_MS, summary);
    return summary;
  }

  /** The opening of the oldest minute with something that no commit has written yet, else the end of the newest one. */
  private storedBeforeMs(): number {
    const { source, state } = this;
    if (!Number.isFinite(source.watermarkMs)) return 0;
    let storedBeforeMs = source.watermarkMs - (source.watermarkMs % MINUTE_MS) + MINUTE_MS;
    for (const instrument of source.instruments) {
      for (const { openMs, changedAt } of instrument?.minutes ?? []) {
        if (changedAt > state.committedPosition && openMs < storedBeforeMs) storedBeforeMs = openMs;
      }
    }
    return storedBeforeMs;
  }

  private symbolOf(instrument: Instrument): string {
    return this.state.symbols[instrument.symbolId] ?? '';
  }
}

function findSecond(seconds: readonly LiveCandle[], openMs: number): LiveCandle | null {
  let low = 0;
  let high = seconds.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const second = seconds[middle];
    if (second === undefined || second.openMs === openMs) return second ?? null;
    if (second.openMs < openMs) low = middle + 1;
    else high = middle - 1;
  }
  return null;
}

/** First and last tick as far as they are known: those of the minute, else of the high and the low. */
function withEnds(summary: Extremes, minutes: readonly LiveCandle[]): Extremes {
  const { highAtMs, lowAtMs } = summary;
  const ends = { firstAtMs: Math.min(highAtMs, lowAtMs), lastAtMs: Math.max(highAtMs, lowAtMs) };
  const secondMs = floorSecond(highAtMs);
  for (const { bucket } of minutes) {
    if (floorSecond(bucket.firstAtMs) === secondMs) ends.firstAtMs = bucket.firstAtMs;
    if (floorSecond(bucket.lastAtMs) === secondMs) ends.lastAtMs = bucket.lastAtMs;
  }
  return { ...summary, ...ends };
}

function floorMinute(atMs: number): number {
  return atMs - (atMs % MINUTE_MS);
}

function floorSecond(atMs: number): number {
  return atMs - (atMs % SECOND_MS);
}
