import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { numberAt, textAt } from './column-values.ts';
import type { Link } from './link.ts';
import type { Migration } from './migrations.ts';
import { PostgresStoreError } from './store-error.ts';

const QUERY_MS = 5_000;
/** A statement that changes tables with data in them may take long. */
const STATEMENT_MS = 600_000;
/** How long to wait for another process that migrates. */
const LOCK_MS = 60_000;
const LOCK_POLL_MS = 50;

const CREATE_TABLE = `
CREATE TABLE IF NOT EXISTS schema_migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)`;

/** SHA-256 of the SQL, hexadecimal. */
export function migrationChecksum(migration: Migration): string {
  return createHash('sha256').update(migration.sql).digest('hex');
}

/** Rejects unless what was applied is a beginning of `migrations`. Writes nothing. Returns how many were. */
export async function checkMigrations(link: Link, migrations: readonly Migration[], label: string): Promise<number> {
  const [table] = (await link.query("SELECT to_regclass('schema_migrations') IS NOT NULL", [], QUERY_MS)).rows;
  if (table?.[0] !== true) return 0;
  const applied = await link.query(
    'SELECT version, name, checksum FROM schema_migrations ORDER BY version',
    [],
    QUERY_MS,
  );
  const stored = numberAt(applied.rows.at(-1) ?? [0], 0);
  if (stored > migrations.length) {
    const text = `${label}: schema ${stored} is newer than this program's ${migrations.length}`;
    throw new PostgresStoreError('newer_format', text);
  }
  for (const [index, row] of applied.rows.entries()) {
    const migration = migrations[index];
    const same = migration?.version === numberAt(row, 0) && migrationChecksum(migration) === textAt(row, 2);
    if (same) continue;
    const text = `${label}: migration ${numberAt(row, 0)} (${textAt(row, 1)}) is not this program's`;
    throw new PostgresStoreError('corrupt_schema', text);
  }
  return applied.rows.length;
}

/** Brings the schema up to date. The caller has the lock. */
export async function migrate(link: Link, migrations: readonly Migration[], label: string): Promise<void> {
  const done = await checkMigrations(link, migrations, label);
  if (done === migrations.length) return;
  await link.script(CREATE_TABLE, QUERY_MS);
  for (const migration of migrations.slice(done)) await apply(link, migration);
}

/** One process at a time; `schema` is what the lock is for. The lock goes with the connection too. */
export async function underLock<T>(link: Link, schema: string, label: string, work: () => Promise<T>): Promise<T> {
  const key = `hashtextextended('marketflow ' || $1, 0)`;
  const endsAtMs = performance.now() + LOCK_MS;
  for (;;) {
    const [row] = (await link.query(`SELECT pg_try_advisory_lock(${key})`, [schema], QUERY_MS)).rows;
    if (row?.[0] === true) break;
    if (performance.now() > endsAtMs) {
      throw new PostgresStoreError('busy', `${label}: another process has been migrating for ${LOCK_MS / 1000} s`);
    }
    await pause(LOCK_POLL_MS * (1 + Math.random()));
  }
  try {
    return await work();
  } finally {
    if (!link.isClosed)
      await link.query(`SELECT pg_advisory_unlock(${key})`, [schema], QUERY_MS).catch(() => undefined);
  }
}

async function apply(link: Link, migration: Migration): Promise<void> {
  const note = async () => {
    const values = [migration.version, migration.name, migrationChecksum(migration)];
    await link.query('INSERT INTO schema_migrations (version, name, checksum) VALUES ($1, $2, $3)', values, QUERY_MS);
  };
  if (migration.outsideTransaction) {
    await link.script(migration.sql, STATEMENT_MS);
    await note();
    return;
  }
  await link.script('BEGIN', QUERY_MS);
  try {
    await link.script(migration.sql, STATEMENT_MS);
    await note();
    await link.script('COMMIT', STATEMENT_MS);
  } catch (error) {
    if (!link.isClosed) await link.script('ROLLBACK', QUERY_MS).catch(() => link.destroy());
    throw error;
  }
}
