import { SqliteCandleStore } from '../../internal/adapter/out/sqlite/sqlite-candle-store.ts';
import type { CandleStore } from '../../internal/application/port/out/candle-store.ts';
import type { CandleRow, CheckpointDelta } from '../../internal/domain/model/checkpoint.ts';
import { MODES } from '../../internal/domain/model/mode.ts';
import type { Logger } from '../../pkg/logger/logger.ts';

const PAGE_ROWS = 5_000;

/**
 * Copies what a data folder's own database holds into a store that is new to it: first the candles, then, in one
 * commit, the checkpoint. Cut short, it begins again: until the checkpoint is there nothing goes on from it.
 */
export async function moveCandles(path: string, store: CandleStore, logger: Logger): Promise<void> {
  const old = await SqliteCandleStore.open({ path });
  try {
    const checkpoint = await old.load();
    if (checkpoint === null || checkpoint.position === 0) return;
    logger.info({ from: path }, 'moving candles into the new store');
    let candles = 0;
    for (const mode of MODES) {
      for (const pair of await old.newest(mode)) candles += await moveSeries(old, store, pair);
    }
    const { position, symbols, ...rest } = checkpoint;
    const nothing = { firstSymbolId: 0, expiredSteps: [], expiredCandles: [] };
    await store.commit({ ...nothing, ...rest, newSymbols: symbols, position });
    logger.info({ candles, position }, 'candles are in the new store');
  } finally {
    await old.close();
  }
}

/** All intervals of one pair, by its newest minute. */
async function moveSeries(old: SqliteCandleStore, store: CandleStore, { mode, exchange, symbol }: CandleRow) {
  let moved = 0;
  for (const intervalMs of await old.intervalsOf(mode, exchange, symbol)) {
    let fromMs = 0;
    for (;;) {
      const range = { mode, exchange, symbol, intervalMs, fromMs, toMs: Number.MAX_SAFE_INTEGER };
      const candles = await old.candles({ ...range, limit: PAGE_ROWS, order: 'asc' });
      if (candles.length > 0) await store.commit(candlesAlone(candles));
      moved += candles.length;
      const last = candles.at(-1);
      if (last === undefined || candles.length < PAGE_ROWS) break;
      fromMs = last.openMs + 1;
    }
  }
  return moved;
}

function candlesAlone(candles: readonly CandleRow[]): CheckpointDelta {
  const lists = { newSymbols: [], sources: [], instruments: [], steps: [], longer: [] };
  const nothing = { ...lists, expiredSteps: [], expiredCandles: [], firstSymbolId: 0 };
  return { ...nothing, position: 0, mode: null, damagedBatches: 0, damagedTicks: 0, candles };
}
