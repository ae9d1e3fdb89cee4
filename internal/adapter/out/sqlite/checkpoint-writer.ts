import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite';
import type { CandleRow, CheckpointDelta, ExpiredCandles } from '../../../domain/model/checkpoint.ts';
import { CandleExpiry } from './candle-expiry.ts';
import { candleValues, copyBuckets, UPSERT_CANDLE } from './candle-rows.ts';
import { instrumentValues, sourceValues, UPSERT_INSTRUMENT, UPSERT_SOURCE } from './checkpoint-rows.ts';
import { StoreError } from './store-error.ts';

type Values = readonly SQLInputValue[];

/** A delta as parameters of statements: a copy of all that can change, so that the caller may go on with its objects. */
export interface EncodedDelta {
  readonly position: number;
  readonly checkpoint: Values;
  readonly symbols: readonly Values[];
  readonly sources: readonly Values[];
  readonly instruments: readonly Values[];
  readonly candles: readonly CandleRow[];
  readonly buckets: Float64Array;
  readonly steps: readonly Values[];
  readonly expiredSteps: readonly Values[];
  readonly longer: readonly Values[];
  readonly expiredCandles: readonly ExpiredCandles[];
}

/** Copies all but the bytes of trade ids, steps and longer candles: those must stay as they are until the commit settles. */
export function encodeDelta(delta: CheckpointDelta): EncodedDelta {
  const { mode } = delta;
  const modeValues = mode ? [mode.mode, mode.epoch, mode.sinceMs, mode.switched ? 1 : 0] : [null, null, null, null];
  return {
    position: delta.position,
    checkpoint: [delta.position, ...modeValues, delta.damagedBatches, delta.damagedTicks],
    symbols: delta.newSymbols.map((name, index) => [delta.firstSymbolId + index, name]),
    sources: delta.sources.map(sourceValues),
    instruments: delta.instruments.map(instrumentValues),
    candles: delta.candles.slice(),
    buckets: copyBuckets(delta.candles),
    steps: delta.steps.map((step) => [step.stepMs, step.index, step.data]),
    expiredSteps: delta.expiredSteps.map((expired) => [expired.stepMs, expired.beforeIndex]),
    longer: delta.longer.map((longer) => [longer.instrument, longer.data]),
    expiredCandles: delta.expiredCandles.slice(),
  };
}

/** A delta without a mode leaves the stored one as it is. */
const UPSERT_CHECKPOINT = `
INSERT INTO checkpoint (id, position, mode, epoch, since, switched, damaged_batches, damaged_ticks)
VALUES (1, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
  position = excluded.position,
  mode = coalesce(excluded.mode, mode),
  epoch = coalesce(excluded.epoch, epoch),
  since = coalesce(excluded.since, since),
  switched = coalesce(excluded.switched, switched),
  damaged_batches = excluded.damaged_batches,
  damaged_ticks = excluded.damaged_ticks`;

/** Candle rows between two looks at the clock. */
const ROWS_PER_TURN = 16;

/** The statements that write a delta. Knows nothing of transactions. */
export class CheckpointWriter {
  readonly #position: StatementSync;
  readonly #checkpoint: StatementSync;
  readonly #symbol: StatementSync;
  readonly #source: StatementSync;
  readonly #instrument: StatementSync;
  readonly #candle: StatementSync;
  readonly #step: StatementSync;
  readonly #expire: StatementSync;
  readonly #longer: StatementSync;
  readonly #expiry: CandleExpiry;

  constructor(db: DatabaseSync) {
    this.#position = db.prepare('SELECT position FROM checkpoint WHERE id = 1');
    this.#checkpoint = db.prepare(UPSERT_CHECKPOINT);
    this.#symbol = db.prepare('INSERT OR REPLACE INTO symbols (id, name) VALUES (?, ?)');
    this.#source = db.prepare(UPSERT_SOURCE);
    this.#instrument = db.prepare(UPSERT_INSTRUMENT);
    this.#candle = db.prepare(UPSERT_CANDLE);
    this.#step = db.prepare('INSERT OR REPLACE INTO steps (step_ms, step_index, data) VALUES (?, ?, ?)');
    this.#expire = db.prepare('DELETE FROM steps WHERE step_ms = ? AND step_index < ?');
    this.#longer = db.prepare('INSERT OR REPLACE INTO longer (instrument, data) VALUES (?, ?)');
    this.#expiry = new CandleExpiry(db);
  }

  /** Writes as it is iterated; each step is a moment at which the caller may do something else for a while. */
  *write(delta: EncodedDelta): Generator<void, void, void> {
    const stored = this.#position.get()?.['position'];
    if (typeof stored === 'number' && delta.position < stored) {
      throw new StoreError('stale', `a commit of position ${delta.position} after one of ${stored}`);
    }
    yield* this.#candles(delta);
    yield* each(this.#symbol, delta.symbols);
    yield* each(this.#source, delta.sources);
    yield* each(this.#instrument, delta.instruments);
    yield* each(this.#step, delta.steps);
    yield* each(this.#expire, delta.expiredSteps);
    yield* each(this.#longer, delta.longer);
    yield* this.#expiry.drop(delta.expiredCandles);
    this.#checkpoint.run(...delta.checkpoint);
  }

  *#candles({ candles, buckets }: EncodedDelta): Generator<void, void, void> {
    for (const [index, row] of candles.entries()) {
      this.#candle.run(...candleValues(row, buckets, index));
      if (index % ROWS_PER_TURN === ROWS_PER_TURN - 1) yield;
    }
  }
}

function* each(statement: StatementSync, rows: readonly Values[]): Generator<void, void, void> {
  let written = 0;
  for (const row of rows) {
    statement.run(...row);
    if (++written % ROWS_PER_TURN === 0) yield;
  }
}
