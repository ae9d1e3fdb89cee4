import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CandleRange } from '../../../application/port/out/candle-store.ts';
import type { CandleRow } from '../../../domain/model/checkpoint.ts';
import { intervalMsOf, intervalText } from '../../../domain/model/interval-text.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { candleFrom, NEXT_INTERVAL, NEXT_PAIR, SELECT_NEWEST, SELECT_RANGE } from './candle-rows.ts';
import { textAt } from './column-values.ts';
import { Query } from './query.ts';
import { StoreError } from './store-error.ts';

/** Rows that are read between two turns of the event loop: 2 ms. */
const PAGE_ROWS = 500;
const PAIRS_PER_TURN = 100;

/** Candles as they are stored. A long answer is read in pages: a commit may come between two of them. */
export class CandleReader {
  readonly #ranges: Readonly<Record<CandleRange['order'], Query>>;
  readonly #nextPair: Query;
  readonly #newest: Query;
  readonly #nextInterval: Query;
  #closed = false;

  constructor(db: DatabaseSync) {
    this.#ranges = { asc: new Query(db, SELECT_RANGE.asc), desc: new Query(db, SELECT_RANGE.desc) };
    this.#nextPair = new Query(db, NEXT_PAIR);
    this.#newest = new Query(db, SELECT_NEWEST);
    this.#nextInterval = new Query(db, NEXT_INTERVAL);
  }

  async candles(range: CandleRange): Promise<CandleRow[]> {
    const { mode, exchange, symbol, order, limit } = range;
    const key = [mode, exchange, symbol, intervalText(range.intervalMs)] as const;
    let { fromMs, toMs } = range;
    const rows: CandleRow[] = [];
    while (true) {
      this.#refuseWhenClosed();
      const page = Math.min(PAGE_ROWS, limit - rows.length);
      const found = this.#ranges[order].all(...key, fromMs, toMs, page);
      for (const row of found) rows.push(candleFrom(row));
      const last = rows.at(-1);
      if (found.length < page || rows.length >= limit || last === undefined) return rows;
      if (order === 'asc') fromMs = last.openMs + 1;
      else toMs = last.openMs;
      await nextTurn();
    }
  }

  async newest(mode: Mode): Promise<CandleRow[]> {
    this.#refuseWhenClosed();
    const rows: CandleRow[] = [];
    let pair = this.#nextPair.first(mode, '', '');
    for (let pairs = 1; pair !== null && textAt(pair, 0) === mode; pairs++) {
      const key = [mode, textAt(pair, 1), textAt(pair, 2)] as const;
      const row = this.#newest.first(...key);
      if (row !== null) rows.push(candleFrom(row));
      if (pairs % PAIRS_PER_TURN === 0) {
        await nextTurn();
        this.#refuseWhenClosed();
      }
      pair = this.#nextPair.first(...key);
    }
    return rows;
  }

  intervalsOf(mode: Mode, exchange: string, symbol: string): number[] {
    this.#refuseWhenClosed();
    const found: string[] = [];
    let next = this.#nextInterval.first(mode, exchange, symbol, '');
    while (next !== null) {
      found.push(textAt(next, 0));
      next = this.#nextInterval.first(mode, exchange, symbol, textAt(next, 0));
    }
    return found.flatMap((text) => intervalMsOf(text) ?? []);
  }

  close(): void {
    this.#closed = true;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new StoreError('closed', 'the candle store is closed');
  }
}
