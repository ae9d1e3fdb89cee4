import type { Bucket, CandleState } from '../../../domain/model/candle.ts';
import type { CandleRow } from '../../../domain/model/checkpoint.ts';
import { intervalMsOf, intervalText } from '../../../domain/model/interval-text.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { NO_TRADE_ID } from '../../../domain/model/tick-batch.ts';
import { numberAt, numberOrNullAt, oneOf, textAt } from './column-values.ts';
import type { Row } from './link.ts';
import { PostgresStoreError } from './store-error.ts';
import { type Column, columnList, type Table } from './table.ts';

const STATES: readonly CandleState[] = ['forming', 'final', 'revised'];

type ColumnOf = Column<CandleRow>;

const text = (name: string, of: ColumnOf['of']): ColumnOf => ({ name, type: 'text', of });
const integer = (name: string, of: ColumnOf['of']): ColumnOf => ({ name, type: 'bigint', of });
const double = (name: string, of: ColumnOf['of']): ColumnOf => ({ name, type: 'double precision', of });

/** What `candleFrom` reads, in its order. */
const READ: readonly ColumnOf[] = [
  text('mode', (row) => row.mode),
  text('exchange', (row) => row.exchange),
  text('symbol', (row) => row.symbol),
  text('interval', (row) => intervalText(row.intervalMs)),
  integer('open_time', (row) => row.openMs),
  text('state', (row) => row.state),
  { name: 'complete', type: 'smallint', of: (row) => (row.complete ? 1 : 0) },
  text('source', (row) => row.source),
  integer('revision', (row) => row.revision),
  integer('epoch', (row) => row.epoch),
  integer('position', (row) => row.position),
  double('open', ({ bucket }) => bucket.open),
  double('high', ({ bucket }) => bucket.high),
  double('low', ({ bucket }) => bucket.low),
  double('close', ({ bucket }) => bucket.close),
  integer('count', ({ bucket }) => bucket.count),
  double('sum_hi', ({ bucket }) => bucket.sumHi),
  double('sum_lo', ({ bucket }) => bucket.sumLo),
  integer('quantity_count', ({ bucket }) => bucket.quantityCount),
  double('volume_hi', ({ bucket }) => bucket.volumeHi),
  double('volume_lo', ({ bucket }) => bucket.volumeLo),
  double('quote_volume_hi', ({ bucket }) => bucket.quoteVolumeHi),
  double('quote_volume_lo', ({ bucket }) => bucket.quoteVolumeLo),
  integer('first_trade_id', ({ bucket }) => idOrNull(bucket.openId)),
  integer('last_trade_id', ({ bucket }) => idOrNull(bucket.closeId)),
  integer('open_at', ({ bucket }) => bucket.openAtMs),
  integer('close_at', ({ bucket }) => bucket.closeAtMs),
  integer('high_at', ({ bucket }) => bucket.highAtMs),
  integer('low_at', ({ bucket }) => bucket.lowAtMs),
  integer('first_at', ({ bucket }) => bucket.firstAtMs),
  integer('last_at', ({ bucket }) => bucket.lastAtMs),
];

/** Figures for people; SQLite has them as generated columns. */
const DERIVED: readonly ColumnOf[] = [
  double('average', ({ bucket }) => (bucket.sumHi + bucket.sumLo) / bucket.count),
  double('volume', ({ bucket }) => known(bucket, bucket.volumeHi + bucket.volumeLo)),
  double('quote_volume', ({ bucket }) => known(bucket, bucket.quoteVolumeHi + bucket.quoteVolumeLo)),
];

/** A row is replaced as a whole, unless the stored one is of a higher position. */
export const CANDLES: Table<CandleRow> = {
  name: 'candles',
  columns: [...READ, ...DERIVED],
  keyColumns: 5,
  replacedIf: 'candles."position" <= excluded."position"',
};

/** One pair and interval that has candles: what queries begin with, instead of looking through the candles. */
export type Series = Pick<CandleRow, 'mode' | 'exchange' | 'symbol' | 'intervalMs'>;

export const SERIES: Table<Series> = {
  name: 'candle_series',
  columns: [
    { name: 'mode', type: 'text', of: (row) => row.mode },
    { name: 'exchange', type: 'text', of: (row) => row.exchange },
    { name: 'symbol', type: 'text', of: (row) => row.symbol },
    { name: 'interval', type: 'text', of: (row) => intervalText(row.intervalMs) },
  ],
  keyColumns: 4,
};

/** `mode, exchange…`: what `candleFrom` takes. */
export function candleColumns(prefix: string): string {
  return columnList({ ...CANDLES, columns: READ }, prefix);
}

/**
 * Copies, in the order of the key, so that transactions that meet take their locks in one order. Of a key that is
 * there more than once the row that would have replaced the others: one statement can't write a row twice.
 */
export function sortedCopy(rows: readonly CandleRow[]): CandleRow[] {
  const sorted = rows.map((row) => ({ ...row, bucket: { ...row.bucket } })).sort(byKey);
  return sorted.filter((row, index) => {
    const next = sorted[index + 1];
    if (next === undefined || byKey(row, next) !== 0) return true;
    if (next.position < row.position) sorted[index + 1] = row;
    return false;
  });
}

export function candleFrom(row: Row): CandleRow {
  const intervalMs = intervalMsOf(textAt(row, 3));
  if (intervalMs === null) throw new PostgresStoreError('corrupt', `candles: ${textAt(row, 3)} is no interval`);
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

function byKey(a: CandleRow, b: CandleRow): number {
  return (
    compare(a.mode, b.mode) ||
    compare(a.exchange, b.exchange) ||
    compare(a.symbol, b.symbol) ||
    a.intervalMs - b.intervalMs ||
    a.openMs - b.openMs
  );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function idOrNull(id: number): number | null {
  return id === NO_TRADE_ID ? null : id;
}

function known(bucket: Bucket, value: number): number | null {
  return bucket.quantityCount > 0 ? value : null;
}
