import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SqliteCandleStore } from '../../internal/adapter/out/sqlite/sqlite-candle-store.ts';
import { HEADER_BYTES } from '../../internal/adapter/out/wal/record-layout.ts';
import type { CandleStore } from '../../internal/application/port/out/candle-store.ts';
import type { TickLogStats } from '../../internal/application/port/out/tick-log.ts';
import type { Logger } from '../../pkg/logger/logger.ts';
import { EXIT_CODE, StartupError } from './exit-code.ts';
import { moveCandles } from './move-candles.ts';
import type { Settings } from './settings.ts';
import { tickLogFolder } from './tick-log.ts';

const DATABASE_FILE = 'marketflow.db';
/** Says which tick log this is to a database that outlives the folder. */
const LOG_ID_FILE = 'log-id';

export interface CandleStoreParts {
  readonly settings: Settings;
  /** Taken by this process. */
  readonly dataDir: string;
  readonly nowMs: () => number;
  readonly logger: Logger;
}

/** The store of the process that runs the pipeline: PostgreSQL where its address is set, else SQLite in the data folder. */
export async function openCandleStore({ settings, dataDir, nowMs, logger }: CandleStoreParts): Promise<CandleStore> {
  const path = join(dataDir, DATABASE_FILE);
  if (settings.postgres === null) return SqliteCandleStore.open({ path });
  const log = { id: logIdOf(dataDir), isEmpty: isLogEmpty(dataDir) };
  const { PostgresCandleStore } = await postgresStore();
  const store = await PostgresCandleStore.open({ ...settings.postgres, ...settings.storage, log, nowMs });
  if (store.missing !== null) {
    logger.info({ why: store.missing }, 'without TimescaleDB: candles are kept in plain tables and never compressed');
  }
  try {
    if (existsSync(path) && ((await store.load())?.position ?? 0) === 0) await moveCandles(path, store, logger);
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Loaded only where it is used: the client takes 5 MB. */
function postgresStore(): Promise<typeof import('../../internal/adapter/out/postgres/postgres-candle-store.ts')> {
  return import('../../internal/adapter/out/postgres/postgres-candle-store.ts');
}

/** Candles for a process that only answers; null: no database is set that another process could reach. */
export async function openCandleReader(
  { postgres, storage }: Settings,
  nowMs: () => number,
): Promise<CandleStore | null> {
  if (postgres === null) return null;
  const { PostgresCandleStore } = await postgresStore();
  return PostgresCandleStore.open({ ...postgres, ...storage, log: null, nowMs });
}

/**
 * Refuses a tick log that begins behind the checkpoint: the database was lost, or the folder was used with another,
 * and what lies between is in neither.
 */
export function refuseGap(dataDir: string, checkpointPosition: number, stats: TickLogStats): void {
  if (!existsSync(join(dataDir, LOG_ID_FILE)) || stats.firstPosition <= checkpointPosition + 1) return;
  const gap = `positions ${checkpointPosition + 1} to ${stats.firstPosition - 1} are in neither`;
  const rule = 'must be used with the database it was used with, or empty';
  throw new StartupError(
    EXIT_CODE.unavailable,
    `dataDir: the tick log in ${dataDir} does not continue the checkpoint of the candle store (${gap}): ${rule}`,
  );
}

function logIdOf(dataDir: string): string {
  const path = join(dataDir, LOG_ID_FILE);
  if (!existsSync(path)) {
    const fresh = `${path}.new`;
    writeFileSync(fresh, `${randomUUID()}\n`, { flush: true });
    renameSync(fresh, path);
  }
  return readFileSync(path, 'utf8').trim();
}

function isLogEmpty(dataDir: string): boolean {
  const dir = tickLogFolder(dataDir);
  if (!existsSync(dir)) return true;
  return readdirSync(dir).every((name) => !name.endsWith('.ticks') || statSync(join(dir, name)).size <= HEADER_BYTES);
}
