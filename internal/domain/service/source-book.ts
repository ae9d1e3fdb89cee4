import { type Bucket, type CandleState, candleOpenMs, MINUTE_MS, SECOND_MS } from '../model/candle.ts';
import type { CandleRow, SourceState } from '../model/checkpoint.ts';
import type { Mode } from '../model/mode.ts';
import { REASON_COUNT, Reason } from '../model/rejection.ts';
import type { TickBatch } from '../model/tick-batch.ts';
import { BrokenLonger } from './broken-longer.ts';
import { type LiveCandle, mergeIntoCandle } from './candle-series.ts';
import { FeedGaps, floorMinute } from './feed-gaps.ts';
import type { Instrument, KeptIntervals } from './instrument.ts';
import type { LongerCandle } from './longer-candles.ts';
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
  readonly kept: KeptIntervals;
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
  /** Minutes and seconds in memory. */
  candleCount = 0;
  readonly instruments: (Instrument | undefined)[] = [];

  private readonly context: SourceContext;
  private gaps = new FeedGaps();
  private finalUpToMs = 0;
  /** The same for seconds: these the watermark closes one by one. */
  private secondsFinalUpToMs = 0;
  private readonly brokenLonger: BrokenLonger;
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
    this.brokenLonger = new BrokenLonger(context.kept.longerMs);
  }

  static restore(state: SourceState, context: SourceContext): SourceBook {
    const book = new SourceBook(state.id, state.mode, state.exchange, context);
    book.watermarkMs = state.watermarkMs ?? Number.NEGATIVE_INFINITY;
    book.finalUpToMs = state.finalUpToMs;
    book.evictedBeforeMs = state.evictedBeforeMs;
    book.gaps = new FeedGaps(state.brokenMinutes);
    book.gaps.isUp = state.feedUp;
    book.gaps.upSinceMs = state.upSinceMs;
    book.secondsFinalUpToMs = book.secondsFinal();
    book.brokenLonger.restore(state.brokenLonger, state.evictedBeforeMs);
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
      feedUp: this.gaps.isUp,
      upSinceMs: this.gaps.upSinceMs,
      finalUpToMs: this.finalUpToMs,
      evictedBeforeMs: this.evictedBeforeMs,
      brokenMinutes: this.gaps.list(),
      brokenLonger: this.brokenLonger.snapshot(),
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
    if (batch.rejected[Reason.shed] !== 0) this.applyDamage(null, null, position);
    if (batch.count === 0) return false;
    this.lastReceivedAtMs = batch.receivedAtMs;
    this.resumeFromMs = this.gaps.isUp ? null : this.watermarkMs;
    this.closedByTicks = false;
    this.counted += this.context.fold.fold(batch, this, this.context.symbolCount(), this.rejected);
    return this.closedByTicks;
  }

  /** The feed came up (its first tick will show where) or went down. */
  applyFeed(up: boolean, atMs: number, position: number): void {
    this.changedAt = position;
    this.gaps.upSinceMs = up ? atMs : null;
    if (up || !this.gaps.isUp) return;
    this.gaps.isUp = false;
    this.touchCandles(this.watermarkMs - MINUTE_MS, position);
  }

  /** The clock closes what ends at or before `upToMs`. Returns true if a minute became final. */
  applyFinalise(upToMs: number, position: number): boolean {
    this.changedAt = position;
    this.position = position;
    const closed = this.closeMinutes(floorMinute(upToMs));
    this.closeSeconds();
    return closed;
  }

  /** Marks minutes that miss ticks which are lost; null = not known which: wherever a tick could fall, up to the next that comes. */
  applyDamage(fromMs: number | null, toMs: number | null, position: number): void {
    const reachableMs = Math.max(this.evictedBeforeMs, this.watermarkMs - this.context.latenessMs);
    if (fromMs === null || toMs === null) this.gaps.interrupt(reachableMs, this.watermarkMs);
    else this.gaps.add(fromMs, toMs + 1);
    this.changedAt = position;
    this.touchCandles(floorMinute(fromMs ?? reachableMs), position);
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
    this.closeSeconds();
    const { position, epoch } = this;
    const instrument = this.instrument(symbol);
    const { candle: minute, isNew } = instrument.minuteSeries.at(spanStartMs, epoch);
    if (isNew) this.candleCount++;
    const isFinal = minute.openMs + MINUTE_MS <= this.finalUpToMs;
    mergeIntoCandle(minute, part, isFinal, epoch, position);
    if (isFinal) {
      instrument.longer.revise(minute.openMs, part.count, this.finalUpToMs, position);
      instrument.settledAt = position;
    }
    if (instrument.secondSeries !== null) {
      const { candle: second, isNew: isNewSecond } = instrument.secondSeries.at(spanStartMs, epoch);
      if (isNewSecond) this.candleCount++;
      mergeIntoCandle(second, part, second.openMs + SECOND_MS <= this.secondsFinalUpToMs, epoch, position);
    }
    instrument.noteLatest(newestPrice, part.lastAtMs, this.receivedAtMs, position);
    if (spanStartMs < this.receivedAtMs - this.context.windowMs) return;
    for (const window of this.context.windows) {
      window.merge(instrument.id, spanStartMs - (spanStartMs % window.stepMs), part, position);
    }
  }

  /**
   * End of the newest minute, or longer candle around the newest tick, that is forming and ends, slack included, at or
   * before `nowMs`; null = there is none. Not further: a feed of old data that goes on after a silence must find its next
   * minutes open, and so must its longer candles, whose end the clock has passed long ago.
   */
  overdueUpToMs(nowMs: number): number | null {
    let newestMs = this.finalUpToMs;
    const consider = (endMs: number, lagMs: number) => {
      if (endMs > newestMs && endMs + lagMs + this.context.slackMs <= nowMs) newestMs = endMs;
    };
    for (const instrument of this.instruments) {
      for (const { openMs } of instrument?.minutes ?? []) consider(openMs + MINUTE_MS, 0);
    }
    const lagMs = Math.max(0, (this.lastReceivedAtMs ?? Number.POSITIVE_INFINITY) - this.watermarkMs);
    if (lagMs <= this.context.latenessMs) {
      for (const intervalMs of this.context.kept.longerMs) {
        consider(candleOpenMs(this.watermarkMs, intervalMs) + intervalMs, lagMs);
      }
    }
    return newestMs > this.finalUpToMs ? newestMs : null;
  }

  /** True while ticks come without a gap; a restart ends that. */
  get isFeedUp(): boolean {
    return this.gaps.isUp || this.gaps.upSinceMs !== null;
  }

  /** The candles of one interval that memory holds, ascending; what is older is in the store and can't change. */
  candlesInMemory(instrument: Instrument, intervalMs: number): CandleRow[] {
    if (intervalMs === MINUTE_MS) return instrument.minutes.map((minute) => this.rowOf(instrument, minute));
    if (intervalMs === SECOND_MS) {
      return instrument.seconds.map((second) => this.rowOf(instrument, second, SECOND_MS));
    }
    return this.longerCandles(instrument, intervalMs).map((candle) => this.rowOf(instrument, candle, intervalMs));
  }

  rowOf(instrument: Instrument, candle: Omit<LiveCandle, 'settledAt'>, intervalMs = MINUTE_MS): CandleRow {
    const { openMs } = candle;
    return {
      mode: this.mode,
      exchange: this.exchange,
      symbol: this.context.symbolName(instrument.symbolId),
      intervalMs,
      openMs,
      state: this.stateOf(openMs, intervalMs, candle.revision),
      complete: this.isComplete(openMs, intervalMs),
      source: 'ticks',
      revision: candle.revision,
      epoch: candle.epoch,
      position: candle.changedAt,
      bucket: { ...candle.bucket },
    };
  }

  /** The rows that have to be written after position `since`; `isLast`: and the longer ones that are forming. */
  changedRows(since: number, isLast: boolean): CandleRow[] {
    const rows: CandleRow[] = [];
    for (const instrument of this.instruments) {
      if (instrument === undefined) continue;
      this.addChanged(rows, instrument, instrument.seconds, SECOND_MS, since);
      if (instrument.changedAt > since || instrument.settledAt > since) {
        this.addChanged(rows, instrument, instrument.minutes, MINUTE_MS, since);
      }
      if (instrument.settledAt <= since && !isLast) continue;
      for (const intervalMs of this.context.kept.longerMs) {
        for (const candle of this.longerCandles(instrument, intervalMs)) {
          if (isLast || candle.settledAt > since) rows.push(this.rowOf(instrument, candle, intervalMs));
        }
      }
    }
    return rows;
  }

  /** Lets candles go that no tick can reach, are final and were committed at `committedPosition`. */
  evict(committedPosition: number, position: number): void {
    this.evictSeconds(committedPosition);
    let beforeMs = Math.min(floorMinute(this.watermarkMs - this.context.latenessMs), this.finalUpToMs);
    for (const instrument of this.instruments) {
      if (instrument === undefined) continue;
      beforeMs = Math.min(beforeMs, instrument.unwrittenFromMs(committedPosition, this.evictedBeforeMs));
    }
    if (!(beforeMs > this.evictedBeforeMs)) return;
    for (const instrument of this.instruments) {
      for (const minute of instrument?.evictMinutes(beforeMs, position) ?? []) {
        this.evictedCount += minute.bucket.count;
        this.candleCount--;
      }
    }
    this.brokenLonger.evict(beforeMs, this.gaps);
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

  private resume(watermarkBeforeMs: number, firstTickAtMs: number): void {
    this.resumeFromMs = null;
    const fromMs = this.gaps.resume(watermarkBeforeMs, firstTickAtMs);
    this.touchCandles(floorMinute(fromMs), this.position);
  }

  private closeMinutes(upToMs: number): boolean {
    if (!(upToMs > this.finalUpToMs)) return false;
    const fromMs = this.finalUpToMs;
    this.finalUpToMs = upToMs;
    let closed = false;
    for (const instrument of this.instruments) {
      if (instrument?.closeMinutes(fromMs, upToMs, this.position)) closed = true;
    }
    return closed;
  }

  private secondsFinal(): number {
    if (this.watermarkMs === Number.NEGATIVE_INFINITY) return this.finalUpToMs;
    const byWatermarkMs = this.watermarkMs - this.context.slackMs;
    return Math.max(this.finalUpToMs, byWatermarkMs - (byWatermarkMs % SECOND_MS));
  }

  private closeSeconds(): void {
    if (!this.context.kept.seconds) return;
    const upToMs = this.secondsFinal();
    const fromMs = this.secondsFinalUpToMs;
    if (!(upToMs > fromMs)) return;
    this.secondsFinalUpToMs = upToMs;
    for (const instrument of this.instruments) instrument?.secondSeries?.close(fromMs, upToMs, this.position);
  }

  private evictSeconds(committedPosition: number): void {
    if (!this.context.kept.seconds) return;
    const reachableMs = this.watermarkMs - this.context.latenessMs;
    for (const instrument of this.instruments) {
      const series = instrument?.secondSeries;
      if (series === undefined || series === null) continue;
      let beforeMs = Math.min(reachableMs - SECOND_MS, this.secondsFinalUpToMs);
      const kept = series.list.find(({ changedAt }) => changedAt > committedPosition);
      if (kept !== undefined && kept.openMs < beforeMs) beforeMs = kept.openMs;
      this.candleCount -= series.evict(beforeMs).length;
    }
  }

  private stateOf(openMs: number, intervalMs: number, revision: number): CandleState {
    const finalUpToMs = intervalMs < MINUTE_MS ? this.secondsFinalUpToMs : this.finalUpToMs;
    if (openMs + intervalMs > finalUpToMs) return 'forming';
    return revision > 0 ? 'revised' : 'final';
  }

  /** Gaps are known by the minute: a second in a minute with one is not complete either. */
  private isComplete(openMs: number, intervalMs: number): boolean {
    const endMs = openMs + intervalMs;
    if (this.stateOf(openMs, intervalMs, 0) === 'forming' || this.gaps.overlaps(openMs, endMs)) return false;
    if (this.brokenLonger.has(openMs, intervalMs)) return false;
    return this.gaps.isUp || endMs <= this.watermarkMs;
  }

  /** Without the one that has left memory as a whole: its gaps are forgotten, its row stays as it is. */
  private longerCandles(instrument: Instrument, intervalMs: number): LongerCandle[] {
    const candles = instrument.longer.candles(intervalMs, instrument.minutes);
    return candles.filter(({ openMs }) => openMs + intervalMs > this.evictedBeforeMs);
  }

  private addChanged(
    rows: CandleRow[],
    instrument: Instrument,
    candles: readonly LiveCandle[],
    intervalMs: number,
    since: number,
  ): void {
    for (const candle of candles) {
      if (candle.changedAt > since) rows.push(this.rowOf(instrument, candle, intervalMs));
    }
  }

  private touchCandles(fromMs: number, position: number): void {
    for (const instrument of this.instruments) instrument?.touch(fromMs, position);
  }
}
