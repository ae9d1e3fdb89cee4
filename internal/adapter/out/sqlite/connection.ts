import { DatabaseSync } from 'node:sqlite';
import { checkMigrations, migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { StoreError } from './store-error.ts';

export interface WriterLimits {
  readonly busyTimeoutMs: number;
  /** The database file does not grow beyond this; null = the disk is the limit. */
  readonly maxBytes: number | null;
}

const PAGE_BYTES = 4096;

/**
 * 1 MiB of pages: what a long transaction changes beyond that goes to the log as it goes on, instead of all at once
 * in COMMIT, which can't be interrupted.
 */
const WRITER_CACHE_KIB = 1024;

/** A log that one large commit has blown up is cut back to this when it starts over. */
const LOG_KEEP_BYTES = 16 * 1024 * 1024;

/**
 * The one connection that writes. Checks the schema before anything is written, then brings it up to date.
 * `wal_autocheckpoint` is off because `WalKeeper` does that; `synchronous` NORMAL is for what it still does itself.
 */
export function openWriter(path: string, limits: WriterLimits): DatabaseSync {
  return opened(path, limits.busyTimeoutMs, false, (db) => {
    checkMigrations(db, MIGRATIONS, path);
    const journal = db.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
    if (journal !== 'wal') throw new StoreError('unwritable', `${path}: can't be put into WAL mode`);
    db.exec(`
      PRAGMA synchronous = NORMAL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${LOG_KEEP_BYTES};
      PRAGMA cache_size = -${WRITER_CACHE_KIB};
      PRAGMA temp_store = MEMORY`);
    if (limits.maxBytes !== null) db.exec(`PRAGMA max_page_count = ${Math.floor(limits.maxBytes / PAGE_BYTES)}`);
    migrate(db, MIGRATIONS, path);
    // A file that can be read and not written opens all the same: find out now.
    db.exec('BEGIN IMMEDIATE; UPDATE checkpoint SET id = id WHERE id = 1; COMMIT');
  });
}

/** Reads see the last commit, never the inside of a transaction of the writer. */
export function openReader(path: string, busyTimeoutMs: number): DatabaseSync {
  return opened(path, busyTimeoutMs, true, (db) => db.exec('PRAGMA cache_size = -2048; SELECT 1 FROM sqlite_schema'));
}

function opened(
  path: string,
  busyTimeoutMs: number,
  readOnly: boolean,
  setUp: (db: DatabaseSync) => void,
): DatabaseSync {
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly });
    setUp(db);
    return db;
  } catch (error) {
    db?.close();
    throw StoreError.from(error, path);
  }
}
