import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { atEnd, type CleanUp } from './clean-up.ts';

/** An empty folder that goes with the test. */
export function makeFolder(cleanUp: CleanUp): string {
  const folder = mkdtempSync(join(tmpdir(), 'marketflow-test-'));
  atEnd(cleanUp, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

export const DATABASE_FILE = 'marketflow.db';

/** A row of the `candles` table. */
export interface StoredCandle {
  readonly mode: string;
  readonly exchange: string;
  readonly symbol: string;
  readonly interval: string;
  readonly open_time: number;
  readonly state: string;
  readonly complete: number;
  readonly source: string;
  readonly revision: number;
  readonly epoch: number;
  readonly position: number;
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly count: number;
  readonly sum_hi: number;
  readonly sum_lo: number;
  readonly average: number;
  readonly quantity_count: number;
  readonly volume: number | null;
  readonly quote_volume: number | null;
  readonly first_trade_id: number | null;
  readonly last_trade_id: number | null;
  readonly open_at: number;
  readonly close_at: number;
  readonly high_at: number;
  readonly low_at: number;
  readonly first_at: number;
  readonly last_at: number;
}

/** Runs one query on a data folder's database, whether or not a process works in it. */
export function queryRows<T>(dataDir: string, sql: string): T[] {
  const db = new DatabaseSync(join(dataDir, DATABASE_FILE), { readOnly: true, timeout: 2_000 });
  try {
    return db.prepare(sql).all() as T[];
  } finally {
    db.close();
  }
}

/** The one-minute candles. */
export function readCandles(dataDir: string): StoredCandle[] {
  return readAllCandles(dataDir).filter((row) => row.interval === '1m');
}

/** Those of every interval. */
export function readAllCandles(dataDir: string): StoredCandle[] {
  return queryRows<StoredCandle>(dataDir, 'SELECT * FROM candles ORDER BY mode, exchange, symbol, open_time');
}
