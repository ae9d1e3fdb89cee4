import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { kill, nextLine, runModule } from './child-process.test-kit.ts';
import { SqliteCandleStore } from './sqlite-candle-store.ts';

const KILLS = 10;

/** Commits without end, from where the last one stopped: 1,500 candles that all count as many ticks as their position. */
const committing = (path: string) => `
import { writeSync } from 'node:fs';
import { SqliteCandleStore } from 'FOLDER/sqlite-candle-store.ts';
import { candlesDelta, manyCandles } from 'FOLDER/sample-deltas.test-kit.ts';
const store = await SqliteCandleStore.open({ path: ${JSON.stringify(path)} });
for (let position = ((await store.load())?.position ?? 0) + 1; ; position++) {
  await store.commit(candlesDelta(position, manyCandles(1500, position)));
  writeSync(1, position + '\\n');
}`;

test('kill -9 in the middle of commits leaves candles and checkpoint of one position, none that returned is lost', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sqlite-crash-'));
  const path = join(dir, 'marketflow.db');
  let stored = 0;
  for (let round = 0; round < KILLS; round++) {
    const child = runModule(committing(path));
    let returned = Number(await nextLine(child));
    child.stdout?.on('data', (chunk) => {
      returned = Number(String(chunk).trim().split('\n').at(-1));
    });
    await pause(40 + ((round * 37) % 100));
    await kill(child);
    const store = await SqliteCandleStore.open({ path });
    const position = (await store.load())?.position ?? 0;
    await store.close();
    const db = new DatabaseSync(path, { readOnly: true });
    const found = db.prepare('SELECT min(count) AS least, max(count) AS most, count(*) AS n FROM candles').get();
    assert.deepEqual({ ...found }, { least: position, most: position, n: 1500 });
    assert.equal(db.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
    db.close();
    assert.ok(position >= returned && position > stored, `stored ${position}, returned ${returned}, earlier ${stored}`);
    stored = position;
  }
  await rm(dir, { recursive: true });
});
