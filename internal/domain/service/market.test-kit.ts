import type { Extremes } from '../model/candle.ts';
import { emptyExtremes } from '../model/candle.ts';
import type { CandleRow, Checkpoint, CheckpointDelta } from '../model/checkpoint.ts';
import type { LogRecord } from '../model/log-record.ts';
import { REASON_COUNT } from '../model/rejection.ts';
import { NO_TRADE_ID, TickBatch } from '../model/tick-batch.ts';
import { exactValue } from './exact-sum.ts';
import type { Instrument } from './instrument.ts';
import { COARSE_STEP_MS, FINE_STEP_MS, MarketState, type MarketStateOptions } from './market-state.ts';

/** A minute's opening that is easy to count from. */
export const T0 = 1_786_310_760_000;

export interface Tick {
  /** Symbol id. */
  readonly symbol: number;
  readonly price: number;
  readonly atMs: number;
  readonly quantity?: number | undefined;
  readonly tradeId?: number | undefined;
}

export interface BatchSetting {
  readonly source?: number;
  readonly epoch?: number;
  readonly receivedAtMs?: number;
  /** By `Reason`. */
  readonly rejected?: readonly number[];
}

export function batchOf(ticks: readonly Tick[], setting: BatchSetting = {}): TickBatch {
  const batch = new TickBatch(Math.max(1, ticks.length));
  batch.reset(setting.source ?? 0, setting.epoch ?? 1, setting.receivedAtMs ?? T0);
  for (const { symbol, price, atMs, quantity, tradeId } of ticks) {
    batch.push(symbol, price, atMs, quantity ?? Number.NaN, tradeId ?? NO_TRADE_ID);
  }
  for (const [reason, count] of (setting.rejected ?? []).entries()) {
    batch.rejected[reason] = count;
    batch.frames += count;
  }
  return batch;
}

export const ticksRecord = (ticks: readonly Tick[], setting?: BatchSetting): LogRecord => ({
  kind: 'ticks',
  batch: batchOf(ticks, setting),
});

export const feedRecord = (up: boolean, atMs: number, source = 0, epoch = 1): LogRecord => ({
  ...{ kind: 'feed', source, epoch, up, atMs },
});

/** Names for sources 0, 1 (live) and 2 (test), and symbols 0 to 3; live mode in epoch 1. */
export const DICTIONARY: readonly LogRecord[] = [
  { kind: 'mode', mode: 'live', epoch: 1, atMs: T0, switched: false },
  { kind: 'source', id: 0, mode: 'live', exchange: 'one' },
  { kind: 'source', id: 1, mode: 'live', exchange: 'two' },
  { kind: 'source', id: 2, mode: 'test', exchange: 'one' },
  ...['A', 'B', 'C', 'D'].map((name, id): LogRecord => ({ kind: 'symbol', id, name })),
];

export const OPTIONS: MarketStateOptions = {
  ...{ latenessMs: 120_000, slackMs: 2_000, secondsRetentionMs: 86_400_000 },
  intervalsMs: [1_000, 60_000, 120_000, 300_000, 3_600_000, 604_800_000],
};

export function stateOf(records: readonly LogRecord[], options = OPTIONS): MarketState {
  const state = new MarketState(options);
  for (const [index, record] of records.entries()) state.apply(record, index + 1);
  return state;
}

/** Rows of everything of an interval that is in memory. */
export function rowsOf(state: MarketState, intervalMs = 60_000): CandleRow[] {
  return state
    .knownSources()
    .flatMap((source) =>
      source.instruments.flatMap((instrument) =>
        instrument === undefined ? [] : source.candlesInMemory(instrument, intervalMs),
      ),
    );
}

export function rowKey(row: CandleRow): string {
  const interval = row.intervalMs === 60_000 ? '' : ` ${row.intervalMs}`;
  return `${row.mode} ${row.exchange} ${row.symbol} ${row.openMs}${interval}`;
}

/** A row without its place in the log, and with its sums as numbers: how it was cut into records does not show. */
export function plainRow(row: CandleRow): object {
  const { position: _, bucket, ...rest } = row;
  const { sumHi, sumLo, volumeHi, volumeLo, quoteVolumeHi, quoteVolumeLo, ...figures } = bucket;
  return {
    ...rest,
    ...figures,
    sum: exactValue({ sumHi, sumLo }),
    volume: exactValue({ sumHi: volumeHi, sumLo: volumeLo }),
    quoteVolume: exactValue({ sumHi: quoteVolumeHi, sumLo: quoteVolumeLo }),
  };
}

export function plainExtremes({ sumHi, sumLo, ...figures }: Extremes): object {
  return { ...figures, sum: exactValue({ sumHi, sumLo }) };
}

/**
 * All that a state says, but for what depends on how the ticks were cut into records, and on what has already been
 * evicted: two states with equal views answer everything alike.
 */
export function viewOf(state: MarketState): object {
  const newestMs = Math.max(...state.knownSources().map((source) => source.watermarkMs));
  const sources = state.knownSources().map((source) => {
    const { evictedBeforeMs: _, evictedCount: __, brokenLonger: ____, brokenMinutes, ...books } = source.snapshot();
    const reachableMs = source.watermarkMs - OPTIONS.latenessMs;
    const pairs = source.instruments.flatMap((instrument) => {
      if (instrument === undefined) return [];
      const { history, id: ___, ...rest } = instrument.snapshot();
      const all = { ...history };
      instrument.summariseMinutes(0, Number.POSITIVE_INFINITY, all);
      const candles = OPTIONS.intervalsMs.flatMap((intervalMs) =>
        source
          .candlesInMemory(instrument, intervalMs)
          .filter(({ openMs }) => openMs + intervalMs > reachableMs)
          .map(plainRow),
      );
      return [{ ...rest, candles, all: plainExtremes(all), windows: windowsOf(state, instrument, newestMs) }];
    });
    return {
      ...books,
      inCandles: source.countInCandles(),
      gaps: brokenMinutes.filter(({ toMs }) => toMs > reachableMs),
      pairs: pairs.sort((a, b) => a.symbol - b.symbol),
    };
  });
  const { mode, damagedBatches, damagedTicks, symbols } = state;
  return { mode, damagedBatches, damagedTicks, symbols: [...symbols], sources };
}

/** What the windows know of the time before the newest tick of all, as far back as a query asks them. */
function windowsOf(state: MarketState, instrument: Instrument, newestMs: number): object[] {
  return [FINE_STEP_MS, COARSE_STEP_MS].map((stepMs) => {
    const summary = emptyExtremes();
    const toMs = Math.floor(newestMs / stepMs) * stepMs + stepMs;
    state.summariseSteps(instrument, stepMs, toMs - stepMs * 600, toMs, summary);
    const { firstAtMs: _, lastAtMs: __, ...figures } = summary;
    return plainExtremes({ ...figures, firstAtMs: 0, lastAtMs: 0 });
  });
}

/** Where checkpoints go: rows are replaced by those of a higher position, everything else by the newest. */
export class CheckpointShelf {
  readonly rows = new Map<string, CandleRow>();
  private checkpoint: Checkpoint | null = null;

  commit(delta: CheckpointDelta): void {
    const held = this.checkpoint;
    const byId = <T extends { readonly id: number }>(old: readonly T[], fresh: readonly T[]) =>
      [...new Map([...old, ...fresh].map((one) => [one.id, one])).values()].sort((a, b) => a.id - b.id);
    for (const row of delta.candles) {
      if ((this.rows.get(rowKey(row))?.position ?? -1) <= row.position) this.rows.set(rowKey(row), row);
    }
    const isExpired = (stepMs: number, index: number) =>
      delta.expiredSteps.some((expired) => expired.stepMs === stepMs && index < expired.beforeIndex);
    const steps = new Map(
      [...(held?.steps ?? []), ...delta.steps].map((step) => [`${step.stepMs} ${step.index}`, step]),
    );
    this.checkpoint = structuredClone({
      position: delta.position,
      mode: delta.mode,
      damagedBatches: delta.damagedBatches,
      damagedTicks: delta.damagedTicks,
      symbols: [...(held?.symbols ?? []).slice(0, delta.firstSymbolId), ...delta.newSymbols],
      sources: byId(held?.sources ?? [], delta.sources),
      instruments: byId(held?.instruments ?? [], delta.instruments),
      candles: [],
      longer: [...new Map([...(held?.longer ?? []), ...delta.longer].map((one) => [one.instrument, one])).values()],
      steps: [...steps.values()].filter((step) => !isExpired(step.stepMs, step.index)),
    });
  }

  load(): Checkpoint | null {
    if (this.checkpoint === null) return null;
    const { sources } = this.checkpoint;
    const candles = [...this.rows.values()].filter((row) => {
      const source = sources.find(({ mode, exchange }) => mode === row.mode && exchange === row.exchange);
      return source !== undefined && row.openMs >= source.evictedBeforeMs && row.intervalMs <= 60_000;
    });
    return structuredClone({ ...this.checkpoint, candles });
  }
}

export function rejectedBy(counts: Partial<Record<number, number>>): number[] {
  return Array.from({ length: REASON_COUNT }, (_, reason) => counts[reason] ?? 0);
}
