import type { Bucket } from '../../internal/domain/model/candle.ts';
import { emptyBucket, emptyExtremes, MINUTE_MS, mergeBucket } from '../../internal/domain/model/candle.ts';
import type {
  CandleRow,
  CheckpointDelta,
  InstrumentState,
  SourceState,
} from '../../internal/domain/model/checkpoint.ts';
import { REASON_COUNT } from '../../internal/domain/model/rejection.ts';

/** 2025-02-24T12:34:00Z, a minute's opening. */
export const T0_MS = 1_740_400_440_000;

export interface Tick {
  readonly price: number;
  readonly atMs: number;
}

/** A bucket as the domain would fold it. */
export function bucketOf(ticks: readonly Tick[]): Bucket {
  const total = emptyBucket();
  for (const { price, atMs } of ticks) {
    mergeBucket(total, {
      ...emptyBucket(),
      count: 1,
      sumHi: price,
      open: price,
      close: price,
      high: price,
      low: price,
      openAtMs: atMs,
      closeAtMs: atMs,
      highAtMs: atMs,
      lowAtMs: atMs,
      firstAtMs: atMs,
      lastAtMs: atMs,
    });
  }
  return total;
}

export function candle(changes: Partial<CandleRow> = {}): CandleRow {
  return {
    mode: 'live',
    exchange: 'exchange1',
    symbol: 'BTCUSDT',
    intervalMs: MINUTE_MS,
    openMs: T0_MS,
    state: 'final',
    complete: true,
    source: 'ticks',
    revision: 0,
    epoch: 1,
    position: 1,
    bucket: bucketOf([{ price: 67_321.5, atMs: T0_MS + 1 }]),
    ...changes,
  };
}

/** Every number different, awkward where a store may trip. */
export const FULL_CANDLE: CandleRow = candle({
  state: 'revised',
  complete: false,
  revision: 3,
  epoch: 7,
  position: 2 ** 53 - 1,
  bucket: {
    count: 123_456_789,
    sumHi: 0.1 + 0.2,
    sumLo: 5e-324,
    high: Number.MAX_VALUE,
    highAtMs: T0_MS + 2,
    low: Number.MIN_VALUE,
    lowAtMs: T0_MS + 3,
    firstAtMs: T0_MS,
    lastAtMs: T0_MS + 59_999,
    open: 1 / 3,
    openId: 2 ** 53 - 1,
    close: 2 ** 53,
    closeId: 2 ** 51 + 1,
    openAtMs: T0_MS + 4,
    closeAtMs: T0_MS + 59_998,
    quantityCount: 42,
    volumeHi: 1e300,
    volumeLo: -1e-300,
    quoteVolumeHi: 2 ** -1074,
    quoteVolumeLo: -(2 ** -1022),
  },
});

/** A candle of a feed without ids and quantities, next to it. */
export const BARE_CANDLE: CandleRow = candle({ openMs: T0_MS + MINUTE_MS, state: 'forming', position: 5 });

export function source(changes: Partial<SourceState> = {}): SourceState {
  return {
    id: 0,
    mode: 'live',
    exchange: 'exchange1',
    watermarkMs: T0_MS + 61_234,
    feedUp: true,
    upSinceMs: null,
    finalUpToMs: T0_MS,
    evictedBeforeMs: T0_MS,
    brokenMinutes: [],
    brokenLonger: [],
    frames: 10,
    counted: 9,
    rejected: new Array<number>(REASON_COUNT).fill(0).map((_, reason) => reason),
    evictedCount: 3,
    ...changes,
  };
}

export function instrument(changes: Partial<InstrumentState> = {}): InstrumentState {
  return {
    id: 0,
    source: 0,
    symbol: 0,
    lastPrice: 0.1,
    lastAtMs: T0_MS + 5,
    lastReceivedAtMs: T0_MS + 6,
    history: emptyExtremes(),
    tradeIds: null,
    ...changes,
  };
}

export function delta(position: number, changes: Partial<CheckpointDelta> = {}): CheckpointDelta {
  return {
    position,
    mode: null,
    damagedBatches: 0,
    damagedTicks: 0,
    newSymbols: [],
    firstSymbolId: 0,
    sources: [],
    instruments: [],
    candles: [],
    steps: [],
    expiredSteps: [],
    longer: [],
    expiredCandles: [],
    ...changes,
  };
}
