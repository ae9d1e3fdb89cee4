import type { CandleRow } from '../../domain/model/checkpoint.ts';
import type { Mode } from '../../domain/model/mode.ts';
import type { MarketState } from '../../domain/service/market-state.ts';

/** What a process that runs the pipeline knows of candles beside the store. */
export interface CandleMemory {
  /** The candles that may still change, ascending: each supersedes the stored one of the same open time. */
  rows(mode: Mode, exchange: string, symbol: string, intervalMs: number): readonly CandleRow[];
  /** No tick with an event time before this can be accepted at this exchange any more; 0: not known. */
  settledBeforeMs(mode: Mode, exchange: string): number;
}

export function memoryOf(state: MarketState): CandleMemory {
  return {
    rows(mode, exchange, symbol, intervalMs) {
      const source = state.source(mode, exchange);
      const instrument = source && state.instrument(source, symbol);
      return source === undefined || instrument === undefined
        ? []
        : state.candlesInMemory(source, instrument, intervalMs);
    },
    settledBeforeMs: (mode, exchange) => state.source(mode, exchange)?.evictedBeforeMs ?? 0,
  };
}
