import type { SQLInputValue } from 'node:sqlite';
import type { BrokenMinutes, InstrumentState, SourceState } from '../../../domain/model/checkpoint.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { bytesOrNullAt, jsonAt, numberAt, numberOrNullAt, oneOf, type Row, textAt } from './column-values.ts';

const SOURCE_COLUMNS = [
  ...['id', 'mode', 'exchange', 'watermark', 'feed_up', 'up_since', 'final_up_to', 'evicted_before'],
  ...['broken_minutes', 'frames', 'counted', 'rejected', 'evicted_count', 'broken_longer'],
];
const INSTRUMENT_COLUMNS = [
  ...['id', 'source', 'symbol', 'last_price', 'last_at', 'last_received_at'],
  ...['history_count', 'history_sum_hi', 'history_sum_lo', 'history_high', 'history_high_at'],
  ...['history_low', 'history_low_at', 'history_first_at', 'history_last_at', 'trade_ids'],
];

export const UPSERT_SOURCE = replaceById('sources', SOURCE_COLUMNS);
export const UPSERT_INSTRUMENT = replaceById('instruments', INSTRUMENT_COLUMNS);
export const SELECT_SOURCES = `SELECT ${SOURCE_COLUMNS.join(', ')} FROM sources ORDER BY id`;
export const SELECT_INSTRUMENTS = `SELECT ${INSTRUMENT_COLUMNS.join(', ')} FROM instruments ORDER BY id`;

function replaceById(table: string, columns: readonly string[]): string {
  return `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`;
}

export function sourceValues(source: SourceState): SQLInputValue[] {
  return [
    source.id,
    source.mode,
    source.exchange,
    source.watermarkMs,
    source.feedUp ? 1 : 0,
    source.upSinceMs,
    source.finalUpToMs,
    source.evictedBeforeMs,
    JSON.stringify(source.brokenMinutes.map((range) => [edgeJson(range.fromMs), edgeJson(range.toMs)])),
    source.frames,
    source.counted,
    JSON.stringify(Array.from(source.rejected)),
    source.evictedCount,
    JSON.stringify(source.brokenLonger.map(({ intervalMs, openMs }) => [intervalMs, openMs])),
  ];
}

export function sourceFrom(row: Row): SourceState {
  return {
    id: numberAt(row, 0),
    mode: oneOf(MODES, row, 1),
    exchange: textAt(row, 2),
    watermarkMs: numberOrNullAt(row, 3),
    feedUp: numberAt(row, 4) === 1,
    upSinceMs: numberOrNullAt(row, 5),
    finalUpToMs: numberAt(row, 6),
    evictedBeforeMs: numberAt(row, 7),
    brokenMinutes: jsonAt(row, 8, areRanges).map(rangeFrom),
    frames: numberAt(row, 9),
    counted: numberAt(row, 10),
    rejected: jsonAt(row, 11, areNumbers),
    evictedCount: numberAt(row, 12),
    brokenLonger: jsonAt(row, 13, arePairs).map(([intervalMs, openMs]) => ({ intervalMs, openMs })),
  };
}

export function instrumentValues(instrument: InstrumentState): SQLInputValue[] {
  const { history } = instrument;
  return [
    instrument.id,
    instrument.source,
    instrument.symbol,
    instrument.lastPrice,
    instrument.lastAtMs,
    instrument.lastReceivedAtMs,
    history.count,
    history.sumHi,
    history.sumLo,
    history.high,
    history.highAtMs,
    history.low,
    history.lowAtMs,
    history.firstAtMs,
    history.lastAtMs,
    instrument.tradeIds,
  ];
}

export function instrumentFrom(row: Row): InstrumentState {
  return {
    id: numberAt(row, 0),
    source: numberAt(row, 1),
    symbol: numberAt(row, 2),
    lastPrice: numberAt(row, 3),
    lastAtMs: numberAt(row, 4),
    lastReceivedAtMs: numberAt(row, 5),
    history: {
      count: numberAt(row, 6),
      sumHi: numberAt(row, 7),
      sumLo: numberAt(row, 8),
      high: numberAt(row, 9),
      highAtMs: numberAt(row, 10),
      low: numberAt(row, 11),
      lowAtMs: numberAt(row, 12),
      firstAtMs: numberAt(row, 13),
      lastAtMs: numberAt(row, 14),
    },
    tradeIds: bytesOrNullAt(row, 15),
  };
}

function areNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function arePairs(value: unknown): value is [number, number][] {
  return Array.isArray(value) && value.every((pair) => areNumbers(pair) && pair.length === 2);
}

type Edge = number | 'Infinity' | '-Infinity';

/** JSON has no infinity: a range that is open to one side has its name instead. */
function edgeJson(edgeMs: number): Edge {
  if (edgeMs === Number.POSITIVE_INFINITY) return 'Infinity';
  return edgeMs === Number.NEGATIVE_INFINITY ? '-Infinity' : edgeMs;
}

function rangeFrom([from, to]: readonly [Edge, Edge]): BrokenMinutes {
  return { fromMs: Number(from), toMs: Number(to) };
}

function isEdge(value: unknown): value is Edge {
  return typeof value === 'number' || value === 'Infinity' || value === '-Infinity';
}

function areRanges(value: unknown): value is [Edge, Edge][] {
  return (
    Array.isArray(value) && value.every((range) => Array.isArray(range) && range.length === 2 && range.every(isEdge))
  );
}
