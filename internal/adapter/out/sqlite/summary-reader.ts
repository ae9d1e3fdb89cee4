import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Extremes, emptyExtremes, MINUTE_MS, mergeExtremes } from '../../../domain/model/candle.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { numberAt, type Row } from './column-values.ts';
import { Query } from './query.ts';
import { StoreError } from './store-error.ts';

const SELECT_EXTREMES = `
SELECT count, sum_hi, sum_lo, high, high_at, low, low_at, first_at, last_at FROM candles
WHERE mode = ? AND exchange = ? AND symbol = ? AND interval = '1m' AND open_time >= ? AND open_time < ?
ORDER BY open_time`;

/** A day and an hour: read in one go, without a turn of the event loop. */
const SHORT_MINUTES = 1500;

/** How long a long query works before it lets others in. */
const SLICE_MS = 2;
const ROWS_PER_LOOK = 64;

/** Long queries that wait for their turn; one more is refused. */
const LONG_MAX_WAITING = 64;

/** One pair's minutes `[fromMs, toMs)`. */
export interface MinuteRange {
  readonly mode: Mode;
  readonly exchange: string;
  readonly symbol: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Folds stored minutes in order of time. The sums are folded here and not by SQL: `sum()` rounds.
 * A long range is read on a connection of its own, one query at a time, whose open cursor holds one snapshot over
 * all of its turns; short ones overtake it.
 */
export class SummaryReader {
  readonly #short: Query;
  readonly #openLong: () => DatabaseSync;
  #longDb: DatabaseSync | null = null;
  #long: Query | null = null;
  #longTail: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed = false;

  constructor(db: DatabaseSync, openLong: () => DatabaseSync) {
    this.#short = new Query(db, SELECT_EXTREMES);
    this.#openLong = openLong;
  }

  async summarise(range: MinuteRange): Promise<Extremes> {
    if (this.#closed) throw new StoreError('closed', 'the candle store is closed');
    if (range.toMs - range.fromMs > SHORT_MINUTES * MINUTE_MS) return this.#inTurn(range);
    const total = emptyExtremes();
    const part = emptyExtremes();
    for (const row of this.#short.all(...keyOf(range))) addRow(total, part, row);
    return total;
  }

  /** Waits for a long query to notice. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#longTail;
    this.#longDb?.close();
  }

  async #inTurn(range: MinuteRange): Promise<Extremes> {
    if (this.#waiting >= LONG_MAX_WAITING) throw new StoreError('busy', 'too many long period queries at once');
    this.#waiting++;
    const total = this.#longTail.then(() => this.#slowly(range));
    this.#longTail = total.then(
      () => this.#waiting--,
      () => this.#waiting--,
    );
    return total;
  }

  async #slowly(range: MinuteRange): Promise<Extremes> {
    this.#refuseWhenClosed();
    this.#longDb ??= this.#openLong();
    this.#long ??= new Query(this.#longDb, SELECT_EXTREMES);
    const total = emptyExtremes();
    const part = emptyExtremes();
    let turnAtMs = performance.now();
    let rows = 0;
    for (const row of this.#long.iterate(...keyOf(range))) {
      addRow(total, part, row);
      if (++rows % ROWS_PER_LOOK !== 0 || performance.now() - turnAtMs < SLICE_MS) continue;
      await nextTurn();
      this.#refuseWhenClosed();
      turnAtMs = performance.now();
    }
    return total;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new StoreError('closed', 'the candle store was closed during a query');
  }
}

function keyOf(range: MinuteRange): [Mode, string, string, number, number] {
  return [range.mode, range.exchange, range.symbol, range.fromMs, range.toMs];
}

/** `part` is a scratch object. */
function addRow(total: Extremes, part: Extremes, row: Row): void {
  part.count = numberAt(row, 0);
  part.sumHi = numberAt(row, 1);
  part.sumLo = numberAt(row, 2);
  part.high = numberAt(row, 3);
  part.highAtMs = numberAt(row, 4);
  part.low = numberAt(row, 5);
  part.lowAtMs = numberAt(row, 6);
  part.firstAtMs = numberAt(row, 7);
  part.lastAtMs = numberAt(row, 8);
  mergeExtremes(total, part);
}
