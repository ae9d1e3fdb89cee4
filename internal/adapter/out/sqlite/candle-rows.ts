import type { SQLInputValue } from 'node:sqlite';
import type { Bucket, CandleState } from '../../../domain/model/candle.ts';
import type { CandleRow } from '../../../domain/model/checkpoint.ts';
import { intervalMsOf, intervalText } from '../../../domain/model/interval-text.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { NO_TRADE_ID } from '../../../domain/model/tick-batch.ts';
import { numberAt, numberOrNullAt, oneOf, type Row, textAt } from './column-values.ts';
import { StoreError } from './store-error.ts';

const STATES: readonly CandleState[] = ['forming', 'final', 'revised'];

/** In the order of `candleValues` and `candleFrom`; the first five are the key. */
const COLUMNS = [
  ...['mode', 'exchange', 'symbol', 'interval', 'open_time'],
  ...['state', 'complete', 'source', 'revision', 'epoch', 'position'],
  ...['open', 'high', 'low', 'close', 'count', 'sum_hi', 'sum_lo'],
  ...['quantity_count', 'volume_hi', 'volume_lo', 'quote_volume_hi', 'quote_volume_lo'],
  ...['first_trade_id', 'last_trade_id', 'open_at', 'close_at', 'high_at', 'low_at', 'first_at', 'last_at'],
];
const KEY_COLUMNS = 5;

/** A row is replaced as a whole, unless the stored one is of a higher position. */
export const UPSERT_CANDLE = `
INSERT INTO candles (${COLUMNS.join(', ')})
VALUES (${COLUMNS.map(() => '?').join(', ')})
ON CONFLICT (mode, exchange, symbol, interval, open_time) DO UPDATE SET
  ${COLUMNS.slice(KEY_COLUMNS)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}
WHERE excluded.position >= candles.position`;

const SELECT = `SELECT ${COLUMNS.join(', ')} FROM candles
WHERE mode = ? AND exchange = ? AND symbol = ? AND interval = ?`;

/** Parameters: mode, exchange, symbol, interval, earliest opening. */
export const SELECT_CANDLES = `${SELECT} AND open_time >= ? ORDER BY open_time`;

/** Parameters: mode, exchange, symbol, interval, from, to, most rows. */
export const SELECT_RANGE = {
  asc: `${SELECT} AND open_time >= ? AND open_time < ? ORDER BY open_time LIMIT ?`,
  desc: `${SELECT} AND open_time >= ? AND open_time < ? ORDER BY open_time DESC LIMIT ?`,
};

/** Parameters: mode, exchange, symbol. */
export const SELECT_NEWEST = `${SELECT.replace('interval = ?', "interval = '1m'")} ORDER BY open_time DESC LIMIT 1`;

/** The next pair after a given one: a seek in the key, however many rows there are. */
export const NEXT_PAIR = `
SELECT mode, exchange, symbol FROM candles
WHERE (mode, exchange, symbol) > (?, ?, ?) ORDER BY mode, exchange, symbol LIMIT 1`;

/** Likewise the next interval of a pair. */
export const NEXT_INTERVAL = `
SELECT "interval" FROM candles
WHERE mode = ? AND exchange = ? AND symbol = ? AND "interval" > ? ORDER BY "interval" LIMIT 1`;

/** The same within a mode and exchange. */
export const NEXT_SYMBOL = `
SELECT symbol FROM candles WHERE mode = ? AND exchange = ? AND symbol > ? ORDER BY symbol LIMIT 1`;

/** Numbers of a bucket, in the order of the columns from `open` on. */
const BUCKET_COLUMNS = 20;

/**
 * The buckets of all rows, copied: they are the part of a row that goes on changing, and a commit takes several
 * turns. One array of doubles for all: 2 ms for 20,000 rows, where arrays of parameters take 30.
 */
export function copyBuckets(rows: readonly CandleRow[]): Float64Array {
  const copy = new Float64Array(rows.length * BUCKET_COLUMNS);
  let at = 0;
  for (const { bucket } of rows) {
    copy[at++] = bucket.open;
    copy[at++] = bucket.high;
    copy[at++] = bucket.low;
    copy[at++] = bucket.close;
    copy[at++] = bucket.count;
    copy[at++] = bucket.sumHi;
    copy[at++] = bucket.sumLo;
    copy[at++] = bucket.quantityCount;
    copy[at++] = bucket.volumeHi;
    copy[at++] = bucket.volumeLo;
    copy[at++] = bucket.quoteVolumeHi;
    copy[at++] = bucket.quoteVolumeLo;
    copy[at++] = bucket.openId;
    copy[at++] = bucket.closeId;
    copy[at++] = bucket.openAtMs;
    copy[at++] = bucket.closeAtMs;
    copy[at++] = bucket.highAtMs;
    copy[at++] = bucket.lowAtMs;
    copy[at++] = bucket.firstAtMs;
    copy[at++] = bucket.lastAtMs;
  }
  return copy;
}

const OPEN_ID = 12;
const CLOSE_ID = 13;

/** The parameters of `UPSERT_CANDLE` for row `index`, its bucket out of `copyBuckets`. */
export function candleValues(row: CandleRow, buckets: Float64Array, index: number): SQLInputValue[] {
  const { mode, exchange, symbol, intervalMs, openMs, state, complete, source, revision, epoch, position } = row;
  const values: SQLInputValue[] = [mode, exchange, symbol, intervalText(intervalMs), openMs];
  values.push(state, complete ? 1 : 0, source, revision, epoch, position);
  const from = index * BUCKET_COLUMNS;
  for (let i = 0; i < BUCKET_COLUMNS; i++) {
    const value = buckets[from + i] ?? 0;
    values.push((i === OPEN_ID || i === CLOSE_ID) && value === NO_TRADE_ID ? null : value);
  }
  return values;
}

export function candleFrom(row: Row): CandleRow {
  const intervalMs = intervalMsOf(textAt(row, 3));
  if (intervalMs === null) throw new StoreError('corrupt', `candles: ${textAt(row, 3)} is no interval`);
  return {
    mode: oneOf(MODES, row, 0),
    exchange: textAt(row, 1),
    symbol: textAt(row, 2),
    intervalMs,
    openMs: numberAt(row, 4),
    state: oneOf(STATES, row, 5),
    complete: numberAt(row, 6) === 1,
    source: oneOf(['ticks'], row, 7),
    revision: numberAt(row, 8),
    epoch: numberAt(row, 9),
    position: numberAt(row, 10),
    bucket: bucketFrom(row),
  };
}

function bucketFrom(row: Row): Bucket {
  return {
    open: numberAt(row, 11),
    high: numberAt(row, 12),
    low: numberAt(row, 13),
    close: numberAt(row, 14),
    count: numberAt(row, 15),
    sumHi: numberAt(row, 16),
    sumLo: numberAt(row, 17),
    quantityCount: numberAt(row, 18),
    volumeHi: numberAt(row, 19),
    volumeLo: numberAt(row, 20),
    quoteVolumeHi: numberAt(row, 21),
    quoteVolumeLo: numberAt(row, 22),
    openId: numberOrNullAt(row, 23) ?? NO_TRADE_ID,
    closeId: numberOrNullAt(row, 24) ?? NO_TRADE_ID,
    openAtMs: numberAt(row, 25),
    closeAtMs: numberAt(row, 26),
    highAtMs: numberAt(row, 27),
    lowAtMs: numberAt(row, 28),
    firstAtMs: numberAt(row, 29),
    lastAtMs: numberAt(row, 30),
  };
}
