import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { AlignedBytes, HEADER_BYTES, writeSegmentHeader } from '../../internal/adapter/out/wal/record-layout.ts';
import { segmentPath } from '../../internal/adapter/out/wal/segment-file.ts';
import { atEnd } from '../harness/clean-up.ts';
import { DATABASE_FILE, makeFolder } from '../harness/data-folder.ts';
import { type ServiceOptions, spawnService, startService } from '../harness/service.ts';
import { tickLogFolder } from '../harness/tick-log-files.ts';

const REFUSAL_MAX_MS = 2_000;

/** It ends in time with the code, and says why in one readable line for each of `lines`. */
async function assertRefused(t: TestContext, options: ServiceOptions, code: number, lines: readonly RegExp[]) {
  const service = spawnService(t, options);
  const end = await service.ended;
  const tookMs = performance.now() - service.startedAtMs;
  assert.deepEqual(end, { code, signal: null }, service.stderr);
  const said = service.stderr.trimEnd().split('\n');
  assert.equal(said.length, lines.length, service.stderr);
  for (const [index, line] of lines.entries()) assert.match(said[index] ?? '', line);
  for (const line of said) {
    assert.match(line, /^marketflow: /);
    assert.doesNotMatch(line, /^\s+at |Error:|node:internal/);
  }
  assert.equal(service.stdout, '');
  assert.ok(tookMs < REFUSAL_MAX_MS, `it took ${tookMs} ms`);
}

test('--help and --version answer and end', async (t) => {
  const help = spawnService(t, { dataDir: makeFolder(t), args: ['--help'] });
  assert.deepEqual(await help.ended, { code: 0, signal: null });
  assert.match(help.stdout, /^Usage:$/m);
  const version = spawnService(t, { dataDir: makeFolder(t), args: ['--version'] });
  assert.deepEqual(await version.ended, { code: 0, signal: null });
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('wrong flags end with 64', async (t) => {
  const dataDir = makeFolder(t);
  await assertRefused(t, { dataDir, args: ['--prot', '1'] }, 64, [/"--prot" .*--port/]);
  await assertRefused(t, { dataDir, args: ['--port', '70000'] }, 64, [/70000.*65535/]);
  await assertRefused(t, { dataDir, args: ['run'] }, 64, [/"run"/]);
});

test('a taken port ends with 69', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  atEnd(t, () => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const environment = { MARKETFLOW_SERVER_PORT: String(port) };
  await assertRefused(t, { dataDir: makeFolder(t), environment }, 69, [
    new RegExp(`server\\.port: .*:${port} is taken`),
  ]);
});

test('a data folder that another process has ends with 69, and does no harm to the other', async (t) => {
  const dataDir = makeFolder(t);
  const first = await startService(t, { dataDir });
  await assertRefused(t, { dataDir }, 69, [/another process/]);
  assert.equal((await first.get('/readyz')).status, 200);
  assert.deepEqual(await first.stop(), { code: 0, signal: null });
});

test('a data folder that is a file, or in a file, ends with 69', async (t) => {
  const file = join(makeFolder(t), 'file');
  writeFileSync(file, 'not a folder');
  await assertRefused(t, { dataDir: file }, 69, [/file/]);
  await assertRefused(t, { dataDir: join(file, 'data') }, 69, [/file/]);
});

test('wrong settings end with 78, all problems at once, each with key, value and rule', async (t) => {
  const dataDir = makeFolder(t);
  const configFile = join(dataDir, 'marketflow.yaml');
  writeFileSync(configFile, 'mode: sideways\nserver:\n  prot: 1\ncandles: { lateness: 5 parsecs }\n');
  const environment = { MARKETFLOW_FEEDS_BACKOFF_MIN: '20s', MARKETFLOW_FEEDS_BACKOFF_MAX: '1s' };
  const args = ['--config', configFile];
  await assertRefused(t, { dataDir, args }, 78, [
    /server\.prot .*line 3.*server\.port/,
    /mode .*"sideways".*live, test/,
    /candles\.lateness .*"5 parsecs"/,
  ]);
  await assertRefused(t, { dataDir, environment }, 78, [/feeds\.backoffMin.*feeds\.backoffMax.*20s.*1s/]);
  await assertRefused(t, { dataDir, environment: { MARKETFLOW_SREVER_PORT: '1' } }, 78, [/MARKETFLOW_SREVER_PORT/]);
  await assertRefused(t, { dataDir, args: ['--config', join(dataDir, 'none.yaml')] }, 78, [/none\.yaml/]);
});

test('data of a newer format ends with 78', async (t) => {
  const dataDir = makeFolder(t);
  const service = await startService(t, { dataDir });
  await service.stop();
  const db = new DatabaseSync(join(dataDir, DATABASE_FILE));
  db.exec("INSERT INTO schema_migrations (version, name, checksum) VALUES (99, 'from the future', 'x')");
  db.close();
  await assertRefused(t, { dataDir }, 78, [/newer/]);

  const other = makeFolder(t);
  mkdirSync(tickLogFolder(other), { recursive: true });
  const header = new AlignedBytes(HEADER_BYTES);
  writeSegmentHeader(header, 1, 99);
  writeFileSync(segmentPath(tickLogFolder(other), 1), header.bytes);
  await assertRefused(t, { dataDir: other }, 78, [/version 99/]);

  const foreign = makeFolder(t);
  writeFileSync(
    join(foreign, DATABASE_FILE),
    'this is no database, but a text of more than a hundred bytes'.repeat(20),
  );
  await assertRefused(t, { dataDir: foreign }, 78, [/marketflow\.db/]);
});
