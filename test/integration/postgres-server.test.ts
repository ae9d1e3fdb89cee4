import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import postgres from 'postgres';
import { atEnd, type CleanUp } from '../harness/clean-up.ts';
import { startPostgres } from '../harness/postgres-server.ts';
import { waitUntil } from '../harness/wait.ts';

const HARNESS = fileURLToPath(new URL('../harness/postgres-server.ts', import.meta.url));
const SLOW_DEADLINE_MS = 20_000;

function connect(cleanUp: CleanUp, url: string): postgres.Sql {
  const sql = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  atEnd(cleanUp, () => sql.end({ timeout: 0 }));
  return sql;
}

const hasCode =
  (...codes: string[]) =>
  (error: unknown) =>
    codes.includes((error as { code: string }).code);

/** T: stopped. null: gone, or dead and waiting for whoever inherited it. */
function stateOf(pid: number): string | null {
  try {
    const [, state = null] = /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return state === 'Z' ? null : state;
  } catch {
    return null;
  }
}

const areGone = (pids: readonly number[]) => pids.every((pid) => stateOf(pid) === null);

const server = await startPostgres({ after });
if (!server.hasTimescale) process.stdout.write(`# no TimescaleDB beside PostgreSQL ${server.version}\n`);

test('is 15 or newer, checks passwords and makes empty databases', async (t) => {
  assert.ok(server.version >= 15);
  const [row] = await server.query('SELECT current_setting($$server_version_num$$)::int AS number');
  assert.equal(Math.floor((row?.['number'] as number) / 10_000), server.version);
  const wrong = connect(t, server.urlOf('postgres', 'marketflow', 'wrong'));
  await assert.rejects(async () => wrong`SELECT 1`, hasCode('28P01'));
  const first = connect(t, await server.createDatabase());
  const second = connect(t, await server.createDatabase());
  await first`CREATE TABLE only_in_first (id int)`;
  await assert.rejects(async () => second`SELECT * FROM only_in_first`, hasCode('42P01'));
  assert.deepEqual(await server.query('CREATE ROLE app LOGIN; SELECT 1 AS one; SELECT 2 AS two'), [{ two: 2 }]);
});

test('frozen, every session and the way in stand still; afterwards they go on', async (t) => {
  const sql = connect(t, server.url);
  await sql`SELECT 1`;
  const pids = server.signal('SIGSTOP');
  assert.ok(pids.length > 4, `${pids}`);
  await waitUntil('all are stopped', () => pids.every((pid) => ['T', null].includes(stateOf(pid))));
  let isAnswered = false;
  const answers = Promise.all([sql`SELECT 1 AS one`, server.query('SELECT 1 AS one')]);
  void answers.then(() => {
    isAnswered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(isAnswered, false);
  server.signal('SIGCONT');
  assert.deepEqual(
    (await answers).map(([row]) => row?.['one']),
    [1, 1],
  );
});

test('killed, frozen or not, it comes back with its data on the same port', async (t) => {
  await server.query('CREATE TABLE kept (id int); INSERT INTO kept VALUES (7)');
  const sql = connect(t, server.url);
  await sql`SELECT 1`;
  const { pid, url } = server;
  const pids = server.signal('SIGSTOP');
  await server.kill();
  assert.deepEqual([server.pid, areGone(pids)], [-1, true]);
  await assert.rejects(async () => sql`SELECT 1`, hasCode('CONNECTION_CLOSED', 'ECONNREFUSED'));
  await server.start();
  assert.notEqual(server.pid, pid);
  assert.equal(server.url, url);
  assert.deepEqual(await server.query('SELECT id FROM kept'), [{ id: 7 }]);
});

test('a restart takes other settings and keeps the former ones', async () => {
  await server.restartWith({ max_connections: '7', superuser_reserved_connections: '1' });
  await server.restartWith({ application_name: "it's" });
  const [row] = await server.query(
    'SELECT current_setting($$max_connections$$) AS max, current_setting($$fsync$$) AS fsync',
  );
  assert.deepEqual(row, { max: '7', fsync: 'off' });
  await server.stop();
  assert.equal(server.pid, -1);
  await assert.rejects(server.query('SELECT 1'), hasCode('ECONNREFUSED'));
  await server.start();
});

test('a setting that the server refuses is an error with the server’s words', async () => {
  await assert.rejects(server.restartWith({ max_connections: 'many' }), /max_connections/);
  await server.restartWith({ max_connections: '20' });
});

test('TimescaleDB works where it is installed', async (t) => {
  if (!server.hasTimescale) {
    t.skip('not installed beside this PostgreSQL');
    return;
  }
  const url = await server.createDatabase('hyper');
  await server.query('CREATE EXTENSION timescaledb', 'hyper');
  const sql = connect(t, url);
  await sql`CREATE TABLE ticks (at timestamptz NOT NULL, price double precision)`;
  await sql`SELECT create_hypertable('ticks', by_range('at'))`;
  await sql`INSERT INTO ticks VALUES (now(), 1)`;
  const [row] = await sql`SELECT count(*)::int AS chunks FROM timescaledb_information.chunks`;
  assert.deepEqual(row, { chunks: 1 });
  // The part of it that is built on its own.
  await sql`ALTER TABLE ticks SET (timescaledb.compress)`;
  assert.equal((await sql`SELECT compress_chunk(chunk) FROM show_chunks('ticks') AS chunk`).length, 1);
});

test('asked for, writes reach the disk, and TimescaleDB stays away', async (t) => {
  const safe = await startPostgres(t, { fsync: true, timescale: false });
  const [row] = await safe.query('SELECT current_setting($$fsync$$) AS fsync');
  assert.deepEqual([row, safe.hasTimescale], [{ fsync: 'on' }, false]);
});

for (const frozen of [false, true]) {
  test(`the test’s process is killed: the ${frozen ? 'frozen ' : ''}server and its folder go`, async (t) => {
    const script = `
      const { startPostgres } = await import(${JSON.stringify(HARNESS)});
      const server = await startPostgres({ after: () => {} });
      const pids = server.signal('${frozen ? 'SIGSTOP' : 'SIGCONT'}');
      process.stdout.write(JSON.stringify([server.folder, pids]) + '\\n');
      setInterval(() => {}, 1_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    atEnd(t, () => child.kill('SIGKILL'));
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const [folder, pids] = JSON.parse(value as string) as [string, number[]];
    assert.ok(existsSync(folder) && pids.length > 4 && !areGone(pids));
    child.kill('SIGKILL');
    await waitUntil('the folder is gone', () => !existsSync(folder), SLOW_DEADLINE_MS);
    await waitUntil('the processes are gone', () => areGone(pids), SLOW_DEADLINE_MS);
  });
}
