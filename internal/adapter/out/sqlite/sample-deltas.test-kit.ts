import { emptyBucket, MINUTE_MS } from '../../../domain/model/candle.ts';
import type { CandleRow, CheckpointDelta } from '../../../domain/model/checkpoint.ts';

export const T0_MS = 1_740_400_440_000;

/** The `index`-th of a series of candles over 100 symbols, minute after minute; it counts `position` ticks. */
export function candleNo(index: number, position: number): CandleRow {
  const openMs = T0_MS + Math.floor(index / 100) * MINUTE_MS;
  const times = {
    openAtMs: openMs,
    closeAtMs: openMs,
    highAtMs: openMs,
    lowAtMs: openMs,
    firstAtMs: openMs,
    lastAtMs: openMs,
  };
  const prices = { open: 1.5, high: 2.5, low: 0.5, close: 1.25 };
  return {
    mode: 'live',
    exchange: 'exchange1',
    symbol: `S${index % 100}`,
    intervalMs: MINUTE_MS,
    openMs,
    state: 'final',
    complete: true,
    source: 'ticks',
    revision: 0,
    epoch: 1,
    position,
    bucket: { ...emptyBucket(), ...times, ...prices, count: position, sumHi: 1.5 * position },
  };
}

export function candlesDelta(position: number, candles: readonly CandleRow[]): CheckpointDelta {
  const lists = { newSymbols: [], sources: [], instruments: [], steps: [], longer: [] };
  const nothing = { ...lists, expiredSteps: [], expiredCandles: [] };
  return { position, mode: null, damagedBatches: 0, damagedTicks: 0, firstSymbolId: 0, ...nothing, candles };
}

/** `count` rows, all at `position`. */
export function manyCandles(count: number, position: number): CandleRow[] {
  return Array.from({ length: count }, (_, index) => candleNo(index, position));
}
