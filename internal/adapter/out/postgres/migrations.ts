/** One step of the schema. Never edit one that was released: its checksum is stored. Add another. */
export interface Migration {
  /** Rises by one from 1. */
  readonly version: number;
  readonly name: string;
  readonly sql: string;
  /**
   * For what can't run in a transaction (CREATE INDEX CONCURRENTLY…): one statement, which must do no harm when it
   * runs again, since the process may die before it is noted as done.
   */
  readonly outsideTransaction?: true;
}

/** Constants rather than files: the single executable has nothing beside it. Times are Unix milliseconds. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: 'candles',
    sql: `
-- A candle. Sums are pairs: the exact value is hi + lo. position: log position of the newest record in it.
CREATE TABLE candles (
  mode text NOT NULL,
  exchange text NOT NULL,
  symbol text NOT NULL,
  "interval" text NOT NULL, -- '1m', '5m', '1h', '1d'
  open_time bigint NOT NULL,
  state text NOT NULL, -- 'forming', 'final', 'revised'
  complete smallint NOT NULL, -- 0, 1
  source text NOT NULL,
  revision bigint NOT NULL,
  epoch bigint NOT NULL,
  "position" bigint NOT NULL,
  open double precision NOT NULL,
  high double precision NOT NULL,
  low double precision NOT NULL,
  close double precision NOT NULL,
  count bigint NOT NULL,
  sum_hi double precision NOT NULL,
  sum_lo double precision NOT NULL,
  quantity_count bigint NOT NULL,
  volume_hi double precision NOT NULL,
  volume_lo double precision NOT NULL,
  quote_volume_hi double precision NOT NULL,
  quote_volume_lo double precision NOT NULL,
  first_trade_id bigint,
  last_trade_id bigint,
  open_at bigint NOT NULL,
  close_at bigint NOT NULL,
  high_at bigint NOT NULL,
  low_at bigint NOT NULL,
  first_at bigint NOT NULL,
  last_at bigint NOT NULL,
  average double precision NOT NULL,
  volume double precision,
  quote_volume double precision,
  PRIMARY KEY (mode, exchange, symbol, "interval", open_time)
);

-- Every (pair, interval) of candles: so that nobody has to look through candles for them.
CREATE TABLE candle_series (
  mode text NOT NULL,
  exchange text NOT NULL,
  symbol text NOT NULL,
  "interval" text NOT NULL,
  PRIMARY KEY (mode, exchange, symbol, "interval")
);

CREATE VIEW aggregated_prices (pair_name, exchange, "timestamp", average_price, min_price, max_price) AS
  SELECT symbol, exchange, timestamptz 'epoch' + open_time * interval '1 millisecond', average, low, high
  FROM candles
  WHERE mode = 'live' AND "interval" = '1m' AND state IN ('final', 'revised');

-- What the age of a chunk is measured by.
CREATE FUNCTION now_ms() RETURNS bigint LANGUAGE sql STABLE AS
  'SELECT (extract(epoch FROM now()) * 1000)::bigint';

-- Drops candles of series that open before a time, oldest first, at most so many of each series. A null stands for
-- every mode, exchange or interval. Pair by pair along the key: rows that stay are not looked at.
CREATE FUNCTION drop_candles(of_mode text, of_exchange text, of_interval text, before bigint, of_series_max int)
RETURNS bigint LANGUAGE plpgsql AS $function$
DECLARE
  series candle_series;
  bound bigint;
  dropped bigint := 0;
  part bigint;
BEGIN
  FOR series IN
    SELECT * FROM candle_series s
    WHERE (of_mode IS NULL OR s.mode = of_mode) AND (of_exchange IS NULL OR s.exchange = of_exchange)
      AND (of_interval IS NULL OR s."interval" = of_interval)
  LOOP
    SELECT c.open_time INTO bound FROM candles c
    WHERE c.mode = series.mode AND c.exchange = series.exchange AND c.symbol = series.symbol
      AND c."interval" = series."interval" AND c.open_time < before
    ORDER BY c.open_time OFFSET of_series_max LIMIT 1;
    DELETE FROM candles c
    WHERE c.mode = series.mode AND c.exchange = series.exchange AND c.symbol = series.symbol
      AND c."interval" = series."interval" AND c.open_time < coalesce(bound, before);
    GET DIAGNOSTICS part = ROW_COUNT;
    dropped := dropped + part;
  END LOOP;
  RETURN dropped;
END
$function$;
`,
  },
  {
    version: 2,
    name: 'checkpoint',
    sql: `
CREATE TABLE checkpoint (
  id smallint PRIMARY KEY CHECK (id = 1),
  "position" bigint NOT NULL,
  mode text,
  epoch bigint,
  since bigint,
  switched smallint,
  damaged_batches bigint NOT NULL,
  damaged_ticks bigint NOT NULL
);

-- The one process that may write: each takes the next epoch, and a commit of an older one is refused.
CREATE TABLE owner (
  id smallint PRIMARY KEY CHECK (id = 1),
  epoch bigint NOT NULL,
  log_id text NOT NULL, -- of the tick log that the checkpoint's position counts in
  taken_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE symbols (
  id bigint PRIMARY KEY,
  name text NOT NULL
);

-- Times that may be infinite are doubles.
CREATE TABLE sources (
  id bigint PRIMARY KEY,
  mode text NOT NULL,
  exchange text NOT NULL,
  watermark double precision,
  feed_up smallint NOT NULL,
  up_since double precision,
  final_up_to double precision NOT NULL,
  evicted_before double precision NOT NULL,
  broken_minutes text NOT NULL, -- JSON: [[from, to], ...]
  frames bigint NOT NULL,
  counted bigint NOT NULL,
  rejected text NOT NULL, -- JSON: a count for each reason
  evicted_count bigint NOT NULL,
  broken_longer text NOT NULL -- JSON: [[interval_ms, open], ...]
);

CREATE TABLE instruments (
  id bigint PRIMARY KEY,
  source bigint NOT NULL,
  symbol bigint NOT NULL,
  last_price double precision NOT NULL,
  last_at double precision NOT NULL,
  last_received_at double precision NOT NULL,
  history_count bigint NOT NULL,
  history_sum_hi double precision NOT NULL,
  history_sum_lo double precision NOT NULL,
  history_high double precision NOT NULL,
  history_high_at double precision NOT NULL,
  history_low double precision NOT NULL,
  history_low_at double precision NOT NULL,
  history_first_at double precision NOT NULL,
  history_last_at double precision NOT NULL,
  trade_ids bytea
);

CREATE TABLE steps (
  step_ms bigint NOT NULL,
  step_index bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (step_ms, step_index)
);

-- What longer candles that are still open hold of minutes that have left memory.
CREATE TABLE longer (
  instrument bigint PRIMARY KEY,
  data bytea NOT NULL
);

-- Written each second, and hardly smaller when compressed.
ALTER TABLE instruments ALTER trade_ids SET STORAGE EXTERNAL;
ALTER TABLE steps ALTER data SET STORAGE EXTERNAL;
ALTER TABLE longer ALTER data SET STORAGE EXTERNAL;
`,
  },
  {
    version: 3,
    name: 'short-steps',
    sql: `
-- No change of tables: from here on steps may be of the shorter format, which versions before this can't read.
COMMENT ON COLUMN steps.data IS 'the ticks of all pairs in one step; the format says itself which it is';
`,
  },
];
