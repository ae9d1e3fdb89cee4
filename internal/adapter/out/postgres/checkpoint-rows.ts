import type {
  BrokenMinutes,
  InstrumentState,
  LongerState,
  SourceState,
  StepSlice,
} from '../../../domain/model/checkpoint.ts';
import { MODES } from '../../../domain/model/mode.ts';
import { bytesOrNullAt, jsonAt, numberAt, numberOrNullAt, oneOf, textAt } from './column-values.ts';
import type { Row } from './link.ts';
import type { Table } from './table.ts';

export interface SymbolName {
  readonly id: number;
  readonly name: string;
}

export const SYMBOLS: Table<SymbolName> = {
  name: 'symbols',
  columns: [
    { name: 'id', type: 'bigint', of: ({ id }) => id },
    { name: 'name', type: 'text', of: ({ name }) => name },
  ],
  keyColumns: 1,
};

/** Times that may be infinite are doubles. */
export const SOURCES: Table<SourceState> = {
  name: 'sources',
  columns: [
    { name: 'id', type: 'bigint', of: (source) => source.id },
    { name: 'mode', type: 'text', of: (source) => source.mode },
    { name: 'exchange', type: 'text', of: (source) => source.exchange },
    { name: 'watermark', type: 'double precision', of: (source) => source.watermarkMs },
    { name: 'feed_up', type: 'smallint', of: (source) => (source.feedUp ? 1 : 0) },
    { name: 'up_since', type: 'double precision', of: (source) => source.upSinceMs },
    { name: 'final_up_to', type: 'double precision', of: (source) => source.finalUpToMs },
    { name: 'evicted_before', type: 'double precision', of: (source) => source.evictedBeforeMs },
    {
      name: 'broken_minutes',
      type: 'text',
      of: ({ brokenMinutes }) => JSON.stringify(brokenMinutes.map(({ fromMs, toMs }) => [edge(fromMs), edge(toMs)])),
    },
    { name: 'frames', type: 'bigint', of: (source) => source.frames },
    { name: 'counted', type: 'bigint', of: (source) => source.counted },
    { name: 'rejected', type: 'text', of: (source) => JSON.stringify(Array.from(source.rejected)) },
    { name: 'evicted_count', type: 'bigint', of: (source) => source.evictedCount },
    {
      name: 'broken_longer',
      type: 'text',
      of: ({ brokenLonger }) => JSON.stringify(brokenLonger.map(({ intervalMs, openMs }) => [intervalMs, openMs])),
    },
  ],
  keyColumns: 1,
};

export const INSTRUMENTS: Table<InstrumentState> = {
  name: 'instruments',
  columns: [
    { name: 'id', type: 'bigint', of: (one) => one.id },
    { name: 'source', type: 'bigint', of: (one) => one.source },
    { name: 'symbol', type: 'bigint', of: (one) => one.symbol },
    { name: 'last_price', type: 'double precision', of: (one) => one.lastPrice },
    { name: 'last_at', type: 'double precision', of: (one) => one.lastAtMs },
    { name: 'last_received_at', type: 'double precision', of: (one) => one.lastReceivedAtMs },
    { name: 'history_count', type: 'bigint', of: ({ history }) => history.count },
    { name: 'history_sum_hi', type: 'double precision', of: ({ history }) => history.sumHi },
    { name: 'history_sum_lo', type: 'double precision', of: ({ history }) => history.sumLo },
    { name: 'history_high', type: 'double precision', of: ({ history }) => history.high },
    { name: 'history_high_at', type: 'double precision', of: ({ history }) => history.highAtMs },
    { name: 'history_low', type: 'double precision', of: ({ history }) => history.low },
    { name: 'history_low_at', type: 'double precision', of: ({ history }) => history.lowAtMs },
    { name: 'history_first_at', type: 'double precision', of: ({ history }) => history.firstAtMs },
    { name: 'history_last_at', type: 'double precision', of: ({ history }) => history.lastAtMs },
    { name: 'trade_ids', type: 'bytea', of: (one) => one.tradeIds },
  ],
  keyColumns: 1,
};

export const STEPS: Table<StepSlice> = {
  name: 'steps',
  columns: [
    { name: 'step_ms', type: 'bigint', of: (step) => step.stepMs },
    { name: 'step_index', type: 'bigint', of: (step) => step.index },
    { name: 'data', type: 'bytea', of: (step) => step.data },
  ],
  keyColumns: 2,
};

export const LONGER: Table<LongerState> = {
  name: 'longer',
  columns: [
    { name: 'instrument', type: 'bigint', of: (longer) => longer.instrument },
    { name: 'data', type: 'bytea', of: (longer) => longer.data },
  ],
  keyColumns: 1,
};

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

type Edge = number | 'Infinity' | '-Infinity';

/** JSON has no infinity: a range that is open to one side has its name instead. */
function edge(edgeMs: number): Edge {
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

function areNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'number');
}

function arePairs(value: unknown): value is [number, number][] {
  return Array.isArray(value) && value.every((pair) => areNumbers(pair) && pair.length === 2);
}
