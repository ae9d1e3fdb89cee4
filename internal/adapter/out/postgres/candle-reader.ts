import type { CandleRange } from '../../../application/port/out/candle-store.ts';
import { type Extremes, emptyExtremes, mergeExtremes } from '../../../domain/model/candle.ts';
import type { CandleRow } from '../../../domain/model/checkpoint.ts';
import { intervalText } from '../../../domain/model/interval-text.ts';
import type { Mode } from '../../../domain/model/mode.ts';
import { candleColumns, candleFrom } from './candle-rows.ts';
import { numberAt } from './column-values.ts';
import type { Row } from './link.ts';
import type { LinkPool } from './link-pool.ts';

/** An answer over HTTP may take half a second more. */
export const READ_MS = 2_000;

const OF_RANGE = `FROM candles c
WHERE c.mode = $1 AND c.exchange = $2 AND c.symbol = $3 AND c."interval" = $4 AND c.open_time >= $5 AND c.open_time < $6
ORDER BY c.open_time`;

const SELECT_EXTREMES = `
SELECT count, sum_hi, sum_lo, high, high_at, low, low_at, first_at, last_at ${OF_RANGE}`;
const SELECT_RANGE = {
  asc: `SELECT ${candleColumns('c.')} ${OF_RANGE} LIMIT $7`,
  desc: `SELECT ${candleColumns('c.')} ${OF_RANGE} DESC LIMIT $7`,
};
const SELECT_NEWEST = `
SELECT ${candleColumns('c.')} FROM candle_series s
JOIN LATERAL (
  SELECT * FROM candles c
  WHERE c.mode = s.mode AND c.exchange = s.exchange AND c.symbol = s.symbol AND c."interval" = s."interval"
  ORDER BY c.open_time DESC LIMIT 1
) c ON true
WHERE s.mode = $1 AND s."interval" = '1m'`;

/** Candles as they are stored; each answer is as of one moment. */
export class CandleReader {
  readonly #pool: LinkPool;

  constructor(pool: LinkPool) {
    this.#pool = pool;
  }

  /** The sums are folded here and not by SQL: `sum()` rounds. */
  async summarise(mode: Mode, exchange: string, symbol: string, fromMs: number, toMs: number): Promise<Extremes> {
    const values = [mode, exchange, symbol, '1m', bound(fromMs), bound(toMs)];
    return this.#pool.use(READ_MS, async ({ each }) => {
      const total = emptyExtremes();
      const part = emptyExtremes();
      await each(SELECT_EXTREMES, values, (row) => addRow(total, part, row));
      return total;
    });
  }

  async candles(range: CandleRange): Promise<CandleRow[]> {
    const { mode, exchange, symbol, intervalMs, fromMs, toMs, limit, order } = range;
    const values = [mode, exchange, symbol, intervalText(intervalMs), bound(fromMs), bound(toMs), limit];
    const { rows } = await this.#pool.use(READ_MS, ({ query }) => query(SELECT_RANGE[order], values));
    return rows.map(candleFrom);
  }

  async newest(mode: Mode): Promise<CandleRow[]> {
    const { rows } = await this.#pool.use(READ_MS, ({ query }) => query(SELECT_NEWEST, [mode]));
    return rows.map(candleFrom);
  }
}

/** A time as a bigint can be compared with it. */
function bound(ms: number): number {
  return Math.ceil(Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, ms)));
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
