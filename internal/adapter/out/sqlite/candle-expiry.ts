import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ExpiredCandles } from '../../../domain/model/checkpoint.ts';
import { intervalText } from '../../../domain/model/interval-text.ts';
import { NEXT_SYMBOL } from './candle-rows.ts';
import { textAt } from './column-values.ts';
import { Query } from './query.ts';

/** Rows of one pair and interval that one commit drops at most: 5 ms. The next commits drop what is left. */
const ROWS_MAX = 1_024;

/** Parameters: the key up to the interval, twice; the bound comes last. Rows are dropped from the oldest on. */
const DELETE_OLDEST = `
DELETE FROM candles
WHERE mode = ?1 AND exchange = ?2 AND symbol = ?3 AND interval = ?4 AND open_time < min(?5, coalesce((
  SELECT open_time FROM candles WHERE mode = ?1 AND exchange = ?2 AND symbol = ?3 AND interval = ?4
  ORDER BY open_time LIMIT 1 OFFSET ${ROWS_MAX}), ?5))`;

/** Drops candles that are past their time, pair by pair along the key: rows that stay are not looked at. */
export class CandleExpiry {
  readonly #nextSymbol: Query;
  readonly #delete: StatementSync;

  constructor(db: DatabaseSync) {
    this.#nextSymbol = new Query(db, NEXT_SYMBOL);
    this.#delete = db.prepare(DELETE_OLDEST);
  }

  /** Works as it is iterated, a pair at a time. */
  *drop(expired: readonly ExpiredCandles[]): Generator<void, void, void> {
    for (const { mode, exchange, intervalMs, beforeMs } of expired) {
      const interval = intervalText(intervalMs);
      let next = this.#nextSymbol.first(mode, exchange, '');
      while (next !== null) {
        const symbol = textAt(next, 0);
        this.#delete.run(mode, exchange, symbol, interval, beforeMs);
        yield;
        next = this.#nextSymbol.first(mode, exchange, symbol);
      }
    }
  }
}
