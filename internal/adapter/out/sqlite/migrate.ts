import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import { numberAt, textAt } from './column-values.ts';
import type { Migration } from './migrations.ts';
import { Query } from './query.ts';
import { StoreError } from './store-error.ts';

const CREATE_TABLE = `
CREATE TABLE IF NOT EXISTS schema_migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  applied_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT`;

/** SHA-256 of the SQL, hexadecimal. */
export function migrationChecksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}

/** Throws unless what was applied to the database is a beginning of `migrations`. Writes nothing. Returns how many were. */
export function checkMigrations(db: DatabaseSync, migrations: readonly Migration[], path: string): number {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  if (!tables.some((table) => table.name === 'schema_migrations')) {
    if (tables.length === 0) return 0;
    throw new StoreError('corrupt_schema', `${path}: a database of another program (table ${String(tables[0]?.name)})`);
  }
  const applied = new Query(db, 'SELECT version, name, checksum FROM schema_migrations ORDER BY version').all();
  const stored = numberAt(applied.at(-1) ?? [0], 0);
  if (stored > migrations.length) {
    throw new StoreError('newer_format', `${path}: format ${stored} is newer than this program's ${migrations.length}`);
  }
  for (const [index, row] of applied.entries()) {
    const migration = migrations[index];
    const same = migration?.version === numberAt(row, 0) && migrationChecksum(migration) === textAt(row, 2);
    if (same) continue;
    throw new StoreError(
      'corrupt_schema',
      `${path}: migration ${numberAt(row, 0)} (${textAt(row, 1)}) is not this program's`,
    );
  }
  return applied.length;
}

/** Brings the schema up to date: one transaction for each migration; processes that start together take turns. */
export function migrate(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  while (checkMigrations(db, migrations, path) < migrations.length) {
    db.exec('BEGIN IMMEDIATE');
    try {
      applyNext(db, migrations, path);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }
}

function applyNext(db: DatabaseSync, migrations: readonly Migration[], path: string): void {
  const next = migrations[checkMigrations(db, migrations, path)];
  if (next === undefined) return;
  db.exec(CREATE_TABLE);
  db.exec(next.sql);
  db.prepare('INSERT INTO schema_migrations (version, name, checksum) VALUES (?, ?, ?)').run(
    next.version,
    next.name,
    migrationChecksum(next),
  );
}
