import assert from 'node:assert/strict';
import fs, { readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { candlesDelta, manyCandles } from './sample-deltas.test-kit.ts';

/** Files that were synced, in order, and whether the next sync fails; in place before the store is loaded. */
const synced: string[] = [];
let failure: Error | null = null;
const { fdatasync } = fs;
const watched = (fd: number, done: fs.NoParamCallback): void => {
  const file = basename(readlinkSync(`/proc/self/fd/${fd}`));
  if (failure !== null) {
    done(failure);
    return;
  }
  fdatasync(fd, (error) => {
    synced.push(file);
    done(error);
  });
};
fs.fdatasync = Object.assign(watched, { __promisify__: fdatasync.__promisify__ });
syncBuiltinESMExports();
const { SqliteCandleStore } = await import('./sqlite-candle-store.ts');

async function openStore(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'sqlite-sync-'));
  const store = await SqliteCandleStore.open({ path: join(dir, 'marketflow.db') });
  synced.length = 0;
  failure = null;
  t.after(async () => {
    await store.close();
    await rm(dir, { recursive: true });
  });
  return store;
}

test('a commit is done once the write-ahead log is synced, not before', async (t) => {
  const store = await openStore(t);
  for (let position = 1; position <= 3; position++) {
    await store.commit(candlesDelta(position, manyCandles(2, position)));
    assert.deepEqual(synced, Array(position).fill('marketflow.db-wal'));
  }
});

test('a long log is copied back behind the commit: the database file is synced too, before the next commit begins', async (t) => {
  const store = await openStore(t);
  await store.commit(candlesDelta(1, manyCandles(12_000, 1)));
  await store.commit(candlesDelta(2, manyCandles(2, 2)));
  assert.deepEqual(synced, ['marketflow.db-wal', 'marketflow.db', 'marketflow.db-wal']);
});

test('a sync that fails is final: the commit is refused, and so is every later one', async (t) => {
  const store = await openStore(t);
  await store.commit(candlesDelta(1, manyCandles(2, 1)));
  failure = Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  const isFatal = { name: 'StoreError', code: 'io', severity: 'fatal' };
  await assert.rejects(store.commit(candlesDelta(2, manyCandles(2, 2))), isFatal);
  failure = null;
  await assert.rejects(store.commit(candlesDelta(3, manyCandles(2, 3))), isFatal);
});
