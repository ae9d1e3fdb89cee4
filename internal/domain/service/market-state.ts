import { type Extremes, MINUTE_MS, SECOND_MS } from '../model/candle.ts';
import type { CandleRow, Checkpoint, CheckpointDelta, ExpiredCandles } from '../model/checkpoint.ts';
import type { DamageRecord, LogRecord, SourceRecord, TicksRecord } from '../model/log-record.ts';
import type { Mode, ModeState } from '../model/mode.ts';
import type { TickBatch } from '../model/tick-batch.ts';
import { Instrument } from './instrument.ts';
import { SourceBook, type SourceContext } from './source-book.ts';
import { StepWindow } from './step-window.ts';
import { TickFold } from './tick-fold.ts';

/** Widths of the rolling windows, and how far back each answers: 100 ms steps for a minute, 1 s steps for ten. */
export const FINE_STEP_MS = 100;
export const COARSE_STEP_MS = 1_000;
export const FINE_WINDOW_MS = 60_000;
export const COARSE_WINDOW_MS = 600_000;
/** Steps kept beyond a window: ticks may be 5 s ahead of our clock, and edges are rounded outward. */
const MARGIN_MS = 10_000;

export interface MarketStateOptions {
  /** A tick further than this behind its source's watermark is `late`. */
  readonly latenessMs: number;
  /** A minute is final when the watermark is this far past its end. */
  readonly slackMs: number;
  /** Intervals of candles, ms: a minute is among them; one second, and whole minutes. */
  readonly intervalsMs: readonly number[];
  /** How long the candles of one second are kept, by event time. */
  readonly secondsRetentionMs: number;
}

/**
 * All that MarketFlow knows, as a fold over the tick log: the same records in the same order give the same state,
 * whether they come from the feeds or from a replay. Pure: time is in the records.
 */
export class MarketState {
  /** Log position of the newest record that is folded in. */
  position = 0;
  /** Log position of the newest checkpoint that was committed. */
  committedPosition = 0;
  mode: ModeState | null = null;
  damagedBatches = 0;
  damagedTicks = 0;
  /** Index = symbol id. */
  readonly symbols: string[] = [];
  readonly sources: (SourceBook | undefined)[] = [];
  /** A minute became final since this was last set to false: a good moment to commit. */
  minuteClosed = false;
  /** Of the last ticks record: true if its mode was over or its source unknown, so that none of its ticks counts. */
  refusedAll = false;
  /** Ascending. */
  readonly intervalsMs: readonly number[];

  private readonly symbolIds = new Map<string, number>();
  private readonly instruments: Instrument[] = [];
  private readonly fine = new StepWindow(FINE_STEP_MS, (FINE_WINDOW_MS + MARGIN_MS) / FINE_STEP_MS);
  private readonly coarse = new StepWindow(COARSE_STEP_MS, (COARSE_WINDOW_MS + MARGIN_MS) / COARSE_STEP_MS);
  private readonly context: SourceContext;
  private readonly secondsRetentionMs: number;
  private committedSymbols = 0;
  /** By source id: what was told to expire last. */
  private readonly expiredBeforeMs: number[] = [];

  constructor(options: MarketStateOptions) {
    this.intervalsMs = options.intervalsMs;
    this.secondsRetentionMs = options.secondsRetentionMs;
    const kept = {
      seconds: options.intervalsMs.includes(SECOND_MS),
      longerMs: options.intervalsMs.filter((intervalMs) => intervalMs > MINUTE_MS),
    };
    this.context = {
      kept,
      fold: new TickFold(options.latenessMs),
      windows: [this.fine, this.coarse],
      slackMs: options.slackMs,
      latenessMs: options.latenessMs,
      windowMs: COARSE_WINDOW_MS + COARSE_STEP_MS,
      symbolCount: () => this.symbols.length,
      symbolName: (symbol) => this.symbols[symbol] ?? '',
      openInstrument: (source, symbol) => {
        const instrument = new Instrument(this.instruments.length, source, symbol, kept);
        this.instruments.push(instrument);
        return instrument;
      },
    };
  }

  /** Folds the record at `position` in. Positions rise; gaps are the log's to explain. */
  apply(record: LogRecord, position: number): void {
    switch (record.kind) {
      case 'ticks':
        this.applyTicks(record, position);
        break;
      case 'feed':
        this.sources[record.source]?.applyFeed(record.up, record.atMs, position);
        break;
      case 'finalise':
        if (this.sources[record.source]?.applyFinalise(record.upToMs, position)) this.minuteClosed = true;
        break;
      case 'mode':
        this.mode = { mode: record.mode, epoch: record.epoch, sinceMs: record.atMs, switched: record.switched };
        break;
      case 'source':
        this.openSource(record, position);
        break;
      case 'symbol':
        this.addSymbol(record.id, record.name);
        break;
      case 'damage':
        this.applyDamage(record, position);
        break;
    }
    this.position = position;
  }

  /** Starts from a checkpoint; only on a new state. */
  restore(checkpoint: Checkpoint): void {
    this.position = checkpoint.position;
    this.committedPosition = checkpoint.position;
    this.mode = checkpoint.mode;
    this.damagedBatches = checkpoint.damagedBatches;
    this.damagedTicks = checkpoint.damagedTicks;
    for (const [id, name] of checkpoint.symbols.entries()) this.addSymbol(id, name);
    this.committedSymbols = this.symbols.length;
    for (const state of checkpoint.sources) this.sources[state.id] = SourceBook.restore(state, this.context);
    for (const state of checkpoint.instruments) {
      const instrument = Instrument.restore(state, this.context.kept);
      this.instruments[state.id] = instrument;
      const source = this.sources[state.source];
      if (source === undefined) continue;
      source.instruments[state.symbol] = instrument;
      source.lastReceivedAtMs = Math.max(source.lastReceivedAtMs ?? 0, state.lastReceivedAtMs);
    }
    for (const row of checkpoint.candles) this.restoreCandle(row);
    for (const { instrument, data } of checkpoint.longer) this.instruments[instrument]?.longer.restore(data);
    for (const slice of checkpoint.steps) {
      for (const window of this.context.windows) if (window.stepMs === slice.stepMs) window.restore(slice);
    }
  }

  /**
   * What a commit at the present position has to write; null when the last one said it all. Longer candles that are
   * forming go with the minutes that close in them, and with the last commit of a run.
   */
  delta(isLast = false): CheckpointDelta | null {
    const since = this.committedPosition;
    if (this.position === since && !(isLast && this.position > 0)) return null;
    const sources = this.knownSources();
    for (const source of sources) source.evict(since, this.position);
    return {
      position: this.position,
      mode: this.mode,
      damagedBatches: this.damagedBatches,
      damagedTicks: this.damagedTicks,
      newSymbols: this.symbols.slice(this.committedSymbols),
      firstSymbolId: this.committedSymbols,
      sources: sources.filter((source) => source.changedAt > since).map((source) => source.snapshot()),
      instruments: this.instruments.filter((i) => i.changedAt > since).map((i) => i.snapshot()),
      candles: sources.flatMap((source) => source.changedRows(since, isLast)),
      longer: this.instruments
        .filter(({ longer }) => longer.changedAt > since)
        .map(({ id, longer }) => ({ instrument: id, data: longer.encode() })),
      expiredCandles: this.expiredCandles(),
      steps: this.context.windows.flatMap((window) => window.changedSince(since)),
      expiredSteps: this.context.windows.map((window) => ({
        stepMs: window.stepMs,
        beforeIndex: window.oldestIndex(),
      })),
    };
  }

  committed(delta: CheckpointDelta): void {
    this.committedPosition = delta.position;
    this.committedSymbols = delta.firstSymbolId + delta.newSymbols.length;
  }

  knownSources(): SourceBook[] {
    return this.sources.filter((source) => source !== undefined);
  }

  /** Minutes and seconds in memory: bounded by committing when there are many. */
  candleCount(): number {
    return this.knownSources().reduce((sum, source) => sum + source.candleCount, 0);
  }

  /** The candles of one interval and pair that memory holds, ascending; older ones are in the store and can't change. */
  candlesInMemory(source: SourceBook, instrument: Instrument, intervalMs: number): CandleRow[] {
    return source.candlesInMemory(instrument, intervalMs);
  }

  /** Ascending indices of the last batch's ticks that were late or duplicates. */
  get refused(): readonly number[] {
    return this.context.fold.refused;
  }

  source(mode: Mode, exchange: string): SourceBook | undefined {
    return this.sources.find((source) => source?.mode === mode && source.exchange === exchange);
  }

  /** Undefined: no record has told of it. */
  symbolId(symbol: string): number | undefined {
    return this.symbolIds.get(symbol);
  }

  instrument(source: SourceBook, symbol: string): Instrument | undefined {
    const id = this.symbolId(symbol);
    return id === undefined ? undefined : source.instruments[id];
  }

  /** Adds the ticks of one pair in `[fromMs, toMs)` as far as windows know them; edges on `stepMs`. */
  summariseSteps(instrument: Instrument, stepMs: number, fromMs: number, toMs: number, into: Extremes): void {
    const window = stepMs === FINE_STEP_MS ? this.fine : this.coarse;
    window.summarise(instrument.id, fromMs, toMs, into);
  }

  private openSource({ id, mode, exchange }: SourceRecord, position: number): void {
    if (this.sources[id] !== undefined) return;
    const source = new SourceBook(id, mode, exchange, this.context);
    // Changed by this record alone: a checkpoint that passes it must know the source, or a replay drops its ticks.
    source.changedAt = position;
    this.sources[id] = source;
  }

  /** Ids below that were never told are those of damaged records: they get a name that no feed can send. */
  private addSymbol(id: number, name: string): void {
    while (this.symbols.length < id) this.symbols.push(`?${this.symbols.length}`);
    this.symbols[id] = name;
    this.symbolIds.set(name, id);
  }

  private applyTicks(record: TicksRecord, position: number): void {
    const { batch } = record;
    const source = this.sources[batch.source];
    if (source !== undefined && this.damagedBatches > 0 && batch.epoch > (this.mode?.epoch ?? 0)) {
      // Only a mode record leads to a later epoch: it was in what is damaged. The first of all is that of a start.
      const switched = this.mode !== null || batch.epoch > 1;
      this.mode = { mode: source.mode, epoch: batch.epoch, sinceMs: batch.receivedAtMs, switched };
    }
    this.refusedAll = batch.epoch !== (this.mode?.epoch ?? 0);
    if (source === undefined || (this.damagedBatches > 0 && !this.knowsSymbols(batch))) {
      // Its dictionary entry was in a record that is damaged: nobody can say what these ticks are of.
      this.refusedAll = true;
      this.damagedBatches++;
      this.damagedTicks += batch.count;
      source?.applyDamage(null, null, position);
      return;
    }
    if (source.applyTicks(batch, this.mode?.epoch ?? 0, position)) this.minuteClosed = true;
  }

  private knowsSymbols(batch: TickBatch): boolean {
    return batch.symbol.subarray(0, batch.count).every((id) => id < this.symbols.length);
  }

  private applyDamage(record: DamageRecord, position: number): void {
    this.damagedBatches += record.batches;
    this.damagedTicks += record.ticks;
    for (const source of this.knownSources()) {
      // Of an unknown source not even its neighbours' times say where: each source has its own.
      if (record.source === null) source.applyDamage(null, null, position);
      else if (record.source === source.id) source.applyDamage(record.fromMs, record.toMs, position);
    }
  }

  private restoreCandle(row: CandleRow): void {
    const source = this.source(row.mode, row.exchange);
    const instrument = source && this.instrument(source, row.symbol);
    if (source === undefined || instrument === undefined || row.openMs < source.evictedBeforeMs) return;
    const series = row.intervalMs === MINUTE_MS ? instrument.minuteSeries : instrument.secondSeries;
    if (series === null || row.intervalMs !== series.intervalMs) return;
    const { candle, isNew } = series.at(row.openMs, row.epoch);
    if (isNew) source.candleCount++;
    Object.assign(candle.bucket, row.bucket);
    candle.revision = row.revision;
    candle.changedAt = row.position;
    if (row.state !== 'forming') candle.settledAt = row.position;
  }

  /** About once a minute of event time. What a late tick can still reach stays: a restart takes it from there. */
  private expiredCandles(): ExpiredCandles[] {
    if (!this.context.kept.seconds) return [];
    const expired: ExpiredCandles[] = [];
    for (const { id, mode, exchange, watermarkMs, evictedBeforeMs } of this.knownSources()) {
      const pastMs = Math.min(watermarkMs - this.secondsRetentionMs, evictedBeforeMs);
      const beforeMs = Math.floor(pastMs / MINUTE_MS) * MINUTE_MS;
      if (!(beforeMs > (this.expiredBeforeMs[id] ?? 0))) continue;
      this.expiredBeforeMs[id] = beforeMs;
      expired.push({ mode, exchange, intervalMs: SECOND_MS, beforeMs });
    }
    return expired;
  }
}
