import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFolder } from '../harness/data-folder.ts';
import { startService } from '../harness/service.ts';
import { waitUntil } from '../harness/wait.ts';

test('with default settings the first price is there within five seconds of the start', async (t) => {
  const service = await startService(t, { dataDir: makeFolder(t) });
  const listeningMs = performance.now() - service.startedAtMs;
  const isThere = async () => (await service.get('/prices/latest/BTCUSDT')).status === 200;
  await waitUntil('a price', isThere, 10_000, 2);
  const tookMs = performance.now() - service.startedAtMs;
  t.diagnostic(`listening after ${Math.round(listeningMs)} ms, first price after ${Math.round(tookMs)} ms`);
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
  const answer = (await service.get('/prices/latest/BTCUSDT')).json();
  assert.match(answer.exchange, /^exchange[123]$/);
  assert.deepEqual([answer.symbol, answer.status], ['BTCUSDT', 'live']);
});
