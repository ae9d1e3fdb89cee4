import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { atEnd } from '../harness/clean-up.ts';
import { makeFolder } from '../harness/data-folder.ts';
import { assertPricesAnswer, PostgresMarket, untilCommitted, untilStorageIs } from '../harness/postgres-market.ts';
import { startPostgres } from '../harness/postgres-server.ts';

/** A new cluster takes 40 MiB, with the log that it writes ahead. */
const DISK_MIB = 160;

/** Takes all the room that there is. */
function fill(path: string): void {
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) appendFileSync(path, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

test('a full disk under PostgreSQL: nothing is lost, and it goes on when there is room', async (t) => {
  const folder = makeFolder(t);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', folder], { stdio: 'pipe' });
  } catch (error) {
    t.skip(`a file system can't be mounted here: ${String(error).split('\n').at(0)}`);
    return;
  }
  atEnd(t, () => execFileSync('umount', ['--lazy', folder]));
  chmodSync(folder, 0o755);
  const settings = { wal_level: 'minimal', max_wal_senders: '0', min_wal_size: '32MB', max_wal_size: '32MB' };
  const server = await startPostgres(t, { timescale: false, parentFolder: folder, settings });
  await server.createDatabase('disk');
  const market = await PostgresMarket.open(t, { server, database: 'disk', ticksPerSecond: 1_000, seed: 6 });
  const service = await market.start();
  await untilCommitted(service);

  const filler = join(folder, 'filler');
  fill(filler);
  const storage = await untilStorageIs(service, 'degraded', 60_000);
  assert.match(storage.detail ?? '', /No space left|53100|closed|ECONNREFUSED|recovery|starting up/);
  assert.match(server.log(), /No space left on device/);
  await assertPricesAnswer(service);

  rmSync(filler);
  // Out of space for its own log, a server stops: then somebody has to start it.
  if (server.pid === -1) await server.start();
  await untilCommitted(service, 30_000);
  const { candles } = await market.settle(service);
  t.diagnostic(`storage said: ${storage.detail}; ${candles} candles`);
});
