import type { CandleRange, CandleStore } from '../../../application/port/out/candle-store.ts';
import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes } from '../../../domain/model/candle.ts';
import type {
  CandleRow,
  Checkpoint,
  CheckpointDelta,
  ExpiredCandles,
  InstrumentState,
  LongerState,
  SourceState,
  StepSlice,
} from '../../../domain/model/checkpoint.ts';
import type { Mode, ModeState } from '../../../domain/model/mode.ts';

/** The one thing that a store in memory refuses: a commit that is older than what it holds, or one after `close`. */
export class MemoryCandleStoreError extends Error {
  override readonly name = 'MemoryCandleStoreError';
  readonly code: 'stale' | 'closed';
  readonly severity: 'drop' | 'fatal';

  constructor(code: 'stale' | 'closed', message: string) {
    super(message);
    this.code = code;
    this.severity = code === 'stale' ? 'drop' : 'fatal';
  }
}

/** The port with maps for tables: what a store must do, without how. */
export class MemoryCandleStore implements CandleStore {
  readonly kind = 'memory';
  #position: number | null = null;
  #mode: ModeState | null = null;
  #damagedBatches = 0;
  #damagedTicks = 0;
  #closed = false;
  readonly #symbols: string[] = [];
  readonly #sources = new Map<number, SourceState>();
  readonly #instruments = new Map<number, InstrumentState>();
  readonly #candles = new Map<string, CandleRow>();
  readonly #steps = new Map<string, StepSlice>();
  readonly #longer = new Map<number, LongerState>();

  async load(): Promise<Checkpoint | null> {
    this.#refuseWhenClosed();
    if (this.#position === null) return null;
    return structuredClone({
      position: this.#position,
      mode: this.#mode,
      damagedBatches: this.#damagedBatches,
      damagedTicks: this.#damagedTicks,
      symbols: this.#symbols,
      sources: [...this.#sources.values()].sort((a, b) => a.id - b.id),
      instruments: [...this.#instruments.values()].sort((a, b) => a.id - b.id),
      candles: [...this.#candles.values()].filter((row) => this.#isInMemory(row)).sort(byKey),
      steps: [...this.#steps.values()].sort((a, b) => a.stepMs - b.stepMs || a.index - b.index),
      longer: [...this.#longer.values()].sort((a, b) => a.instrument - b.instrument),
    });
  }

  async commit(live: CheckpointDelta): Promise<void> {
    this.#refuseWhenClosed();
    if (this.#position !== null && live.position < this.#position) {
      throw new MemoryCandleStoreError('stale', `a commit of position ${live.position} after one of ${this.#position}`);
    }
    // The only step that can fail comes before the first change.
    const delta = structuredClone(live);
    this.#position = delta.position;
    this.#mode = delta.mode ?? this.#mode;
    this.#damagedBatches = delta.damagedBatches;
    this.#damagedTicks = delta.damagedTicks;
    for (const [index, name] of delta.newSymbols.entries()) this.#symbols[delta.firstSymbolId + index] = name;
    for (const source of delta.sources) this.#sources.set(source.id, source);
    for (const instrument of delta.instruments) this.#instruments.set(instrument.id, instrument);
    for (const row of delta.candles) this.#replace(row);
    for (const step of delta.steps) this.#steps.set(`${step.stepMs}/${step.index}`, step);
    for (const longer of delta.longer) this.#longer.set(longer.instrument, longer);
    for (const { stepMs, beforeIndex } of delta.expiredSteps) this.#expire(stepMs, beforeIndex);
    for (const expired of delta.expiredCandles) this.#expireCandles(expired);
  }

  async summarise(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<Extremes> {
    this.#refuseWhenClosed();
    const total = emptyExtremes();
    for (const row of [...this.#candles.values()].sort(byKey)) {
      const ofPair = row.mode === mode && row.exchange === exchange && row.symbol === symbol;
      if (!ofPair || row.intervalMs !== MINUTE_MS || row.openMs < fromMs || row.openMs >= toMs) continue;
      mergeExtremes(total, row.bucket);
    }
    return total;
  }

  async candles(range: CandleRange): Promise<readonly CandleRow[]> {
    this.#refuseWhenClosed();
    const { mode, exchange, symbol, intervalMs, fromMs, toMs, limit, order } = range;
    const rows = [...this.#candles.values()].filter(
      (row) =>
        row.mode === mode &&
        row.exchange === exchange &&
        row.symbol === symbol &&
        row.intervalMs === intervalMs &&
        row.openMs >= fromMs &&
        row.openMs < toMs,
    );
    rows.sort((a, b) => (order === 'asc' ? a.openMs - b.openMs : b.openMs - a.openMs));
    return structuredClone(rows.slice(0, limit));
  }

  async newest(mode: Mode): Promise<readonly CandleRow[]> {
    this.#refuseWhenClosed();
    const ofPair = new Map<string, CandleRow>();
    for (const row of [...this.#candles.values()].sort(byKey)) {
      if (row.mode === mode && row.intervalMs === MINUTE_MS)
        ofPair.set(JSON.stringify([row.exchange, row.symbol]), row);
    }
    return structuredClone([...ofPair.values()]);
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #replace(row: CandleRow): void {
    const key = JSON.stringify([row.mode, row.exchange, row.symbol, row.intervalMs, row.openMs]);
    const stored = this.#candles.get(key);
    if (stored === undefined || row.position >= stored.position) this.#candles.set(key, row);
  }

  #expire(stepMs: number, beforeIndex: number): void {
    for (const [key, step] of this.#steps)
      if (step.stepMs === stepMs && step.index < beforeIndex) this.#steps.delete(key);
  }

  #expireCandles({ mode, exchange, intervalMs, beforeMs }: ExpiredCandles): void {
    for (const [key, row] of this.#candles) {
      const ofSource = row.mode === mode && row.exchange === exchange;
      if (ofSource && row.intervalMs === intervalMs && row.openMs < beforeMs) this.#candles.delete(key);
    }
  }

  #isInMemory(row: CandleRow): boolean {
    if (row.intervalMs > MINUTE_MS) return false;
    for (const source of this.#sources.values()) {
      if (source.mode === row.mode && source.exchange === row.exchange) return row.openMs >= source.evictedBeforeMs;
    }
    return false;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new MemoryCandleStoreError('closed', 'the candle store is closed');
  }
}

function byKey(a: CandleRow, b: CandleRow): number {
  return (
    compare(a.mode, b.mode) ||
    compare(a.exchange, b.exchange) ||
    compare(a.symbol, b.symbol) ||
    a.intervalMs - b.intervalMs ||
    a.openMs - b.openMs
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
