import type { CandleRow, CheckpointDelta } from '../../../domain/model/checkpoint.ts';
import { intervalText } from '../../../domain/model/interval-text.ts';
import { CANDLES, SERIES, type Series, sortedCopy } from './candle-rows.ts';
import { INSTRUMENTS, LONGER, SOURCES, STEPS, SYMBOLS } from './checkpoint-rows.ts';
import { numberAt } from './column-values.ts';
import type { Link, Rows, Value } from './link.ts';
import { PostgresStoreError } from './store-error.ts';
import { arraysOf, type Table, upsertOf } from './table.ts';

/** However many statements it takes. */
const COMMIT_MS = 60_000;
/** Each statement has this long; with fewer rows than `STATEMENT_ROWS_MAX` it takes a hundredth of it. */
export const STATEMENT_MS = 8_000;

/** 2 MB of parameters for candles. A flush of a second is one statement up to some thousand pairs. */
const STATEMENT_ROWS_MAX = 5_000;
/** Of rows with trade ids or steps in them. */
const STATEMENT_BYTES_MAX = 4 * 1024 * 1024;
/** Of expired candles, what one commit drops of a series at most; the next ones drop what is left. */
const EXPIRED_ROWS_MAX = 1_024;
/** Series that are known to be noted. Beyond that they are noted again, which costs time and nothing else. */
const SERIES_MAX = 100_000;

type Run = (text: string, values?: readonly Value[]) => Promise<Rows>;

/** A delta leaves the stored mode as it is when it has none. */
const UPSERT_CHECKPOINT = `
INSERT INTO checkpoint AS c (id, "position", mode, epoch, since, switched, damaged_batches, damaged_ticks)
VALUES (1, $1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (id) DO UPDATE SET
  "position" = excluded."position",
  mode = coalesce(excluded.mode, c.mode),
  epoch = coalesce(excluded.epoch, c.epoch),
  since = coalesce(excluded.since, c.since),
  switched = coalesce(excluded.switched, c.switched),
  damaged_batches = excluded.damaged_batches,
  damaged_ticks = excluded.damaged_ticks`;

/** What can change after the call is copied, but for the bytes of trade ids, steps and longer candles. */
export function copyDelta(delta: CheckpointDelta): CheckpointDelta {
  return {
    ...delta,
    sources: delta.sources.slice(),
    instruments: delta.instruments.map((one) => ({ ...one, history: { ...one.history } })),
    candles: sortedCopy(delta.candles),
    steps: delta.steps.slice(),
  };
}

/** One transaction for each delta, fenced by the epoch of its owner. */
export class CheckpointWriter {
  readonly #epoch: number;
  readonly #label: string;
  readonly #notedSeries = new Set<string>();

  constructor(epoch: number, label: string) {
    this.#epoch = epoch;
    this.#label = label;
  }

  /** Rejects with the transaction given up, or with the connection destroyed when that can't be known. */
  async commit(link: Link, delta: CheckpointDelta): Promise<void> {
    const series = this.#newSeries(delta.candles);
    const endsAtMs = performance.now() + COMMIT_MS;
    const run: Run = (text, values = []) =>
      link.query(text, values, Math.min(STATEMENT_MS, endsAtMs - performance.now()));
    try {
      await run('BEGIN');
      await this.#write(run, delta, series);
      const { command } = await run('COMMIT');
      if (command !== 'COMMIT') throw new PostgresStoreError('internal', `${this.#label}: COMMIT was a ${command}`);
    } catch (error) {
      if (!link.isClosed) await link.query('ROLLBACK', [], STATEMENT_MS).catch(() => link.destroy());
      throw error;
    }
    for (const one of series) this.#notedSeries.add(keyOf(one));
  }

  async #write(run: Run, delta: CheckpointDelta, series: readonly Series[]): Promise<void> {
    await this.#checkOwner(run);
    const [stored] = (await run('SELECT "position" FROM checkpoint')).rows;
    if (stored !== undefined && delta.position < numberAt(stored, 0)) {
      const text = `${this.#label}: a commit of position ${delta.position} after one of ${numberAt(stored, 0)}`;
      throw new PostgresStoreError('stale', text);
    }
    await upsert(run, SERIES, series, () => 0);
    await upsert(run, CANDLES, delta.candles, () => 0);
    const { firstSymbolId, newSymbols } = delta;
    await upsert(
      run,
      SYMBOLS,
      newSymbols.map((name, index) => ({ id: firstSymbolId + index, name })),
      () => 0,
    );
    await upsert(run, SOURCES, delta.sources, () => 0);
    await upsert(run, INSTRUMENTS, delta.instruments, ({ tradeIds }) => tradeIds?.byteLength ?? 0);
    await upsert(run, STEPS, delta.steps, ({ data }) => data.byteLength);
    await upsert(run, LONGER, delta.longer, ({ data }) => data.byteLength);
    for (const { stepMs, beforeIndex } of delta.expiredSteps) {
      const values = [stepMs, Math.max(Number.MIN_SAFE_INTEGER, beforeIndex)];
      await run('DELETE FROM steps WHERE step_ms = $1 AND step_index < $2', values);
    }
    for (const { mode, exchange, intervalMs, beforeMs } of delta.expiredCandles) {
      const values = [mode, exchange, intervalText(intervalMs), beforeMs, EXPIRED_ROWS_MAX];
      await run('SELECT drop_candles($1, $2, $3, $4, $5)', values);
    }
    await run(UPSERT_CHECKPOINT, checkpointValues(delta));
  }

  /** The row stays locked until COMMIT: nobody can take over in the middle. */
  async #checkOwner(run: Run): Promise<void> {
    const [owner = []] = (await run('SELECT epoch FROM owner FOR UPDATE')).rows;
    if (numberAt(owner, 0) === this.#epoch) return;
    throw new PostgresStoreError('fenced', `${this.#label}: another process has taken over, this one must not write`);
  }

  #newSeries(rows: readonly CandleRow[]): Series[] {
    if (this.#notedSeries.size > SERIES_MAX) this.#notedSeries.clear();
    const found = new Map<string, Series>();
    for (const row of rows) if (!this.#notedSeries.has(keyOf(row))) found.set(keyOf(row), row);
    return [...found.values()];
  }
}

async function upsert<T>(run: Run, table: Table<T>, rows: readonly T[], bytesOf: (row: T) => number): Promise<void> {
  const statement = upsertOf(table);
  let from = 0;
  while (from < rows.length) {
    let to = from;
    let bytes = 0;
    while (to < rows.length && to - from < STATEMENT_ROWS_MAX && bytes < STATEMENT_BYTES_MAX) {
      const row = rows[to++];
      if (row !== undefined) bytes += bytesOf(row);
    }
    await run(statement, await arraysOf(table, rows, from, to));
    from = to;
  }
}

function checkpointValues({ position, mode, damagedBatches, damagedTicks }: CheckpointDelta): Value[] {
  const modeValues = mode ? [mode.mode, mode.epoch, mode.sinceMs, mode.switched ? 1 : 0] : [null, null, null, null];
  return [position, ...modeValues, damagedBatches, damagedTicks];
}

function keyOf({ mode, exchange, symbol, intervalMs }: Series): string {
  return `${mode} ${exchange} ${intervalMs} ${symbol}`;
}
