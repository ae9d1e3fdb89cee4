import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations.ts';
import { SqliteCandleStore } from './sqlite-candle-store.ts';

let dir = '';
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'migrate-'));
});
after(() => rm(dir, { recursive: true }));

async function altered(name: string, sql: string): Promise<string> {
  const path = join(dir, `${name}.db`);
  await (await SqliteCandleStore.open({ path })).close();
  const db = new DatabaseSync(path);
  db.exec(sql);
  db.close();
  return path;
}

test('versions rise by one from 1, and opening twice applies them once', async () => {
  assert.deepEqual(
    MIGRATIONS.map(({ version }) => version),
    MIGRATIONS.map((_, index) => index + 1),
  );
  const path = await altered('twice', 'SELECT 1');
  await (await SqliteCandleStore.open({ path })).close();
  const db = new DatabaseSync(path);
  assert.equal(db.prepare('SELECT count(*) AS n FROM schema_migrations').get()?.['n'], MIGRATIONS.length);
  db.close();
});

test('refuses a newer format and leaves the file as it is', async () => {
  const path = await altered('newer', "INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'x', 'y')");
  const before = await readFile(path);
  await assert.rejects(SqliteCandleStore.open({ path }), { code: 'newer_format', severity: 'fatal', message: /99/ });
  assert.deepEqual(await readFile(path), before);
});

test('refuses a changed checksum and a gap', async () => {
  const changed = await altered('changed', "UPDATE schema_migrations SET checksum = 'y' WHERE version = 1");
  await assert.rejects(SqliteCandleStore.open({ path: changed }), { code: 'corrupt_schema', severity: 'fatal' });
  const gap = await altered('gap', 'DELETE FROM schema_migrations WHERE version = 1');
  await assert.rejects(SqliteCandleStore.open({ path: gap }), { code: 'corrupt_schema' });
});

test('refuses what is no database, or that of another program', async () => {
  const text = join(dir, 'text.db');
  await writeFile(text, 'this is no database\n'.repeat(500));
  await assert.rejects(SqliteCandleStore.open({ path: text }), { code: 'not_a_database', severity: 'fatal' });
  const other = join(dir, 'other.db');
  const db = new DatabaseSync(other);
  db.exec('CREATE TABLE candles (x)');
  db.close();
  await assert.rejects(SqliteCandleStore.open({ path: other }), { code: 'corrupt_schema', message: /another program/ });
});

test('refuses a place where there can be no file', async () => {
  for (const path of [dir, join(dir, 'none', 'x.db')]) {
    await assert.rejects(SqliteCandleStore.open({ path }), { code: 'unwritable', severity: 'fatal' }, path);
  }
});

test('a migration that fails leaves nothing, those before it stay', () => {
  const db = new DatabaseSync(':memory:');
  const broken = { version: 2, name: 'broken', sql: 'CREATE TABLE b (x); CREATE TABLE a (x)' };
  const sound = { version: 1, name: 'sound', sql: 'CREATE TABLE a (x)' };
  assert.throws(() => migrate(db, [sound, broken], 'test'), /already exists/);
  const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  assert.deepEqual(
    names.map(({ name }) => name),
    ['a', 'schema_migrations'],
  );
  migrate(db, [sound, { ...broken, sql: 'CREATE TABLE b (x)' }], 'test');
  db.close();
});

test('a file of the first release is brought up to date, its checkpoint is still there', async () => {
  const path = join(dir, 'first-release.db');
  const db = new DatabaseSync(path);
  migrate(db, MIGRATIONS.slice(0, 2), path);
  db.exec(`
    INSERT INTO checkpoint VALUES (1, 7, 'live', 3, 5, 1, 0, 0);
    INSERT INTO sources VALUES (0, 'live', 'exchange1', 9.0, 1, NULL, 0.0, 0.0, '[]', 4, 3, '[1]', 0)`);
  db.close();
  const store = await SqliteCandleStore.open({ path });
  const loaded = await store.load();
  await store.close();
  assert.deepEqual([loaded?.position, loaded?.mode?.epoch, loaded?.longer], [7, 3, []]);
  assert.deepEqual([loaded?.sources[0]?.counted, loaded?.sources[0]?.brokenLonger], [3, []]);
});
