import type { DatabaseSync } from 'node:sqlite';
import { MINUTE_MS } from '../../../domain/model/candle.ts';
import type { CandleRow, Checkpoint, LongerState, SourceState, StepSlice } from '../../../domain/model/checkpoint.ts';
import { intervalMsOf } from '../../../domain/model/interval-text.ts';
import { MODES, type ModeState } from '../../../domain/model/mode.ts';
import { candleFrom, SELECT_CANDLES } from './candle-rows.ts';
import { instrumentFrom, SELECT_INSTRUMENTS, SELECT_SOURCES, sourceFrom } from './checkpoint-rows.ts';
import { bytesAt, numberAt, oneOf, type Row, textAt } from './column-values.ts';
import { Query } from './query.ts';

const SELECT_CHECKPOINT = `
SELECT position, damaged_batches, damaged_ticks, mode, epoch, since, switched FROM checkpoint WHERE id = 1`;

/** The next (symbol, interval) of a mode and exchange after a given one: a seek in the key, however many rows there are. */
const NEXT_SERIES = `
SELECT symbol, interval FROM candles
WHERE mode = ? AND exchange = ? AND (symbol, interval) > (?, ?) ORDER BY symbol, interval LIMIT 1`;

/** The checkpoint as of the last commit; null when there was none. Blocks for as long as it takes: for start-up. */
export function readCheckpoint(db: DatabaseSync): Checkpoint | null {
  db.exec('BEGIN');
  try {
    const row = new Query(db, SELECT_CHECKPOINT).first();
    if (row === null) return null;
    const sources = new Query(db, SELECT_SOURCES).all().map(sourceFrom);
    return {
      position: numberAt(row, 0),
      damagedBatches: numberAt(row, 1),
      damagedTicks: numberAt(row, 2),
      mode: modeFrom(row),
      symbols: new Query(db, 'SELECT name FROM symbols ORDER BY id').all().map((symbol) => textAt(symbol, 0)),
      sources,
      instruments: new Query(db, SELECT_INSTRUMENTS).all().map(instrumentFrom),
      candles: readCandles(db, sources),
      steps: new Query(db, 'SELECT step_ms, step_index, data FROM steps ORDER BY step_ms, step_index')
        .all()
        .map(stepFrom),
      longer: new Query(db, 'SELECT instrument, data FROM longer ORDER BY instrument').all().map(longerFrom),
    };
  } finally {
    db.exec('COMMIT');
  }
}

function readCandles(db: DatabaseSync, sources: readonly SourceState[]): CandleRow[] {
  const nextSeries = new Query(db, NEXT_SERIES);
  const ofSeries = new Query(db, SELECT_CANDLES);
  const candles: CandleRow[] = [];
  for (const { mode, exchange, evictedBeforeMs } of sources) {
    let series = nextSeries.first(mode, exchange, '', '');
    while (series !== null) {
      const [symbol, interval] = [textAt(series, 0), textAt(series, 1)];
      if ((intervalMsOf(interval) ?? 0) <= MINUTE_MS) {
        const rows = ofSeries.all(mode, exchange, symbol, interval, evictedBeforeMs);
        for (const row of rows) candles.push(candleFrom(row));
      }
      series = nextSeries.first(mode, exchange, symbol, interval);
    }
  }
  return candles;
}

function modeFrom(row: Row): ModeState | null {
  if (row[3] === null) return null;
  return {
    mode: oneOf(MODES, row, 3),
    epoch: numberAt(row, 4),
    sinceMs: numberAt(row, 5),
    switched: numberAt(row, 6) === 1,
  };
}

function longerFrom(row: Row): LongerState {
  return { instrument: numberAt(row, 0), data: bytesAt(row, 1) };
}

function stepFrom(row: Row): StepSlice {
  return { stepMs: numberAt(row, 0), index: numberAt(row, 1), data: bytesAt(row, 2) };
}
