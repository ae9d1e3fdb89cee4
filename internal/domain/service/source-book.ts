import { type Bucket, type CandleState, MINUTE_MS } from '../model/candle.ts';
import type { CandleRow, SourceState } from '../model/checkpoint.ts';
import type { Mode } from '../model/mode.ts';
import { REASON_COUNT, Reason } from '../model/rejection.ts';
import type { TickBatch } from '../model/tick-batch.ts';
import { ceilMinute, FeedGaps, floorMinute } from './feed-gaps.ts';
import { type Instrument, type Minute, mergeIntoMinute } from './instrument.ts';
import type { StepWindow } from './step-window.ts';
import type { FoldSource, TickFold } from './tick-fold.ts';
import { TradeIdWindow } from './trade-id-window.ts';

/** What the sources of one state share. */
export interface SourceContext {
  readonly fold: TickFold;
  readonly windows: readonly StepWindow[];
  readonly slackMs: number;
  readonly latenessMs: number;
  /** Steps that start longer than this before their receipt are not put into the windows. */
  readonly windowMs: number;
  /** Symbol ids are below this. */
  symbolCount(): number;
  symbolName(symbol: number): string;
  openInstrument(source: number, symbol: number): Instrument;
}

/** One (mode, exchange): its watermark, its gaps, its pairs and its books. */
export class SourceBook implements FoldSource {
  readonly id: number;
  readonly mode: Mode;
  readonly exchange: string;
  watermarkMs = Number.NEGATIVE_INFINITY;
  frames = 0;
  counted = 0;
  readonly rejected = new Float64Array(REASON_COUNT);
  /** Ticks of the minutes that have left memory. */
  evictedCount = 0;
  evictedBeforeMs = 0;
  lastReceivedAtMs: number | null = null;
  changedAt = 0;
  minuteCount = 0;
  readonly instruments: (Instrument | undefined)[] = [];

  private readonly context: SourceContext;
  private gaps = new FeedGaps();
  private finalUpToMs = 0;
  private feedUp = false;
  private upSinceMs: number | null = null;
  /** While the first ticks after a gap are folded: the watermark before them. */
  private resumeFromMs: number | null = null;
  private closedByTicks = false;
  private position = 0;
  private epoch = 0;
  private receivedAtMs = 0;

  constructor(id: number, mode: Mode, exchange: string, context: SourceContext) {
    this.id = id;
    this.mode = mode;
    this.exchange = exchange;
    this.context = context;
  }

  static restore(state: SourceState, context: SourceContext): SourceBook {
    const book = new SourceBook(state.id, state.mode, state.exchange, context);
    book.watermarkMs = state.watermarkMs ?? Number.NEGATIVE_INFINITY;
    book.feedUp = state.feedUp;
    book.upSinceMs = state.upSinceMs;
    book.finalUpToMs = state.finalUpToMs;
    book.evictedBeforeMs = state.evictedBeforeMs;
    book.gaps = new FeedGaps(state.brokenMinutes);
    book.frames = state.frames;
    book.counted = state.counted;
    book.rejected.set(state.rejected);
    book.evictedCount = state.evictedCount;
    return book;
  }

  snapshot(): SourceState {
    return {
      id: this.id,
      mode: this.mode,
      exchange: this.exchange,
      watermarkMs: this.watermarkMs === Number.NEGATIVE_INFINITY ? null : this.watermarkMs,
      feedUp: this.feedUp,
      upSinceMs: this.upSinceMs,
      finalUpToMs: this.finalUpToMs,
      evictedBeforeMs: this.evictedBeforeMs,
      brokenMinutes: this.gaps.list(),
      frames: this.frames,
      counted: this.counted,
      rejected: [...this.rejected],
      evictedCount: this.evictedCount,
    };
  }

  /** Folds a chunk and its books. Returns true if a minute became final. */
  applyTicks(batch: TickBatch, epoch: number, position: number): boolean {
    this.changedAt = position;
    this.position = position;
    this.epoch = batch.epoch;
    this.receivedAtMs = batch.receivedAtMs;
    this.frames += batch.frames;
    for (let i = 0; i < REASON_COUNT; i++) this.rejected[i]! += batch.rejected[i]!;
    if (batch.epoch !== epoch) {
      const future = batch.rejected[Reason.future] ?? 0;
      this.rejected[Reason.future]! -= future;
      this.rejected[Reason.stale_epoch]! += batch.count + future;
      return false;
    }
    if (batch.count === 0) return false;
    this.lastReceivedAtMs = batch.receivedAtMs;
    this.resumeFromMs = this.feedUp ? null : this.watermarkMs;
    this.closedByTicks = false;
    this.counted += this.context.fold.fold(batch, this, this.context.symbolCount(), this.rejected);
    return this.closedByTicks;
  }

  /** The feed came up (its first tick will show where) or went down. */
  applyFeed(up: boolean, atMs: number, position: number): void {
    this.changedAt = position;
    this.upSinceMs = up ? atMs : null;
    if (up || !this.feedUp) return;
    this.feedUp = false;
    this.touchMinutes(this.watermarkMs - MINUTE_MS, position);
  }

  /** The clock closes what ends at or before `upToMs`. Returns true if a minute became final. */
  applyFinalise(upToMs: number, position: number): boolean {
    this.changedAt = position;
    this.position = position;
    return this.closeMinutes(floorMinute(upToMs));
  }

  /** Marks minutes that miss ticks which the log has lost; null = not known where, so where the source stands now. */
  applyDamage(fromMs: number | null, toMs: number | null, position: number): void {
    const at = Math.max(0, this.watermarkMs);
    this.changedAt = position;
    this.gaps.add(fromMs ?? at, (toMs ?? at) + 1);
    this.touchMinutes(floorMinute(fromMs ?? at), position);
  }

  tradeIds(symbol: number): TradeIdWindow | null {
    return this.instruments[symbol]?.tradeIds ?? null;
  }

  openTradeIds(symbol: number): TradeIdWindow {
    const instrument = this.instrument(symbol);
    instrument.tradeIds ??= new TradeIdWindow();
    return instrument.tradeIds;
  }

  merge(symbol: number, spanStartMs: number, part: Bucket, newestPrice: number): void {
    if (this.resumeFromMs !== null) this.resume(this.resumeFromMs, spanStartMs);
    if (this.closeMinutes(floorMinute(this.watermarkMs - this.context.slackMs))) this.closedByTicks = true;
    const { position } = this;
    const instrument = this.instrument(symbol);
    const { minute, isNew } = instrument.minuteAt(spanStartMs, this.epoch);
    if (isNew) this.minuteCount++;
    mergeIntoMinute(minute, part, minute.openMs + MINUTE_MS <= this.finalUpToMs, this.epoch, position);
    instrument.noteLatest(newestPrice, part.lastAtMs, this.receivedAtMs, position);
    if (spanStartMs < this.receivedAtMs - this.context.windowMs) return;
    for (const window of this.context.windows) {
      window.merge(instrument.id, spanStartMs - (spanStartMs % window.stepMs), part, position);
    }
  }

  /**
   * End of the newest minute that is forming and ends, slack included, at or before `nowMs`; null = there is none. Not
   * further: a feed of old data that goes on after a silence must find its next minutes open.
   */
  overdueUpToMs(nowMs: number): number | null {
    let newestMs = this.finalUpToMs;
    for (const instrument of this.instruments) {
      for (const { openMs } of instrument?.minutes ?? []) {
        const endMs = openMs + MINUTE_MS;
        if (endMs > newestMs && endMs + this.context.slackMs <= nowMs) newestMs = endMs;
      }
    }
    return newestMs > this.finalUpToMs ? newestMs : null;
  }

  /** True while ticks come without a gap; a restart ends that. */
  get isFeedUp(): boolean {
    return this.feedUp || this.upSinceMs !== null;
  }

  stateOf(minute: Minute): CandleState {
    if (minute.openMs + MINUTE_MS > this.finalUpToMs) return 'forming';
    return minute.revision > 0 ? 'revised' : 'final';
  }

  isComplete(minute: Minute): boolean {
    const endMs = minute.openMs + MINUTE_MS;
    if (endMs > this.finalUpToMs || this.gaps.has(minute.openMs)) return false;
    return this.feedUp || endMs <= this.watermarkMs;
  }

  rowOf(instrument: Instrument, minute: Minute): CandleRow {
    return {
      mode: this.mode,
      exchange: this.exchange,
      symbol: this.context.symbolName(instrument.symbolId),
      intervalMs: MINUTE_MS,
      openMs: minute.openMs,
      state: this.stateOf(minute),
      complete: this.isComplete(minute),
      source: 'ticks',
      revision: minute.revision,
      epoch: minute.epoch,
      position: minute.changedAt,
      bucket: { ...minute.bucket },
    };
  }

  /** Lets minutes go that no tick can reach and that were committed at `committedPosition`. */
  evict(committedPosition: number, position: number): void {
    let beforeMs = floorMinute(this.watermarkMs - this.context.latenessMs);
    for (const instrument of this.instruments) {
      for (const minute of instrument?.minutes ?? []) {
        if (minute.openMs < beforeMs && minute.changedAt > committedPosition) beforeMs = minute.openMs;
      }
    }
    if (!(beforeMs > this.evictedBeforeMs)) return;
    for (const instrument of this.instruments) {
      for (const minute of instrument?.evict(beforeMs, position) ?? []) {
        this.evictedCount += minute.bucket.count;
        this.minuteCount--;
      }
    }
    this.evictedBeforeMs = beforeMs;
    this.gaps.prune(beforeMs);
    this.changedAt = position;
  }

  /** Ticks in the candles, from the candles. */
  countInCandles(): number {
    let count = this.evictedCount;
    for (const instrument of this.instruments) {
      for (const minute of instrument?.minutes ?? []) count += minute.bucket.count;
    }
    return count;
  }

  private instrument(symbol: number): Instrument {
    const known = this.instruments[symbol];
    if (known !== undefined) return known;
    const instrument = this.context.openInstrument(this.id, symbol);
    this.instruments[symbol] = instrument;
    return instrument;
  }

  private resume(watermarkBeforeMs: number, spanStartMs: number): void {
    this.resumeFromMs = null;
    this.feedUp = true;
    const resumedMs = Math.min(spanStartMs + 1, this.upSinceMs ?? Number.POSITIVE_INFINITY);
    this.upSinceMs = null;
    const known = watermarkBeforeMs !== Number.NEGATIVE_INFINITY;
    const fromMs = known ? Math.min(watermarkBeforeMs, resumedMs) : resumedMs;
    const toMs = known ? Math.max(resumedMs, watermarkBeforeMs + 1) : ceilMinute(resumedMs);
    this.gaps.add(fromMs, toMs);
    this.touchMinutes(floorMinute(fromMs), this.position);
  }

  private closeMinutes(upToMs: number): boolean {
    if (!(upToMs > this.finalUpToMs)) return false;
    const from = this.finalUpToMs;
    this.finalUpToMs = upToMs;
    let closed = false;
    for (const instrument of this.instruments) {
      for (const minute of instrument?.minutes ?? []) {
        const endMs = minute.openMs + MINUTE_MS;
        if (endMs <= from || endMs > upToMs) continue;
        minute.changedAt = this.position;
        closed = true;
      }
    }
    return closed;
  }

  private touchMinutes(fromMs: number, position: number): void {
    for (const instrument of this.instruments) {
      for (const minute of instrument?.minutes ?? []) {
        if (minute.openMs >= fromMs) minute.changedAt = position;
      }
    }
  }
}
