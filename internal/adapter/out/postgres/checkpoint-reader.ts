import { MINUTE_MS } from '../../../domain/model/candle.ts';
import type { CandleRow, Checkpoint, SourceState } from '../../../domain/model/checkpoint.ts';
import { intervalMsOf } from '../../../domain/model/interval-text.ts';
import { MODES, type ModeState } from '../../../domain/model/mode.ts';
import { candleColumns, candleFrom } from './candle-rows.ts';
import { INSTRUMENTS, instrumentFrom, LONGER, SOURCES, STEPS, sourceFrom } from './checkpoint-rows.ts';
import { bytesAt, numberAt, oneOf, textAt } from './column-values.ts';
import type { Link, Row, Value } from './link.ts';
import { columnList } from './table.ts';

/** For start-up. */
const QUERY_MS = 30_000;

const SELECT_CHECKPOINT = `
SELECT "position", damaged_batches, damaged_ticks, mode, epoch, since, switched FROM checkpoint`;

/** Parameters: mode, exchange, interval, earliest opening. */
const SELECT_CANDLES = `
SELECT ${candleColumns('c.')} FROM candle_series s
JOIN LATERAL (
  SELECT * FROM candles c
  WHERE c.mode = s.mode AND c.exchange = s.exchange AND c.symbol = s.symbol AND c."interval" = s."interval"
    AND c.open_time >= $4
) c ON true
WHERE s.mode = $1 AND s.exchange = $2 AND s."interval" = $3
ORDER BY c.symbol, c.open_time`;

/** The checkpoint as of the last commit, all of it as of one moment; null when there was none. */
export async function readCheckpoint(link: Link): Promise<Checkpoint | null> {
  await link.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', [], QUERY_MS);
  try {
    return await read(link);
  } finally {
    if (!link.isClosed) await link.query('COMMIT', [], QUERY_MS).catch(() => link.destroy());
  }
}

async function read(link: Link): Promise<Checkpoint | null> {
  const all = async (text: string, values: readonly Value[] = []) => (await link.query(text, values, QUERY_MS)).rows;
  const [row] = await all(SELECT_CHECKPOINT);
  if (row === undefined) return null;
  const sources = (await all(`SELECT ${columnList(SOURCES)} FROM sources ORDER BY id`)).map(sourceFrom);
  const intervals = await all('SELECT DISTINCT "interval" FROM candle_series');
  const short = intervals
    .map((interval) => textAt(interval, 0))
    .filter((text) => (intervalMsOf(text) ?? 0) <= MINUTE_MS);
  const candles: CandleRow[] = [];
  for (const source of sources) {
    for (const interval of short) {
      for (const found of await all(SELECT_CANDLES, candleValues(source, interval))) candles.push(candleFrom(found));
    }
  }
  return {
    position: numberAt(row, 0),
    damagedBatches: numberAt(row, 1),
    damagedTicks: numberAt(row, 2),
    mode: modeFrom(row),
    symbols: (await all('SELECT name FROM symbols ORDER BY id')).map((symbol) => textAt(symbol, 0)),
    sources,
    instruments: (await all(`SELECT ${columnList(INSTRUMENTS)} FROM instruments ORDER BY id`)).map(instrumentFrom),
    candles,
    steps: (await all(`SELECT ${columnList(STEPS)} FROM steps ORDER BY step_ms, step_index`)).map((step) => ({
      stepMs: numberAt(step, 0),
      index: numberAt(step, 1),
      data: bytesAt(step, 2),
    })),
    longer: (await all(`SELECT ${columnList(LONGER)} FROM longer ORDER BY instrument`)).map((longer) => ({
      instrument: numberAt(longer, 0),
      data: bytesAt(longer, 1),
    })),
  };
}

function candleValues({ mode, exchange, evictedBeforeMs }: SourceState, interval: string): Value[] {
  return [
    mode,
    exchange,
    interval,
    Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, evictedBeforeMs)),
  ];
}

function modeFrom(row: Row): ModeState | null {
  if (row[3] === null) return null;
  return {
    mode: oneOf(MODES, row, 3),
    epoch: numberAt(row, 4),
    sinceMs: numberAt(row, 5),
    switched: numberAt(row, 6) === 1,
  };
}
