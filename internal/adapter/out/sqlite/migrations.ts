/** One step of the schema. Never edit one that was released: its checksum is stored. Add another. */
export interface Migration {
  /** Rises by one from 1. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** Constants rather than files: the single executable has nothing beside it. Times are Unix milliseconds. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'candles',
    sql: `
-- A candle. Sums are pairs: the exact value is hi + lo. position: log position of the newest record in it.
-- No CHECKs: they cost a third of the speed of writing.
CREATE TABLE candles (
  mode TEXT NOT NULL,
  exchange TEXT NOT NULL,
  symbol TEXT NOT NULL,
  interval TEXT NOT NULL, -- '1m', '5m', '1h', '1d'
  open_time INTEGER NOT NULL,
  state TEXT NOT NULL, -- 'forming', 'final', 'revised'
  complete INTEGER NOT NULL, -- 0, 1
  source TEXT NOT NULL,
  revision INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  position INTEGER NOT NULL,
  open REAL NOT NULL,
  high REAL NOT NULL,
  low REAL NOT NULL,
  close REAL NOT NULL,
  count INTEGER NOT NULL,
  sum_hi REAL NOT NULL,
  sum_lo REAL NOT NULL,
  quantity_count INTEGER NOT NULL,
  volume_hi REAL NOT NULL,
  volume_lo REAL NOT NULL,
  quote_volume_hi REAL NOT NULL,
  quote_volume_lo REAL NOT NULL,
  first_trade_id INTEGER,
  last_trade_id INTEGER,
  open_at INTEGER NOT NULL,
  close_at INTEGER NOT NULL,
  high_at INTEGER NOT NULL,
  low_at INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  average REAL GENERATED ALWAYS AS ((sum_hi + sum_lo) / count) VIRTUAL,
  volume REAL GENERATED ALWAYS AS (CASE WHEN quantity_count > 0 THEN volume_hi + volume_lo END) VIRTUAL,
  quote_volume REAL GENERATED ALWAYS AS (CASE WHEN quantity_count > 0 THEN quote_volume_hi + quote_volume_lo END) VIRTUAL,
  PRIMARY KEY (mode, exchange, symbol, interval, open_time)
) STRICT, WITHOUT ROWID;

CREATE VIEW aggregated_prices (pair_name, exchange, timestamp, average_price, min_price, max_price) AS
  SELECT symbol, exchange, open_time, average, low, high
  FROM candles
  WHERE mode = 'live' AND interval = '1m' AND state IN ('final', 'revised');
`,
  },
  {
    version: 2,
    name: 'checkpoint',
    sql: `
CREATE TABLE checkpoint (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  position INTEGER NOT NULL,
  mode TEXT,
  epoch INTEGER,
  since INTEGER,
  switched INTEGER,
  damaged_batches INTEGER NOT NULL,
  damaged_ticks INTEGER NOT NULL
) STRICT;

CREATE TABLE symbols (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;

-- Times that may be infinite are REAL.
CREATE TABLE sources (
  id INTEGER PRIMARY KEY,
  mode TEXT NOT NULL,
  exchange TEXT NOT NULL,
  watermark REAL,
  feed_up INTEGER NOT NULL,
  up_since REAL,
  final_up_to REAL NOT NULL,
  evicted_before REAL NOT NULL,
  broken_minutes TEXT NOT NULL, -- JSON: [[from, to], ...]
  frames INTEGER NOT NULL,
  counted INTEGER NOT NULL,
  rejected TEXT NOT NULL, -- JSON: a count for each reason
  evicted_count INTEGER NOT NULL
) STRICT;

CREATE TABLE instruments (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL,
  symbol INTEGER NOT NULL,
  last_price REAL NOT NULL,
  last_at REAL NOT NULL,
  last_received_at REAL NOT NULL,
  history_count INTEGER NOT NULL,
  history_sum_hi REAL NOT NULL,
  history_sum_lo REAL NOT NULL,
  history_high REAL NOT NULL,
  history_high_at REAL NOT NULL,
  history_low REAL NOT NULL,
  history_low_at REAL NOT NULL,
  history_first_at REAL NOT NULL,
  history_last_at REAL NOT NULL,
  trade_ids BLOB
) STRICT;

CREATE TABLE steps (
  step_ms INTEGER NOT NULL,
  step_index INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (step_ms, step_index)
) STRICT;
`,
  },
  {
    version: 3,
    name: 'longer',
    sql: `
ALTER TABLE sources ADD COLUMN broken_longer TEXT NOT NULL DEFAULT '[]'; -- JSON: [[interval_ms, open], ...]

-- What longer candles that are still open hold of minutes that have left memory.
CREATE TABLE longer (
  instrument INTEGER PRIMARY KEY,
  data BLOB NOT NULL
) STRICT;
`,
  },
  {
    version: 4,
    name: 'short-steps',
    sql: `
-- No change of tables: from here on steps may be of the shorter format, which versions before this can't read.
`,
  },
];
